"""Records in the formats of other tools: one writer a format, what each cannot carry, and how much of a round trip through
it and back by the adapters of `sources` is lost. A room of its own, since no stage of the pipeline imports it: an edit here
makes nothing stale, whereas one in `dataset` would mix anew.
"""
