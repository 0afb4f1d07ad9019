"""Adapters: one module a source, each with `records(source) -> list[Record]`, all in the source's own language."""
