"""Each way to prove itself to an upstream, and secrets that cannot be sent."""

from base64 import b64encode

import pytest

from tests.unit.providers.http.fakes import contract, provider, run, sent
from toolcrib.contracts.errors import Code


def with_auth(**auth):
    return contract(api={"auth": {"secret_ref": "${KEY}"} | auth})


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"method": "api_key_header"}, ("X-API-Key", "s3cret")),
        ({"method": "api_key_header", "key_name": "X-Tide-Key"}, ("X-Tide-Key", "s3cret")),
        ({"method": "bearer"}, ("Authorization", "Bearer s3cret")),
        (
            {"method": "basic", "username": "me"},
            ("Authorization", "Basic " + b64encode(b"me:s3cret").decode()),
        ),
    ],
)
async def test_a_secret_goes_into_the_header_of_its_method(auth, header):
    assert header in (await sent(with_auth(**auth), KEY="s3cret")).headers


async def test_basic_without_a_user_takes_both_from_the_secret():
    request = await sent(with_auth(method="basic"), KEY="me:pass:wörd")
    assert ("Authorization", "Basic " + b64encode("me:pass:wörd".encode()).decode()) in request.headers


@pytest.mark.parametrize(("name", "param"), [(None, "apikey"), ("k y", "k%20y")])
async def test_a_secret_goes_encoded_into_the_query_and_into_no_header(name, param):
    request = await sent(with_auth(method="api_key_query", key_name=name), KEY="a b&c")
    assert request.url.endswith(f"?{param}=a%20b%26c")
    assert len(request.headers) == 2


async def test_no_auth_sends_no_secret():
    request = await sent(with_auth(method="none"), KEY="s3cret")
    assert "s3cret" not in str(request)


def test_a_runnable_names_the_secrets_that_it_uses():
    api = {
        "headers": {"X-A": "${A} ${B}"},
        "params": {"p": "${C}"},
        "auth": {"method": "bearer", "secret_ref": "${D}"},
    }
    assert provider().prepare(contract(api=api)).secrets == {"A", "B", "C", "D"}
    assert provider().prepare(with_auth(method="none")).secrets == frozenset()


@pytest.mark.parametrize(
    ("auth", "value"),
    [
        ({"method": "bearer"}, "value\r\nX-Evil: 1"),
        ({"method": "bearer"}, "value\n"),
        ({"method": "api_key_header"}, "value\0"),
        ({"method": "api_key_header"}, "value日本"),
        ({"method": "basic"}, "value-without-colon"),
        ({"method": "basic", "username": "u"}, "value\ud800"),
        ({"method": "api_key_query"}, "value\ud800"),
    ],
)
async def test_a_secret_that_cannot_be_sent_is_named_and_not_shown(auth, value):
    outcome, requests = await run(with_auth(**auth), KEY=value)
    assert requests == []
    assert outcome.code == Code.VALIDATION_ERROR
    assert "KEY" in outcome.message
    assert "value" not in str(outcome).replace("The value", "")


async def test_a_secret_that_a_header_text_cannot_carry_is_named_and_not_shown():
    outcome, requests = await run(contract(api={"headers": {"X-A": "v ${KEY}"}}), KEY="hidden\r\n")
    assert requests == []
    assert "KEY" in outcome.message
    assert "hidden" not in str(outcome)


@pytest.mark.parametrize("opened", [{}, {"KEY": ""}, {"OTHER": "x"}])
async def test_without_its_secret_nothing_is_sent(opened):
    outcome, requests = await run(with_auth(method="bearer"), **opened)
    assert requests == []
    assert (outcome.code, outcome.details) == (Code.SECRET_NOT_FOUND, {"secrets": ["KEY"]})
