"""Every failure has a reason of the closed set and a text that gives nothing away."""

import socket
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from toolcrib.kit.http import EgressDenied, HttpFailed, HttpTimeout
from toolcrib.kit.http.errors import MESSAGES
from toolcrib.kit.http.failures import Blocked, translate

KEY = ConnectionKey("secret-host", 8443, True, True, None, None, None)
REFUSED = ConnectionRefusedError(111, "Connect call failed ('10.9.8.7', 8443)")
RAISED = [
    (aiohttp.ClientConnectorError(KEY, REFUSED), "connect"),
    (aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(-2, "secret-host")), "resolve"),
    (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "secret-host")), "tls"),
    (aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError(1, "secret-host")), "tls"),
    (ssl.SSLError(1, "secret-host"), "tls"),
    (aiohttp.ServerDisconnectedError("secret-host"), "reset"),
    (aiohttp.ClientOSError(104, "secret-host"), "reset"),
    (aiohttp.ClientConnectionError("secret-host"), "reset"),
    (aiohttp.ClientPayloadError("secret-host"), "protocol"),
    (aiohttp.InvalidURL("https://secret-host:8443/?key=1"), "protocol"),
]


@pytest.mark.parametrize(("error", "reason"), RAISED)
@pytest.mark.parametrize("sent", [True, False])
def test_a_failure_keeps_its_reason_and_loses_its_text(error, reason, sent):
    failure = translate(error, sent=sent)

    assert isinstance(failure, HttpFailed)
    assert (failure.reason, failure.sent, str(failure)) == (reason, sent, MESSAGES[reason])


@pytest.mark.parametrize(
    "error", [TimeoutError(), aiohttp.ConnectionTimeoutError("x"), aiohttp.SocketTimeoutError("x")]
)
def test_a_passed_deadline_is_a_timeout(error):
    assert isinstance(translate(error, sent=True), HttpTimeout)


def test_a_blocked_socket_is_a_refusal():
    assert type(translate(aiohttp.ClientConnectorError(KEY, Blocked()), sent=False)) is EgressDenied


def test_a_failure_of_ours_is_kept():
    failure = HttpFailed("encoding", sent=True)

    assert translate(failure, sent=False) is failure
