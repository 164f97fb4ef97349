"""How an outgoing request fails, in words that are safe to show: no address, port state, header or query.

Providers turn these into the house's error codes.
"""

from typing import Final, Literal

Reason = Literal[
    "resolve", "connect", "tls", "reset", "protocol", "too_large", "encoding", "redirect", "proxy_away", "proxy_refused"
]  # fmt: skip

MESSAGES: Final[dict[Reason, str]] = {
    "resolve": "The upstream's name could not be resolved.",
    "connect": "No connection to the upstream could be made.",
    "tls": "The upstream's TLS certificate or handshake was not accepted.",
    "reset": "The upstream closed the connection before it answered.",
    "protocol": "The upstream's reply broke off or was not valid HTTP.",
    "too_large": "The request or the reply is larger than its limit.",
    "encoding": "The upstream's reply has a content encoding that was not asked for or cannot be decoded.",
    "redirect": "The upstream redirects elsewhere; redirects are not followed.",
    "proxy_away": "The operator's outgoing proxy is not there, or of no use. Nothing was sent, and nothing goes past it.",
    "proxy_refused": "The operator's outgoing proxy opened no way to the upstream. Nothing was sent.",
}


class HttpError(Exception):
    """A request had no usable reply; `sent` says whether any byte of it may have left."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class EgressDenied(HttpError):
    """The operator's egress policy does not allow the URL, or an address behind it; nothing was sent. A `reason` says that
    it is another rule which refuses, and that the message tells which.
    """

    def __init__(
        self, message: str = "The egress policy does not allow this URL.", reason: str | None = None
    ) -> None:
        super().__init__(message, sent=False)
        self.reason = reason


class HttpTimeout(HttpError):
    """A deadline passed: while connecting, between two reads, or for the request as a whole."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("The upstream did not answer in time.", sent=sent)


class HttpFailed(HttpError):
    """The request failed for one of a closed set of reasons."""

    def __init__(self, reason: Reason, *, sent: bool) -> None:
        super().__init__(MESSAGES[reason], sent=sent)
        self.reason = reason
