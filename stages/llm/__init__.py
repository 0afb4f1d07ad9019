"""Asking a language model: a request and its identity, the client, the Batch API, the cache of paid answers, the archive of
recorded ones, prices, budgets and how answers are read. What is asked stands elsewhere, in the room of the stage that asks.
A request's bytes are the key of its recorded answer: a change of `request` or of a prompt asks for everything anew.
"""
