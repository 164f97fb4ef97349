"""How long each request took: a header for its caller, a line for the log. Never a query string, a body or a path as sent.

Every answer passes here, so what browsers are told is put on it here too.
"""

from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolcrib.contracts.principal import Principal
from toolcrib.kit.logging import logger

from .browsers import headers_of

PREFIX = "/api/v1"
_SLOW = 1.0
_FAILED = 500
_REFUSED = 400  # from here to _FAILED a foreign thing is answered to the byte as one that does not exist
_TYPE, _STREAM = b"content-type", b"text/event-stream"
_log = logger("api")


class Timed:
    """Around the whole API and the doors beside it. Streams last as long as they are read, so they count as neither slow nor quick."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, size = perf_counter(), 0, 0
        headers: list[tuple[bytes, bytes]] = []
        scope.setdefault("state", {})

        async def timed(message: Message) -> None:
            nonlocal status, size, headers
            if message["type"] == "http.response.start":
                status = message["status"]
                # another list: some of the answers are made of one that they share
                headers = message["headers"] = [*message["headers"], *headers_of(scope)]
                if not _REFUSED <= status < _FAILED:
                    headers.append((b"server-timing", b"total;dur=%.1f" % ((perf_counter() - began) * 1_000)))
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, timed)
        finally:
            spent = perf_counter() - began
            notable = status >= _FAILED or (spent > _SLOW and _STREAM not in dict(headers).get(_TYPE, b""))
            if notable or _log.shows("debug"):
                write = _log.info if notable else _log.debug
                write(
                    "request", **_told(scope), status=status, milliseconds=round(spent * 1_000, 1), bytes=size
                )


def on_route(scope: Scope, template: str) -> None:
    """Let the log know which route answers. FastAPI's routes do not know the prefix that they are included under."""
    prefix = PREFIX if scope["path"].startswith(f"{PREFIX}/") else ""
    scope["state"]["route"] = prefix + template


def _told(scope: Scope) -> dict[str, Any]:
    """Who asked for what: the route's template, never what was sent in its place."""
    who = scope["state"].get("principal")
    known = isinstance(who, Principal)
    return {
        "method": scope["method"] if scope["method"].isalpha() else "?",
        "route": scope["state"].get("route", "none"),
        "workspace": who.workspace_id if known else None,
        "actor": who.actor_id if known else None,
    }
