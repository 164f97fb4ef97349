"""Errors that a reply means by what stands in it: a service that answers 200 with a note, a code inside an envelope."""

import json

import pytest

from tests.unit.providers.http.fakes import contract, faults, run
from toolcrib.contracts.errors import Code
from toolcrib.contracts.provider import Success
from toolcrib.kit.http import HttpReply

NOTE = {"Note": "Thank you for using our API; you have used up your calls."}
RATE = {
    "code": "QUOTE_LIMIT",
    "description": "Too many quotes today.",
    "when": {"path": "Note"},
    "http_status": 429,
}


async def outcome(reply, *errors, status=200, headers=None, **rest):
    body = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
    found, _ = await run(contract(errors=list(errors), **rest), answer=HttpReply(status, headers or {}, body))
    return found


async def test_a_note_in_a_success_is_the_error_that_it_means():
    found = await outcome(NOTE, RATE)
    assert (found.code, found.message, found.http_status) == ("QUOTE_LIMIT", "Too many quotes today.", 429)
    assert (found.details, found.retryable) == ({"status": 200}, False)


async def test_a_reply_without_the_note_is_a_success():
    assert await outcome({"price": 1}, RATE) == Success({"price": 1})


async def test_a_null_at_the_path_means_nothing():
    assert await outcome({"Note": None}, RATE) == Success({"Note": None})


async def test_nothing_of_the_note_is_told():
    found = await outcome(NOTE, {"code": "QUOTE_LIMIT", "when": {"path": "Note"}})
    assert "Thank you" not in str(found)
    assert "QUOTE_LIMIT" in found.message


SAYS_ERROR = {"schema": {"properties": {"status": {"const": "error"}}, "required": ["status"]}}


@pytest.mark.parametrize(
    ("when", "reply", "status", "means"),
    [
        (SAYS_ERROR, {"status": "error"}, 200, True),
        (SAYS_ERROR, {"status": "fine"}, 200, False),
        (SAYS_ERROR, {"status": "error"}, 500, True),
        (SAYS_ERROR | {"status": 200}, {"status": "error"}, 200, True),
        (SAYS_ERROR | {"status": 400}, {"status": "error"}, 200, False),
        (SAYS_ERROR | {"path": "why"}, {"status": "error"}, 200, False),
        (SAYS_ERROR | {"path": "why"}, {"status": "error", "why": 1}, 200, True),
        ({"path": ["error", "code"]}, {"error": {"code": 7}}, 404, True),
        ({"path": ["error", "code"]}, {"error": {}}, 200, False),
        ({"path": "/error/code"}, b"<html>", 404, False),
        ({"path": "error"}, b"", 404, False),
        ({"path": "error"}, b"", 200, False),
        ({"status": 404}, {}, 404, True),
        ({"status": 200}, {}, 200, False),
        ({}, {}, 404, False),
    ],
)  # fmt: skip
async def test_all_that_is_given_must_hold(when, reply, status, means):
    found = await outcome(reply, {"code": "MEANT", "when": when}, status=status)
    assert (getattr(found, "code", None) == "MEANT") is means


async def test_the_first_that_fits_counts():
    errors = [
        {"code": "FIRST", "when": {"status": 404, "path": "nope"}},
        {"code": "SECOND", "when": {"status": 404}},
        {"code": "THIRD", "when": {"status": 404, "path": "why"}},
    ]
    assert (await outcome({"why": 1}, *errors, status=404)).code == "SECOND"


async def test_a_reply_that_is_no_json_stays_an_upstream_error():
    assert (await outcome(b"<html>", RATE)).code == Code.UPSTREAM_ERROR


async def test_the_mapping_is_not_asked_of_an_error():
    assert (await outcome(NOTE, RATE, mapping={"response_path": "Global Quote"})).code == "QUOTE_LIMIT"


async def test_a_retry_after_is_passed_on_with_it():
    found = await outcome(NOTE, RATE, status=429, headers={"retry-after": "7"})
    assert (found.details, found.retryable) == ({"status": 429, "retry_after": 7}, True)


def test_a_path_that_is_none_is_refused_at_its_place():
    of = contract(errors=[{"code": "A"}, {"code": "B", "when": {"path": "/a~2"}}])
    assert set(faults(of)) == {"/errors/1/when/path"}
