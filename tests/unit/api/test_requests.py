"""How a request is read: whole or not at all, within its limit, strict, and by whom."""

import pytest

from toolcrib.api.errors import Refused
from toolcrib.api.requests import bearer, page_request, parse_json, read_body
from toolcrib.contracts.errors import Invalid
from toolcrib.kit.paging import PageRequest, encode


async def read(*messages, limit=10, headers=()):
    waiting = iter(messages)

    async def receive():
        return next(waiting, {"type": "http.disconnect"})

    return await read_body(
        {"headers": [(name.encode(), value.encode()) for name, value in headers]}, receive, limit
    )


def part(body=b"", more=False):
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_comes_in_one_or_in_many_parts():
    assert await read(part(b"abc")) == b"abc"
    assert await read(part(b"ab", True), part(b"", True), part(b"c", True), part()) == b"abc"


async def test_a_body_of_exactly_the_limit_is_taken():
    assert await read(part(b"12345", True), part(b"67890")) == b"1234567890"


@pytest.mark.parametrize(
    "messages",
    [
        [part(b"x" * 11)],
        [part(b"x" * 6, True), part(b"x" * 5)],
        [part(b"x" * 6, True), part(b"x" * 5, True), part(b"x")],
    ],
)
async def test_a_longer_one_is_refused_as_soon_as_it_is(messages):
    with pytest.raises(Refused) as refused:
        await read(*messages)
    assert "larger than 10 bytes" in refused.value.error.message


@pytest.mark.parametrize("length", ["11", "abc", "-1", "9" * 13, ""])
async def test_a_length_that_is_too_large_or_none_is_refused_before_the_body(length):
    with pytest.raises(Refused):
        await read(part(b""), headers=[("content-length", length)])


async def test_a_length_within_the_limit_is_let_pass():
    assert await read(part(b"abc"), headers=[("host", "x"), ("content-length", "3")]) == b"abc"


@pytest.mark.parametrize("messages", [[], [part(b"a", True)], [part(b"a", True), part(b"b", True)]])
async def test_a_request_that_breaks_off_is_refused(messages):
    with pytest.raises(Refused) as refused:
        await read(*messages)
    assert "broke off" in refused.value.error.message


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a":1,"a":2}', b"NaN", b"[" * 65 + b"]" * 65, b'"\xff"', b"{} {}"]
)
def test_what_is_not_strict_json_is_refused(body):
    with pytest.raises(Refused) as refused:
        parse_json(body)
    assert refused.value.error.details["errors"][0]["path"] == ""


@pytest.mark.parametrize("value", ["Bearer abc", "bearer abc", "BEARER  abc "])
def test_a_credential_is_read(value):
    assert bearer({"headers": [(b"host", b"x"), (b"authorization", value.encode())]}) == "abc"


@pytest.mark.parametrize("value", [None, "abc", "Bearer", "Bearer ", "Basic abc", ""])
def test_without_one_nobody_asks(value):
    headers = [] if value is None else [(b"authorization", value.encode())]
    assert bearer({"headers": headers}) == ""


def test_a_page_is_asked_for():
    assert page_request(5, encode("k")) == PageRequest(5, "k")


def test_a_cursor_of_nowhere_is_refused_at_its_place():
    with pytest.raises(Invalid) as refused:
        page_request(5, "!")
    assert refused.value.details["errors"][0]["path"] == "/query/cursor"
