"""Input becomes exactly the request that the contract describes, or nothing is sent."""

from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.providers.http.fakes import FakeClient, contract, invocation, provider, run, sent
from toolcrib.contracts.errors import Code
from toolcrib.providers.http import Limits
from toolcrib.providers.http.request import Sizes, plan_request
from toolcrib.providers.http.text import UnsendableError

HOST = "https://tides.example.com"


async def refused(of, values, **secrets):
    """The failure of a run that sends nothing."""
    outcome, requests = await run(of, values, **secrets)
    assert requests == []
    assert outcome.code == Code.VALIDATION_ERROR
    return outcome


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://tides.example.com/v2", "next", "/v2/next"),
        ("https://tides.example.com/v2/", "/next", "/v2/next"),
        ("https://tides.example.com/v2//", "//next/", "/v2/next/"),
        ("https://tides.example.com", "next", "/next"),
        ("https://tides.example.com/", "", "/"),
        ("https://tides.example.com", "", "/"),
        ("https://tides.example.com/v2", "", "/v2"),
        ("https://tides.example.com/v2", "/", "/v2/"),
        ("https://tides.example.com/a b/é", "100% {a}/%C3%BC;x=1", "/a%20b/%C3%A9/100%25%20A/%C3%BC;x=1"),
    ],
)
async def test_base_and_path_are_joined_with_one_slash_and_encoded(base, path, url):
    of = contract("a", api={"base_url": base, "path": path}, mapping={"input_to_params": {"a": "x"}})
    assert (await sent(of, {"a": "A"})).url == HOST + url + "?x=A"


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("Sankt Peter", "Sankt%20Peter"),
        ("a/b", "a%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("%2e%2e", "%252e%252e"),
        ("@evil", "%40evil"),
        ("//evil", "%2F%2Fevil"),
        ("ü", "%C3%BC"),
        ("...", "..."),
        ("a..b", "a..b"),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        ("${KEY}", "%24%7BKEY%7D"),
    ],
)
async def test_a_path_parameter_is_one_encoded_segment(value, segment):
    assert (
        await sent(contract("a", api={"path": "h/{a}/next"}), {"a": value})
    ).url == f"{HOST}/v2/h/{segment}/next"


DOTS = [".", "..", "../../admin", "a/..", "..\\a", "a/./b", "..;x", "..;/x"]


@pytest.mark.parametrize(
    "value",
    [*DOTS, "", "a\r\nX: y", "a\0", "\x7f", "\x85", "\ud800", None, [], {"a": 1}, ["a"], float("nan")],
)
async def test_a_path_parameter_that_is_no_segment_is_refused(value):
    failure = await refused(contract("a", api={"path": "h/{a}"}), {"a": value})
    assert failure.details["errors"][0]["path"] == "/a"


@pytest.mark.parametrize("value", [".", "..", ""])
async def test_dots_alone_are_refused_even_beside_other_text(value):
    await refused(contract("a", api={"path": "x{a}"}), {"a": value})


async def test_a_path_parameter_that_is_not_given_is_refused():
    assert (await refused(contract("a", api={"path": "{a}"}), {})).details["errors"][0]["path"] == "/a"


async def test_static_text_and_values_make_no_dot_segment_together():
    await refused(contract("a", "b", api={"path": "{a}.{b}"}), {"a": "x/", "b": "/y"})


BASE = "/v2/h/"
VALUES = (
    st.text(min_size=1)
    | st.integers(-(2**63), 2**64 - 1)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
)


@given(VALUES, VALUES)
def test_whatever_the_input_the_url_keeps_its_prefix_and_its_number_of_segments(one, two):
    plan = plan_request(contract("a", "b", api={"path": "h/{a}/x{b}.json"}), Sizes(1_000_000, 1, 1))
    try:
        url = plan.build(invocation({"a": one, "b": two})).url
    except UnsendableError:
        return
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}" == HOST
    assert parts.path.startswith(BASE)
    assert (parts.query, parts.fragment) == ("", "")
    segments = parts.path.split("/")
    assert len(segments) == 5
    assert not {".", ".."} & {unquote(segment) for segment in segments}
    assert unquote(segments[3]) == (one if isinstance(one, str) else orjson.dumps(one).decode())


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())))
def test_whatever_the_input_the_query_reads_back_as_what_was_given(given_input):
    plan = plan_request(contract(), Sizes(1_000_000, 1, 1))
    try:
        url = plan.build(invocation(given_input)).url
    except UnsendableError:
        return
    pairs = [
        (name, text)
        for name, value in given_input.items()
        for text in ([value] if isinstance(value, str) else value)
    ]
    assert parse_qsl(urlsplit(url).query, keep_blank_values=True, max_num_fields=None) == pairs
    assert urlsplit(url).path == "/v2/next"
    assert urlsplit(url).fragment == ""


@pytest.mark.parametrize(
    ("value", "query"),
    [
        ("a b&c=d", "?a=a%20b%26c%3Dd"),
        (True, "?a=true"),
        (False, "?a=false"),
        (0, "?a=0"),
        (1.50, "?a=1.5"),
        (1e22, "?a=1e%2B22"),
        ([1, "x", None, True], "?a=1&a=x&a=true"),
        ([], ""),
        (None, ""),
        ({"k": [1, 2]}, "?a=%7B%22k%22%3A%5B1%2C2%5D%7D"),
        ([[1, 2]], "?a=%5B1%2C2%5D"),
        ("", "?a="),
        ("a\r\nb", "?a=a%0D%0Ab"),
        ("${KEY} {{secrets.x}} $(id)", "?a=%24%7BKEY%7D%20%7B%7Bsecrets.x%7D%7D%20%24%28id%29"),
    ],
)
async def test_query_values_are_written_as_json_would_and_lists_repeat_the_key(value, query):
    assert (await sent(contract("a"), {"a": value})).url == f"{HOST}/v2/next{query}"


@pytest.mark.parametrize("value", ["\ud800", float("inf"), 2**70, object()])
async def test_a_query_value_that_cannot_be_written_is_refused(value):
    assert (await refused(contract("a"), {"a": value})).details["errors"][0]["path"] == "/a"


async def test_unmapped_inputs_of_a_get_go_into_the_query_in_the_order_of_the_schema():
    of = contract("a", "b", "c", api={"path": "{b}", "params": {"unit": "m"}})
    assert (await sent(of, {"c": 3, "b": 2, "a": 1})).url == f"{HOST}/v2/2?unit=m&a=1&c=3"


async def test_unmapped_inputs_of_a_delete_go_into_the_query():
    request = await sent(contract("a", api={"method": "DELETE"}), {"a": 1})
    assert (request.url, request.body) == (f"{HOST}/v2/next?a=1", None)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_unmapped_inputs_of_other_methods_go_into_a_json_body(method):
    request = await sent(
        contract("a", "b", api={"method": method, "path": "{a}"}), {"a": 1, "b": {"c": None}}
    )
    assert (request.method, request.url, request.body) == (method, f"{HOST}/v2/1", b'{"b":{"c":null}}')
    assert ("Content-Type", "application/json") in request.headers


async def test_with_any_mapping_only_mapped_inputs_are_sent():
    of = contract("a", "b", "c", api={"method": "POST"}, mapping={"input_to_params": {"a": "x"}})
    request = await sent(of, {"a": 1, "b": 2, "c": 3})
    assert (request.url, request.body) == (f"{HOST}/v2/next?x=1", None)
    assert "Content-Type" not in dict(request.headers)


async def test_an_input_replaces_the_static_parameter_that_it_is_mapped_to():
    of = contract("a", api={"params": {"unit": "m", "z": "1"}}, mapping={"input_to_params": {"a": "unit"}})
    assert (await sent(of, {"a": "ft"})).url.endswith("?z=1&unit=ft")
    assert (await sent(of, {})).url.endswith("?z=1&unit=m")


async def test_an_undeclared_input_never_replaces_what_the_config_fixes():
    auth = {"method": "api_key_query", "secret_ref": "${KEY}"}
    of = contract("a", api={"params": {"unit": "m"}, "auth": auth})
    assert (await sent(of, {"free": 1}, KEY="k")).url.endswith("?unit=m&free=1&apikey=k")
    for name in ("unit", "apikey"):
        await refused(of, {name: "x"}, KEY="k")


async def test_body_names_may_be_pointers_that_nest():
    places = {"a": "/q/text", "b": "/q/page/size", "c": "plain", "d": "/x~1y"}
    of = contract(*"abcd", api={"method": "POST"}, mapping={"input_to_body": places})
    assert orjson.loads((await sent(of, {"a": 1, "b": None, "c": [2], "d": 3})).body) == {
        "q": {"text": 1, "page": {"size": None}},
        "plain": [2],
        "x/y": 3,
    }


async def test_inputs_that_are_not_given_are_left_out_of_the_body():
    of = contract("a", "b", api={"method": "POST"}, mapping={"input_to_body": {"a": "/q/a", "b": "/r/b"}})
    assert (await sent(of, {"b": 1})).body == b'{"r":{"b":1}}'
    assert (await sent(of, {})).body == b"{}"


async def test_a_tool_without_inputs_sends_no_body():
    assert (await sent(contract("a", api={"method": "POST", "path": "{a}"}), {"a": 1})).body is None


async def test_an_input_that_is_no_json_is_refused():
    await refused(contract("a", api={"method": "POST"}), {"a": "\ud800"})


async def test_every_request_says_who_sends_it_and_what_it_takes():
    assert (await sent(contract())).headers == (("User-Agent", "toolcrib"), ("Accept", "application/json"))


async def test_the_config_may_say_otherwise():
    headers = {
        "user-agent": "me",
        "ACCEPT": "application/vnd.tides+json",
        "content-type": "application/merge-patch+json",
    }
    of = contract("a", api={"method": "PATCH", "headers": headers})
    assert dict((await sent(of, {"a": 1})).headers) == headers


async def test_an_input_goes_into_its_header_and_replaces_the_static_one():
    mapping = {"input_to_headers": {"a": "X-A", "b": "accept", "c": "X-C"}}
    of = contract("a", "b", "c", api={"headers": {"x-a": "fixed", "X-B": "b"}}, mapping=mapping)
    assert dict((await sent(of, {"a": True, "b": "text/*", "c": [1, 2]})).headers) == {
        "User-Agent": "toolcrib",
        "X-B": "b",
        "X-A": "true",
        "accept": "text/*",
        "X-C": "[1,2]",
    }
    assert dict((await sent(of, {"c": None})).headers) == {
        "User-Agent": "toolcrib",
        "X-B": "b",
        "X-A": "fixed",
        "accept": "application/json",
    }


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0", "a\x1b", "日本", "\x85", "\ud800"])
async def test_a_header_value_outside_the_grammar_is_refused(value):
    of = contract("a", mapping={"input_to_headers": {"a": "X-A"}})
    failure = await refused(of, {"a": value})
    assert failure.details["errors"][0]["path"] == "/a"
    assert "Evil" not in str(failure)


@given(st.text())
def test_no_input_makes_a_second_header(value):
    plan = plan_request(contract("a", mapping={"input_to_headers": {"a": "X-A"}}), Sizes(1_000_000, 1, 1))
    try:
        headers = plan.build(invocation({"a": value})).headers
    except UnsendableError:
        return
    assert [name for name, _ in headers] == ["User-Agent", "Accept", "X-A"]
    assert not {"\r", "\n", "\0"} & set(headers[-1][1])


async def test_the_idempotency_key_is_the_execution_of_an_idempotent_tool():
    assert ("Idempotency-Key", "exec-1") in (await sent(contract(idempotent=True))).headers
    assert "Idempotency-Key" not in dict((await sent(contract(idempotent=False))).headers)


async def test_references_in_headers_and_params_are_filled_once_and_encoded():
    of = contract(api={"headers": {"X-A": "v1 ${A}/${B}"}, "params": {"p": "${A}&x"}})
    request = await sent(of, A="${B}", B="b")
    assert ("X-A", "v1 ${B}/b") in request.headers
    assert request.url.endswith("?p=%24%7BB%7D%26x")


async def test_input_text_that_looks_like_a_reference_stays_text():
    mapping = {"input_to_headers": {"a": "X-A"}, "input_to_body": {"a": "a"}}
    of = contract("a", api={"method": "POST", "headers": {"X-B": "${KEY}"}}, mapping=mapping)
    request = await sent(of, {"a": "${KEY}"}, KEY="hidden-value")
    assert ("X-A", "${KEY}") in request.headers
    assert request.body == b'{"a":"${KEY}"}'


async def test_a_request_larger_than_its_limit_is_refused():
    of = contract("a", api={"method": "POST", "max_request": 100})
    await refused(of, {"a": "x" * 100})
    await refused(contract("a", api={"max_request": 100}), {"a": "x" * 100})


async def test_limits_of_the_contract_reach_the_client():
    request = await sent(contract(api={"timeout": 4, "max_request": 1000, "max_reply": 2000}))
    assert (request.timeout, request.max_request, request.max_reply) == (4, 1000, 2000)


async def test_limits_that_the_contract_leaves_open_are_the_houses_and_never_above_the_operators():
    request = await sent(contract())
    assert (request.timeout, request.max_request, request.max_reply) == (30, 1_000_000, 5_000_000)
    client = FakeClient()
    await provider(client, Limits(100, 200, 10)).prepare(contract()).run(invocation({}))
    assert (client.sent[0].timeout, client.sent[0].max_request, client.sent[0].max_reply) == (10, 100, 200)


async def test_connections_are_pooled_by_workspace():
    client = FakeClient()
    await provider(client).prepare(contract()).run(invocation({}))
    assert client.pools == ["workspace-1"]
