"""A dry run shows the request that would be sent, with every secret struck out, and sends nothing."""

import base64
import json

import pytest

from tests.unit.providers.http.fakes import FakeClient, contract, invocation, provider
from toolcrib.contracts.errors import Code
from toolcrib.contracts.provider import Previews

SECRET = "hunter2-long-enough/+?"


async def previewed(of, given=None, **secrets):
    client = FakeClient()
    http = provider(client)
    http.check(of)
    runnable = http.prepare(of)
    assert isinstance(runnable, Previews)
    outcome = await runnable.preview(invocation(given or {}, **secrets))
    assert client.sent == []
    return outcome


async def request(of, given=None, **secrets):
    made = (await previewed(of, given, **secrets)).output
    assert made["dry_run"] is True
    return made["request"]


async def test_the_request_is_shown_as_it_would_be_sent():
    of = contract("a", "b", api={"method": "POST", "path": "{a}/x", "headers": {"X-App": "crib"}})
    shown = await request(of, {"a": "o/slo", "b": [1, None]})
    assert (shown["method"], shown["url"]) == ("POST", "https://tides.example.com/v2/o%2Fslo/x")
    assert (shown["headers"]["X-App"], shown["headers"]["Content-Type"]) == ("crib", "application/json")
    assert shown["body"] == {"b": [1, None]}


async def test_a_request_without_a_body_shows_none():
    shown = await request(contract("a"), {"a": True})
    assert (shown["url"], shown["body"]) == ("https://tides.example.com/v2/next?a=true", None)


@pytest.mark.parametrize(
    "api",
    [
        {"auth": {"method": "api_key_header", "secret_ref": "${KEY}"}},
        {"auth": {"method": "api_key_query", "secret_ref": "${KEY}"}},
        {"auth": {"method": "bearer", "secret_ref": "${KEY}"}},
        {"auth": {"method": "basic", "secret_ref": "${KEY}", "username": "me"}},
        {"headers": {"X-Two": "a ${KEY} b"}},
        {"params": {"two": "a ${KEY} b"}},
    ],
)
async def test_every_secret_is_struck_out(api):
    shown = json.dumps(await request(contract("a", api={"method": "POST"} | api), {"a": SECRET}, KEY=SECRET))
    assert "[secret:KEY]" in shown
    assert "hunter2" not in shown
    assert base64.b64encode(f"me:{SECRET}".encode()).decode() not in shown


async def test_a_deep_input_is_shown_too():
    deep = json.loads("[" * 63 + "]" * 63)
    of = contract("a", api={"method": "POST"})
    assert (await request(of, {"a": deep}))["body"] == {"a": deep}


async def test_what_could_not_be_sent_is_refused_as_in_a_run():
    outcome = await previewed(contract("a", api={"path": "{a}"}), {"a": ".."})
    assert outcome.code == Code.VALIDATION_ERROR


async def test_a_missing_secret_is_named():
    of = contract(api={"auth": {"method": "bearer", "secret_ref": "${KEY}"}})
    assert (await previewed(of)).code == Code.SECRET_NOT_FOUND


async def test_an_authorization_that_nobody_can_give_is_wanted_and_nothing_sent():
    of = contract(api={"auth": {"method": "oauth_stub"}})
    assert (await previewed(of)).code == Code.AUTHORIZATION_REQUIRED
    client = FakeClient()
    found = await provider(client).prepare(of).run(invocation({}))
    assert (found.code, client.sent, found.retryable) == (Code.AUTHORIZATION_REQUIRED, [], False)


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        (73419265, "[secret:KEY]"),
        (173419265.5, "[secret:KEY]"),
        ({"73419265": 1, "[secret:KEY]": 2}, {"[secret:KEY] (2)": 1, "[secret:KEY]": 2}),
    ],
)
async def test_a_secret_in_a_number_or_a_key_leaves_the_body_json(given, seen):
    api = {"method": "POST", "auth": {"method": "bearer", "secret_ref": "${KEY}"}}
    shown = await request(contract("a", api=api), {"a": given}, KEY="73419265")
    assert shown["body"] == {"a": seen}
