"""What goes out and what comes back, and the grammar that a request must keep."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

from toolcrib.kit.http.errors import HttpFailed

# Whoever sets these decides where a message ends, whom it is for or how its reply is packed: that is the client's part.
_RESERVED: Final = frozenset({
    "accept-encoding", "connection", "content-length", "cookie", "expect", "host", "http2-settings", "keep-alive",
    "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]*+")
_METHOD: Final = re.compile(r"[A-Z]{1,20}")
_REFUSED_METHODS: Final = frozenset({"CONNECT", "TRACE"})
LONGEST_TIMEOUT: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request, with its deadline in seconds and its limits in bytes."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeout: float = 30.0
    max_request: int = 1_000_000
    max_reply: int = 5_000_000


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A whole reply; header names are lower-case, repeated headers are joined, the body is decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def outgoing_headers(request: HttpRequest) -> CIMultiDict[str]:
    """Check method, headers, deadline and size, and return the headers to send."""
    if not _METHOD.fullmatch(request.method) or request.method in _REFUSED_METHODS:
        raise ValueError(
            "The method of an HTTP request must be a word in capitals, and neither CONNECT nor TRACE."
        )
    if not 0 < request.timeout <= LONGEST_TIMEOUT:
        raise ValueError(
            "The timeout of an HTTP request must be a positive number of seconds, at most a day."
        )
    size = len(request.url) + len(request.body or b"")
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in request.headers:
        _check_name(name)
        if not _VALUE.fullmatch(value):
            raise ValueError(f"The value of the header {name} has a character that no header may have.")
        size += len(name) + len(value)
        headers.add(name, value)
    if size > request.max_request:
        raise HttpFailed("too_large", sent=False)
    return headers


@lru_cache(maxsize=512)
def _check_name(name: str) -> None:
    """Only accepted names are remembered: a refusal raises."""
    if not _TOKEN.fullmatch(name):
        raise ValueError("The name of a header has a character that no header name may have.")
    if name.lower() in _RESERVED or name.lower().startswith("proxy-"):
        raise ValueError(f"The header {name} is set by the client itself.")


def reply_headers(received: CIMultiDictProxy[str]) -> dict[str, str]:
    """Headers by lower-case name; what is not UTF-8 is replaced, so that it can be stored and shown."""
    headers = {name.lower(): value for name, value in received.items()}
    if len(headers) != len(received):
        headers = {name: ", ".join(received.getall(name)) for name in headers}
    if all(map(str.isascii, headers.values())):
        return headers
    return {
        name: value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        for name, value in headers.items()
    }
