"""The review page over HTTP: who is let in, what is answered, and how faults are told. Everything else is in `session`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from stages.calibration.apply import Unfit
from stages.calibration.live import Changed
from stages.calibration.session import Session
from stages.core.errors import UserError

STATIC = Path(__file__).with_name("static")
TYPES = {".js": "text/javascript", ".css": "text/css"}
FILES = {path.name: TYPES[path.suffix] for path in STATIC.iterdir() if path.suffix in TYPES}
LIMIT = 4 << 20  # bytes of a request's body
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def answer(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(value), status, HEADERS, "application/json")


class Guard:
    """Lets in only requests to the loopback address, from its own pages, with the token."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self.app, self.token = app, token
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        if said := self.fault(request):
            await answer({"error": said}, 403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def fault(self, request: Request) -> str:
        """Why the request is refused; empty if it is not."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if host not in self.hosts:
            return "this page answers under its own address only"
        if origin is not None and origin != f"http://{host}":
            return "this page answers no other page"
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return "this page answers no other page"
        parts = request.url.path.split("/")  # a script imports others by relative address, which keeps the path alone
        named = parts[2] if parts[1] == "static" and len(parts) > 2 else request.query_params.get("token", "")
        given = request.headers.get("x-review-token") or named
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            return "the address lacks its token: open the one that make review printed"
        if request.method == "POST" and not request.headers.get("content-type", "").startswith("application/json"):
            return "only JSON is taken"
        return ""


class Pages:
    """The answers of one session."""

    def __init__(self, session: Session, token: str) -> None:
        self.session, self.token = session, token

    async def index(self, request: Request) -> Response:
        """The page; of what is in it only the token changes."""
        text = (STATIC / "index.html").read_text(encoding="utf-8").replace("{token}", self.token)
        return Response(text, 200, HEADERS, "text/html")

    async def file(self, request: Request) -> Response:
        """A script or the style, of those that there are."""
        name = request.path_params["name"]
        if name not in FILES:
            return answer({"error": "no such file"}, 404)
        return Response((STATIC / name).read_bytes(), 200, HEADERS, FILES[name])

    async def api(self, request: Request) -> Response:
        """One call of the page: queue, record, findings, decide, undo, settle."""
        call, body = request.path_params["call"], dict[str, Any]()
        if request.method == "POST":
            data = bytearray()
            async for piece in request.stream():
                data += piece
                if len(data) > LIMIT:
                    return answer({"error": "the request is too large"}, 413)
            try:
                body = orjson.loads(bytes(data))
            except orjson.JSONDecodeError:
                return answer({"error": "the request is no JSON"}, 400)
            if not isinstance(body, dict):
                return answer({"error": "the request is no JSON object"}, 400)
        return await run_in_threadpool(self.call, call, request, body)

    def call(self, call: str, request: Request, body: dict[str, Any]) -> Response:
        """The answer of a call, or in words why there is none."""
        query = dict(request.query_params)
        who = str(body.get("annotator") or query.get("annotator", ""))
        if said := self.session.known(who):
            return answer({"error": said, "name": True}, 422)
        name = str(body.get("id") or query.get("id", ""))
        try:
            if (request.method, call) == ("GET", "queue"):
                keys = ("lang", "subset", "reason", "state", "decided_by", "text")
                wanted = {key.replace("decided_by", "annotator"): query[key] for key in keys if query.get(key)}
                return answer(self.session.queue(who, wanted, query.get("at", "")))
            if (request.method, call) == ("GET", "record"):
                return answer(self.session.record(name, who))
            if (request.method, call) == ("GET", "findings"):
                return answer(self.session.findings(name, who))
            if (request.method, call) == ("POST", "decide"):
                return answer(self.session.decide(who, body))
            if (request.method, call) == ("POST", "undo"):
                return answer(self.session.undo(who, body))
            if (request.method, call) == ("POST", "settle"):
                return answer(self.session.settle(who, body))
        except Changed:
            said = "the record changed meanwhile: nothing was saved. Yours is kept beside it"
            return answer({"error": said, "changed": True, "record": self.session.record(name, who)}, 409)
        except (Unfit, UserError) as error:
            return answer({"error": str(error)}, 422)
        return answer({"error": "no such call"}, 404)


def application(session: Session, token: str, port: int) -> ASGIApp:
    """The page of a session, behind its guard."""
    pages = Pages(session, token)
    routes = [
        Route("/", pages.index),
        Route("/static/{token}/{name}", pages.file),
        Route("/api/{call}", pages.api, methods=["GET", "POST"]),
    ]
    return Guard(Starlette(routes=routes), token, port)
