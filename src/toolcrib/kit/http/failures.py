"""Translates what aiohttp raises, once and in one table, into the failures of this package."""

import ssl
from typing import Final

from aiohttp import (
    ClientConnectionError,
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientOSError,
    ClientSSLError,
    ServerDisconnectedError,
)

from toolcrib.kit.http.errors import EgressDenied, HttpError, HttpFailed, HttpTimeout, Reason


class Blocked(EgressDenied, OSError):
    """A refused socket. The dialler passes on OSErrors only, hence the second base."""


# In this order: the later classes are bases of the earlier ones.
_REASONS: Final[tuple[tuple[type[Exception], Reason], ...]] = (
    (ClientConnectorCertificateError, "tls"),
    (ClientConnectorSSLError, "tls"),
    (ClientSSLError, "tls"),
    (ssl.SSLError, "tls"),
    (ClientConnectorDNSError, "resolve"),
    (ClientConnectorError, "connect"),
    (ServerDisconnectedError, "reset"),
    (ClientOSError, "reset"),
    (ClientConnectionError, "reset"),
    (OSError, "reset"),
)


def translate(error: Exception, *, sent: bool) -> HttpError:
    """The failure to raise. It does not carry the original, whose text may hold the address or the URL's query."""
    if isinstance(error, HttpError):
        return error
    if isinstance(error, TimeoutError):
        return HttpTimeout(sent=sent)
    if isinstance(error, ClientConnectorError) and isinstance(error.os_error, Blocked):
        return EgressDenied()
    reason: Reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), "protocol")
    return HttpFailed(reason, sent=sent)
