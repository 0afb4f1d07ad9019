"""People's corrections: append-only patches, each bound by a hash to the record that its annotator saw, applied in order after
the filter. A patch whose record changed is reported and never applied blindly; none is dropped. Nothing here changes what
was translated or filtered.
"""
