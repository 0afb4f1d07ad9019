"""Asking an LLM: requests with an identity, a cache that outlives runs, an archive to replay from, the endpoint."""
