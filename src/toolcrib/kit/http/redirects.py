"""Redirects for callers that may follow them: within one origin only, and each hop checked as a request of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final
from urllib.parse import urldefrag, urljoin

from toolcrib.kit.http.errors import EgressDenied, HttpError, HttpFailed
from toolcrib.kit.http.messages import HttpReply, HttpRequest
from toolcrib.kit.http.urls import parse_origin, split

MOST_HOPS: Final = 5
_MOVED: Final = frozenset({301, 302, 307, 308})
_SEE_OTHER: Final = 303
Send = Callable[[str, HttpRequest], Awaitable[HttpReply]]


async def send_following(send: Send, pool: str, request: HttpRequest) -> HttpReply:
    """Send, and follow redirects with method, body and headers as they are; `HttpFailed` for one that leads elsewhere."""
    for hop in range(MOST_HOPS + 1):
        try:
            reply = await send(pool, request)
        except HttpError as error:
            error.sent = error.sent or hop > 0
            raise
        place = reply.headers.get("location")
        if place is None or (reply.status not in _MOVED and reply.status != _SEE_OTHER):
            return reply
        request = _at(place, _as_get(request) if reply.status == _SEE_OTHER else request)
    raise HttpFailed("redirect", sent=True)


def _at(place: str, request: HttpRequest) -> HttpRequest:
    """The same request to where the reply points. Another origin would get headers that are not meant for it."""
    try:
        url = urldefrag(urljoin(request.url, place)).url
        if parse_origin(split(url)[0]) == parse_origin(split(request.url)[0]):
            return replace(request, url=url)
    except (ValueError, EgressDenied):
        pass  # no place that a request may name
    raise HttpFailed("redirect", sent=True)


def _as_get(request: HttpRequest) -> HttpRequest:
    """`303 See Other` says that the answer lies elsewhere: what was sent is not sent again."""
    headers = tuple(pair for pair in request.headers if pair[0].lower() != "content-type")
    return replace(request, method="HEAD" if request.method == "HEAD" else "GET", headers=headers, body=None)
