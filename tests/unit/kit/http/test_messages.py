"""The grammar of a request, and how a reply's headers are handed on."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from toolcrib.kit.http import HttpFailed, HttpRequest
from toolcrib.kit.http.messages import outgoing_headers, reply_headers

URL = "https://api.example/"


def test_headers_are_sent_in_their_order_and_number():
    headers = outgoing_headers(HttpRequest("GET", URL, (("X-A", "1"), ("x-b", ""), ("X-A", "two\tparts é"))))

    assert list(headers.items()) == [("X-A", "1"), ("x-b", ""), ("X-A", "two\tparts é")]


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a:", "a\r\nb", "a\n", "a\x00", "é", "a(b)", "a\ud800", "a" * 257]
)
def test_a_header_name_outside_the_grammar_is_refused(name):
    with pytest.raises(ValueError, match="header"):
        outgoing_headers(HttpRequest("GET", URL, ((name, "x"),)))


@pytest.mark.parametrize(
    "value", ["a\r\nX-Evil: 1", "a\n", "\r", "a\x00b", "\x7f", "\x1b[31m", "\x85", "\ud800"]
)
def test_a_header_value_with_a_control_character_is_refused(value):
    with pytest.raises(ValueError, match="X-A") as refused:
        outgoing_headers(HttpRequest("GET", URL, (("X-A", value),)))

    assert value not in str(refused.value)


@pytest.mark.parametrize("name", [
    "Host", "HOST", "Content-Length", "Transfer-Encoding", "Connection", "Cookie", "Upgrade", "TE", "Trailer",
    "Proxy-Authorization", "proxy-connection", "Expect", "Keep-Alive", "Accept-Encoding",
])  # fmt: skip
def test_a_header_of_the_client_itself_is_refused(name):
    with pytest.raises(ValueError, match="client itself"):
        outgoing_headers(HttpRequest("GET", URL, ((name, "x"),)))


@pytest.mark.parametrize("method", ["", "get", "GET /x", "GET\r\n", "CONNECT", "TRACE", "A" * 30])
def test_a_strange_method_is_refused(method):
    with pytest.raises(ValueError, match="method"):
        outgoing_headers(HttpRequest(method, URL))


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_call_without_an_end_is_refused(timeout):
    with pytest.raises(ValueError, match="timeout"):
        outgoing_headers(HttpRequest("GET", URL, timeout=timeout))


@pytest.mark.parametrize(
    ("headers", "body"), [((), b"x" * 81), ((("X-A", "x" * 78),), None), ((), b"x" * 100)]
)
def test_a_request_over_its_limit_is_not_sent(headers, body):
    with pytest.raises(HttpFailed) as failed:
        outgoing_headers(HttpRequest("POST", URL, headers, body, max_request=100))

    assert failed.value.reason == "too_large"
    assert not failed.value.sent


def test_reply_headers_are_lower_case_joined_and_storable():
    received = CIMultiDict([("X-A", "1"), ("x-a", "2"), ("X-B", "caf\udce9"), ("X-C", "é")])

    assert reply_headers(CIMultiDictProxy(received)) == {"x-a": "1, 2", "x-b": "caf\ufffd", "x-c": "é"}
