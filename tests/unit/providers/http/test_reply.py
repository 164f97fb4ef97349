"""A reply becomes the mapped output, or a failure that tells nothing of what the upstream wrote."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.providers.http.fakes import contract, run
from toolcrib.contracts.errors import Code
from toolcrib.contracts.provider import Success
from toolcrib.kit.http import EgressDenied, HttpError, HttpFailed, HttpReply, HttpTimeout
from toolcrib.providers.http.reply import plan_reply

QUOTE = b'{"Global Quote": {"01. symbol": "IBM", "05. price": "241.5000", "07. day": null}}'


async def output(body, of=None, status=200):
    outcome, _ = await run(of or contract(), answer=HttpReply(status, {}, body))
    assert isinstance(outcome, Success), outcome
    return outcome.output


async def failure(answer, **rest):
    outcome, requests = await run(contract(**rest), answer=answer)
    assert len(requests) == 1
    return outcome


async def refusal(status, headers=None, body=b'{"leak": "leak"}', **rest):
    found = await failure(HttpReply(status, headers or {}, body), **rest)
    assert "leak" not in str(found)
    return found


def schema(**types):
    return {"type": "object", "properties": {name: {"type": kind} for name, kind in types.items()}}


async def test_without_a_mapping_the_whole_value_is_the_output():
    assert await output(b'{"a": [1, null, "x"]}') == {"a": [1, None, "x"]}
    assert await output(b"[1]") == [1]
    assert await output(b"null") is None


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_an_empty_body_is_null_or_an_empty_object(status):
    assert await output(b"", status=status) is None
    assert await output(b"", contract(output_schema={"type": "object"}), status) == {}
    assert await output(b"", contract(output_schema={"properties": {}}), status) == {}
    assert await output(b"", contract(output_schema={"type": ["object", "null"]}), status) is None
    assert await output(b"", contract(output_schema={}), status) is None


async def test_dotted_keys_are_mapped_and_missing_fields_left_out():
    fields = {"symbol": "01. symbol", "price": "05. price", "day": "07. day", "none": "99. none"}
    mapping = {"response_path": "Global Quote", "response_to_output": fields}
    of = contract(mapping=mapping, output_schema=schema(symbol="string", price="number", none="number"))
    assert await output(QUOTE, of) == {"symbol": "IBM", "price": 241.5, "day": None}


async def test_a_response_path_alone_gives_what_stands_there():
    assert await output(b'{"a": {"b": [1, 2]}}', contract(mapping={"response_path": "a.b"})) == [1, 2]


@pytest.mark.parametrize(("path", "named"), [("Note.x", "Note.x"), (["Note", "x"], "/Note/x")])
async def test_a_response_path_that_leads_nowhere_is_an_error_that_names_it(path, named):
    found = await failure(HttpReply(200, {}, QUOTE), mapping={"response_path": path})
    assert (found.code, found.details) == (Code.MAPPING_FAILED, {"path": named})
    assert named in found.message
    assert "IBM" not in str(found)


CONVERSIONS = [
    ("number", "241.5000", 241.5),
    ("number", " -1.5e3 ", -1500.0),
    ("number", "7", 7),
    ("number", ".5", 0.5),
    ("number", "5.", 5.0),
    ("number", "18446744073709551615", 18446744073709551615),
    ("number", "1e999", "1e999"),
    ("number", "9" * 30, "9" * 30),
    ("number", "NaN", "NaN"),
    ("number", "Infinity", "Infinity"),
    ("number", "1,000", "1,000"),
    ("number", "12%", "12%"),
    ("number", "1_000", "1_000"),
    ("number", "0x10", "0x10"),
    ("number", "\u0661", "\u0661"),
    ("number", "", ""),
    ("number", "1.5.2", "1.5.2"),
    ("number", 5, 5),
    ("number", True, True),
    ("number", None, None),
    ("integer", "3", 3),
    ("integer", "+3", 3),
    ("integer", "3.000", 3),
    ("integer", "1e3", 1000),
    ("integer", "1e300", "1e300"),
    ("integer", "3.7", "3.7"),
    ("integer", "x", "x"),
    ("integer", "1e999", "1e999"),
    ("integer", 3.0, 3),
    ("integer", 3.7, 3.7),
    ("integer", 1e300, 1e300),
    ("integer", "99999999999999999999", "99999999999999999999"),
    ("integer", False, False),
    ("string", "5", "5"),
    ("string", 5, 5),
    ("boolean", "true", "true"),
    (["number", "string"], "5", "5"),
    (["number", "null"], "5", 5),
    (["integer", "null"], "5", 5),
]


@pytest.mark.parametrize(("kind", "given_value", "converted"), CONVERSIONS)
async def test_a_top_level_property_is_converted_where_the_schema_wants_a_number(
    kind, given_value, converted
):
    made = (await output(json.dumps({"a": given_value}).encode(), contract(output_schema=schema(a=kind))))[
        "a"
    ]
    assert (made, type(made)) == (converted, type(converted))


async def test_the_type_is_found_behind_references_and_branches():
    refers = {"$defs": {"price": {"anyOf": [{"type": "number"}, {"type": "null"}]}}}
    of = contract(output_schema=refers | {"properties": {"a": {"$ref": "#/$defs/price"}, "b": True}})
    assert await output(b'{"a": "1.5", "b": "1.5"}', of) == {"a": 1.5, "b": "1.5"}


@pytest.mark.parametrize("ref", ["price", "http://x/price#/$defs/n", "#/$defs/p", "price#n"])
async def test_the_type_is_found_behind_a_schema_with_an_address(ref):
    held = {"$id": "price", "$ref": "#/$defs/n", "$defs": {"n": {"$anchor": "n", "type": "number"}}}
    of = contract(
        output_schema={"$id": "http://x/", "$defs": {"p": held}, "properties": {"a": {"$ref": ref}}}
    )
    assert await output(b'{"a": "1.5"}', of) == {"a": 1.5}


async def test_nested_values_are_not_converted():
    of = contract(output_schema={"properties": {"a": {"properties": {"b": {"type": "number"}}}}})
    assert await output(b'{"a": {"b": "1"}}', of) == {"a": {"b": "1"}}


@given(st.integers(-(2**63), 2**64 - 1))
def test_every_integer_comes_through_its_text(number):
    plan = plan_reply(contract(output_schema=schema(a="integer")))
    assert plan.read(200, {}, json.dumps({"a": str(number)}).encode(), None).output == {"a": number}


@given(st.text() | st.floats() | st.integers() | st.from_regex(r"[+-]?\d*\.?\d*(e[+-]?\d+)?"))
def test_no_text_becomes_a_number_that_json_cannot_hold(value):
    plan = plan_reply(contract(output_schema=schema(a="number", b="integer")))
    body = json.dumps({"a": str(value), "b": str(value)}).encode()
    made = plan.read(200, {}, body, None)
    if isinstance(made, Success):
        json.dumps(made.output, allow_nan=False)


NOT_JSON = [
    b"<html>leak</html>",
    b'{"leak": NaN}',
    b'{"leak": 1e999}',
    b'{"leak": 1, "leak": 2}',
    b'\xef\xbb\xbf{"leak":1}',
]
NOT_JSON += [b"[" * 70 + b"]" * 70, b'{"leak": ', b'"\xff leak"', b'"\\ud800 leak"', b" ", b"9" * 5000]


@pytest.mark.parametrize("body", NOT_JSON)
async def test_what_is_not_strict_json_is_an_upstream_error(body):
    found = await refusal(200, body=body)
    assert (found.code, found.details, found.retryable) == (
        Code.UPSTREAM_ERROR,
        {"status": 200, "reason": "invalid_json"},
        False,
    )


@pytest.mark.parametrize("body", [*NOT_JSON, b""])
async def test_with_raw_it_is_kept_as_its_text(body):
    made = await output(body, contract(mapping={"raw": True}), 201)
    assert made == {"raw_response": body.decode("utf-8", "replace"), "status_code": 201}


async def test_with_raw_json_is_mapped_all_the_same():
    of = contract(mapping={"raw": True, "response_path": "a"})
    assert await output(b'{"a": {"b": 1}}', of) == {"b": 1}


async def test_with_raw_a_refusal_stays_one():
    assert (await refusal(500, body=b"leak", mapping={"raw": True})).code == Code.UPSTREAM_ERROR


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418, 429, 500, 502, 503, 504, 520, 599])
async def test_any_other_status_is_an_upstream_error_that_only_names_it(status):
    found = await refusal(status)
    assert (found.code, found.details) == (Code.UPSTREAM_ERROR, {"status": status})
    assert str(status) in found.message
    assert found.retryable == (status in {429, 502, 503, 504})


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
async def test_a_redirect_is_an_error_and_is_not_shown(status):
    found = await refusal(status, {"location": "https://leak.example.com/"})
    assert (found.code, found.details) == (Code.UPSTREAM_ERROR, {"status": status, "reason": "redirect"})


ERRORS = [
    {
        "code": "HARBOUR_NOT_FOUND",
        "description": "No such harbour.",
        "when": {"status": 404},
        "http_status": 404,
    },
    {"code": "SECOND", "when": {"status": 404}},
    {"code": "GONE", "when": {"status": 410}},
    {"code": "NEVER"},
]


async def test_a_declared_error_is_the_first_whose_status_matches():
    found = await refusal(404, errors=ERRORS)
    assert (found.code, found.http_status, found.message) == ("HARBOUR_NOT_FOUND", 404, "No such harbour.")
    assert found.details == {"status": 404}


async def test_a_declared_error_without_words_says_the_status():
    found = await refusal(410, errors=ERRORS)
    assert (found.code, found.http_status) == ("GONE", 422)
    assert "410" in found.message


async def test_a_status_that_no_declared_error_means_is_an_upstream_error():
    assert (await refusal(400, errors=ERRORS)).code == Code.UPSTREAM_ERROR


async def test_a_declared_error_never_means_success():
    of = contract(errors=[{"code": "NEVER", "when": {"status": 200}}])
    assert await output(b"1", of) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "seconds"), [("0", 0), ("30", 30), ("86400", 86400)])
async def test_a_sane_retry_after_is_passed_on(status, header, seconds):
    assert (await refusal(status, {"retry-after": header})).details == {
        "status": status,
        "retry_after": seconds,
    }


@pytest.mark.parametrize(
    "header", ["-1", "1.5", "86401", "Wed, 21 Oct 2026 07:28:00 GMT", "leak", "٣", "", "9" * 5000, "5, 5"]
)
async def test_any_other_retry_after_is_dropped(header):
    assert (await refusal(429, {"retry-after": header})).details == {"status": 429}


async def test_retry_after_means_nothing_with_another_status():
    assert (await refusal(500, {"retry-after": "5"})).details == {"status": 500}


async def test_a_timeout_is_an_upstream_timeout():
    found = await failure(HttpTimeout(sent=True))
    assert (found.code, found.details, found.retryable) == (Code.UPSTREAM_TIMEOUT, {}, True)


@pytest.mark.parametrize(
    ("rest", "sent_already", "retryable"),
    [
        ({"api": {"method": "POST"}}, True, False),
        ({"api": {"method": "POST"}}, False, True),
        ({"api": {"method": "POST"}, "idempotent": True}, True, True),
        ({"api": {"method": "GET"}}, True, True),
        ({"api": {"method": "GET"}, "effects": "write"}, True, False),
    ],
)
async def test_a_call_that_may_have_happened_is_retryable_only_where_twice_does_no_harm(
    rest, sent_already, retryable
):
    found = await failure(HttpFailed("reset", sent=sent_already), **rest)
    assert (found.code, found.details, found.retryable) == (
        Code.UPSTREAM_ERROR,
        {"reason": "reset"},
        retryable,
    )


async def test_a_denied_address_is_egress_denied():
    found = await failure(EgressDenied())
    assert (found.code, found.retryable) == (Code.EGRESS_DENIED, False)


async def test_a_request_that_the_client_finds_too_large_is_the_callers_fault():
    assert (await failure(HttpFailed("too_large", sent=False))).code == Code.VALIDATION_ERROR


async def test_a_reply_that_is_too_large_is_the_upstreams_fault():
    found = await failure(HttpFailed("too_large", sent=True))
    assert (found.code, found.details) == (Code.UPSTREAM_ERROR, {"reason": "too_large"})


async def test_any_other_failure_of_the_client_is_an_upstream_error():
    assert (await failure(HttpError("other", sent=True))).code == Code.UPSTREAM_ERROR
