"""Kind `http` through the real client against a real upstream: what is on the wire, and what each mishap becomes."""

from base64 import b64encode

import pytest
import pytest_asyncio

from tests.support.ports import LOOPBACK, free_port
from tests.unit.providers.http.fakes import opened
from toolcrib.contracts.contract import parse_contract
from toolcrib.contracts.errors import Code, EgressRefused
from toolcrib.contracts.provider import Invocation, Success
from toolcrib.kit.http import Egress, HttpClient
from toolcrib.providers.http import HttpProvider, Limits

SECRET = "tr0ub4dor-&-horse/battery+staple=="
EGRESS = Egress.parse(f"{LOOPBACK}/32")
LIMITS = Limits(max_request=1_000_000, max_reply=5_000_000, seconds=10)


@pytest_asyncio.fixture
async def http():
    client = HttpClient(EGRESS)
    yield HttpProvider(client, EGRESS, LIMITS)
    await client.close()


@pytest.fixture
def call(http, upstream):
    """Register and run once a tool with this api and mapping, at the upstream unless it says otherwise."""

    async def run(path, given=None, secrets=None, api=None, **rest):
        properties = {name: {} for name in given or {}}
        config = {
            "name": "tool",
            "description": "A tool",
            "input_schema": {"type": "object", "properties": properties},
            "api": {"base_url": upstream.url, "path": path, "timeout": 5} | (api or {}),
        }
        contract = parse_contract(config | rest)
        http.check(contract)
        return await http.prepare(contract).run(
            Invocation("exec-1", "w1", given or {}, opened(secrets or {}))
        )

    return run


AUTHS = [
    ({"method": "api_key_header"}, "x-api-key", SECRET),
    ({"method": "api_key_header", "key_name": "X-Key"}, "x-key", SECRET),
    ({"method": "bearer"}, "authorization", f"Bearer {SECRET}"),
    (
        {"method": "basic", "username": "me"},
        "authorization",
        "Basic " + b64encode(f"me:{SECRET}".encode()).decode(),
    ),
]


@pytest.mark.parametrize(("auth", "header", "value"), AUTHS)
async def test_the_upstream_sees_the_credential(call, upstream, auth, header, value):
    await call("/echo", secrets={"KEY": SECRET}, api={"auth": auth | {"secret_ref": "${KEY}"}})
    assert [request.header(header) for request in upstream.journal] == [value]


async def test_the_upstream_sees_the_key_in_the_query(call, upstream):
    auth = {"method": "api_key_query", "key_name": "k", "secret_ref": "${KEY}"}
    await call("/echo", {"q": "a b"}, {"KEY": SECRET}, api={"auth": auth})
    assert [request.query for request in upstream.journal] == [{"q": "a b", "k": SECRET}]


EVERY_AUTH = [*[auth for auth, _, _ in AUTHS], {"method": "api_key_query"}]


@pytest.mark.parametrize("auth", EVERY_AUTH)
async def test_an_upstream_that_echoes_the_secret_in_every_encoding_shows_nothing(call, auth):
    outcome = await call("/echo-key", secrets={"KEY": SECRET}, api={"auth": auth | {"secret_ref": "${KEY}"}})
    shown = str(outcome.output)
    assert shown.count("[secret:KEY]") >= 6
    token = b64encode(f"me:{SECRET}".encode())
    forms = [
        token.decode()[:-4],
        token.hex()[:-8],
        b64encode(token)[:-8].decode(),
        SECRET,
        b64encode(SECRET.encode()).decode(),
        SECRET.encode().hex(),
        "tr0ub4dor",
        "horse",
        "battery",
    ]
    assert [form for form in forms if form in shown] == []


async def test_a_body_goes_out_as_json(call, upstream):
    mapping = {"input_to_body": {"a": "/q/text"}, "input_to_headers": {"b": "X-B"}}
    await call("/echo", {"a": "${KEY} ü", "b": "b"}, api={"method": "POST"}, mapping=mapping, idempotent=True)
    (request,) = upstream.journal
    assert request.json == {"q": {"text": "${KEY} ü"}}
    sent = [
        request.header(name) for name in ("content-type", "x-b", "accept", "user-agent", "idempotency-key")
    ]
    assert sent == ["application/json", "b", "application/json", "toolcrib", "exec-1"]


async def test_dotted_keys_of_a_real_reply_are_mapped(call):
    mapping = {"input_to_params": {"s": "symbol"}, "response_path": "Global Quote"}
    mapping |= {"response_to_output": {"symbol": "01. symbol", "price": "05. price"}}
    output = {"type": "object", "properties": {"symbol": {"type": "string"}, "price": {"type": "number"}}}
    outcome = await call("/quote", {"s": "IBM"}, mapping=mapping, output_schema=output)
    assert outcome == Success({"symbol": "IBM", "price": 241.5})


async def test_path_parameters_reach_the_upstream_as_one_segment(call, upstream):
    await call("/h/{a}/next", {"a": "a/b?c#d%2e@ü"})
    assert [request.target for request in upstream.journal] == ["/h/a%2Fb%3Fc%23d%252e%40%C3%BC/next"]


@pytest.mark.parametrize("value", ["..", "../../admin", "a\r\nX-Evil: 1", "\0", "\ud800", ""])
async def test_a_value_that_would_leave_the_path_reaches_nobody(call, upstream, value):
    assert (await call("/h/{a}", {"a": value})).code == Code.VALIDATION_ERROR
    assert upstream.connections == 0


async def test_an_empty_reply_is_null(call):
    assert await call("/empty") == Success(None)


MISHAPS = [
    ("/slow?seconds=5", {"timeout": 0.2}, Code.UPSTREAM_TIMEOUT, {}),
    ("/drip?seconds=5&bytes=50", {"timeout": 0.2}, Code.UPSTREAM_TIMEOUT, {}),
    ("/reset", {}, Code.UPSTREAM_ERROR, {"reason": "reset"}),
    ("/cut", {}, Code.UPSTREAM_ERROR, {"reason": "protocol"}),
    ("/html", {}, Code.UPSTREAM_ERROR, {"status": 200, "reason": "invalid_json"}),
    ("/nan", {}, Code.UPSTREAM_ERROR, {"status": 200, "reason": "invalid_json"}),
    ("/duplicate", {}, Code.UPSTREAM_ERROR, {"status": 200, "reason": "invalid_json"}),
    ("/deep?levels=100000", {}, Code.UPSTREAM_ERROR, {"status": 200, "reason": "invalid_json"}),
    ("/gzip-bomb?mb=64", {}, Code.UPSTREAM_ERROR, {"reason": "too_large"}),
    ("/big?bytes=2000", {"max_reply": 1000}, Code.UPSTREAM_ERROR, {"reason": "too_large"}),
    ("/redirect?to=/quote", {}, Code.UPSTREAM_ERROR, {"status": 302, "reason": "redirect"}),
    ("/status/500", {}, Code.UPSTREAM_ERROR, {"status": 500}),
    ("/status/429", {}, Code.UPSTREAM_ERROR, {"status": 429}),
]


@pytest.mark.parametrize(("target", "api", "code", "details"), MISHAPS)
async def test_a_mishap_is_one_attempt_and_its_own_failure(call, upstream, target, api, code, details):
    path, _, query = target.partition("?")
    params = dict(pair.split("=") for pair in query.split("&") if pair)
    outcome = await call(path, api=api | {"params": params})
    assert (outcome.code, dict(outcome.details)) == (code, details)
    assert len(upstream.journal) == 1


async def test_a_declared_error_is_found_by_its_status(call):
    errors = [{"code": "HARBOUR_NOT_FOUND", "when": {"status": 404}, "http_status": 404}]
    outcome = await call("/nowhere", errors=errors)
    assert (outcome.code, outcome.http_status) == ("HARBOUR_NOT_FOUND", 404)


async def test_nobody_listening_is_an_upstream_error_that_may_be_tried_again(call):
    outcome = await call("/x", api={"base_url": f"http://{LOOPBACK}:{free_port()}", "method": "POST"})
    assert (outcome.code, dict(outcome.details), outcome.retryable) == (
        Code.UPSTREAM_ERROR,
        {"reason": "connect"},
        True,
    )


async def test_an_address_that_is_denied_is_refused_at_registration_and_at_the_call(upstream):
    contract = parse_contract(
        {
            "name": "t",
            "description": "",
            "input_schema": {},
            "api": {"base_url": upstream.url, "path": "quote"},
        }
    )
    client = HttpClient(Egress.parse(""))
    http = HttpProvider(client, Egress.parse(""), LIMITS)
    with pytest.raises(EgressRefused):
        http.check(contract)
    outcome = await http.prepare(contract).run(Invocation("e", "w", {}, {}))
    await client.close()
    assert outcome.code == Code.EGRESS_DENIED
    assert upstream.connections == 0
