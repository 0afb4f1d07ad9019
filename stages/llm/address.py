"""The endpoint's address, looked at before anything is asked: a wrong one is told as such, in one line."""

from __future__ import annotations

import os
import re

import httpx2

from stages.core.errors import UserError


def check_address() -> None:
    """UserError where `OPENAI_BASE_URL` is set and no address of HTTP or holds a password, which messages would show, or a
    key fits no header."""
    address = os.environ.get("OPENAI_BASE_URL")
    if address is not None:
        given = re.sub(r"(?<=//)[^/@]*@", "…@", address)
        try:
            url = httpx2.URL(address)
        except (httpx2.InvalidURL, ValueError) as error:
            raise UserError(
                "OPENAI_BASE_URL",
                f"{given!r} is no address: {error}",
                "check OPENAI_BASE_URL, as http://localhost:8000/v1",
            ) from error
        if url.scheme not in ("http", "https") or not url.host:
            raise UserError(
                "OPENAI_BASE_URL",
                f"{given!r} is no address of HTTP",
                "check OPENAI_BASE_URL, as http://localhost:8000/v1",
            )
        if url.userinfo:
            remedy = "take it out; a key goes into OPENAI_API_KEY, other headers into llm.parameters"
            raise UserError("OPENAI_BASE_URL", f"{given!r} holds a user or password", remedy)
    if not (os.environ.get("OPENAI_API_KEY") or "x").isprintable():
        raise UserError("OPENAI_API_KEY", "holds a line break or control character", "set it to the key alone")
