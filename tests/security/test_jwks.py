"""A running server and its issuer's address of keys: storms, failures and lies reach neither the issuer nor people's work."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.security.canary import Canary
from tests.security.house import environment
from tests.security.line import Line
from tests.standins.issuer import IssuerServer, hold, publish, run_issuer, say
from tests.support.client import Client, Reply
from tests.support.mint import AUDIENCE, ISSUER, Minter, private_key
from tests.support.server import Server, prepare_server
from tests.support.until import until

FIRST = Minter("ES256", kid="first")
STRANGER = Minter("ES256", private_key("ES256", 2), kid="stranger")
KNOWN = "a person whom no workspace knows"
STORM, AT_ONCE = 600, 16


@pytest.fixture
def provider() -> Iterator[IssuerServer]:
    with run_issuer() as running:
        running.answer = publish(FIRST.jwk())
        yield running


@pytest.fixture
def server(provider: IssuerServer, tmp_path: Path) -> Iterator[Server]:
    env = environment(
        TOOLCRIB_JWT_ISSUERS="corp",
        TOOLCRIB_JWT_CORP_ISSUER=ISSUER,
        TOOLCRIB_JWT_CORP_AUDIENCE=AUDIENCE,
        TOOLCRIB_JWT_CORP_ALGORITHM="ES256",
        TOOLCRIB_JWT_CORP_JWKS_URL=provider.url,
        TOOLCRIB_EGRESS_ALLOW=provider.host,
    )
    prepared = prepare_server(tmp_path / "data", env)
    prepared.start()
    yield prepared
    prepared.stop()


def ask(server: Server, token: str) -> Reply:
    return Client(server.url, token).call("GET", "/api/v1/tools")


def fresh(made: Minter, **changed: object) -> str:
    """A token that was never seen before."""
    return made.token(made.header(**changed), made.claims(jti=str(time.monotonic_ns())))


def knows(server: Server, made: Minter) -> bool:
    """Whether the server has told its log of a good token; its answer tells nobody."""
    before = server.stderr.count(KNOWN)
    assert ask(server, fresh(made)).status == 401
    return server.stderr.count(KNOWN) == before + 1


def test_a_storm_of_unknown_names_makes_one_fetch_a_minute(server: Server, provider: IssuerServer):
    begun = time.monotonic()
    assert knows(server, FIRST)
    with ThreadPoolExecutor(AT_ONCE) as many:
        answers = list(many.map(lambda n: ask(server, fresh(STRANGER, kid=f"unknown-{n}")), range(STORM)))
    minutes = int((time.monotonic() - begun) // 60) + 1

    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers}) == 1
    assert 1 <= provider.fetches <= minutes
    assert knows(server, FIRST)
    assert server.client.call("GET", "/api/v1/tools").status == 200


def test_while_the_issuer_does_not_answer_others_are_served(server: Server, provider: IssuerServer):
    provider.answer = hold(publish(FIRST.jwk()))
    with ThreadPoolExecutor(AT_ONCE) as many:
        waiting = [many.submit(ask, server, fresh(FIRST)) for _ in range(AT_ONCE // 2)]
        until(lambda: provider.fetches, "a fetch")
        assert server.client.call("GET", "/api/v1/tools").status == 200
        assert not any(one.done() for one in waiting)
        provider.released.set()
        assert {one.result().status for one in waiting} == {401}
    until(
        lambda: server.stderr.count(KNOWN) == AT_ONCE // 2, "every token to be known once the keys were there"
    )
    assert provider.fetches == 1


def test_an_issuer_that_never_answers_ends_in_a_refusal(server: Server, provider: IssuerServer):
    provider.answer = hold(publish(FIRST.jwk()))

    assert ask(server, fresh(FIRST)).status == 401
    assert "The upstream did not answer in time" in server.stderr
    assert server.client.call("GET", "/api/v1/tools").status == 200


@pytest.mark.parametrize(
    "answer",
    [say(b" " * 10_000_000), say(b"<html>"), say(b"{}", 500), publish(STRANGER.jwk(d="AAAA")), publish(Minter("RS256").jwk())],
    ids=["10 MB", "a page", "an error", "a private key", "another algorithm"],
)  # fmt: skip
def test_at_a_cold_start_a_lie_opens_nothing(server: Server, provider: IssuerServer, answer):
    provider.answer = answer
    lines = [ask(server, fresh(made)) for made in (FIRST, STRANGER, Minter("RS256"))]

    assert {line.status for line in lines} == {401}
    assert provider.fetches == 1
    assert "the keys of an issuer stay as they were" in server.stderr
    assert KNOWN not in server.stderr


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_leads_nowhere(server: Server, provider: IssuerServer, canary: Canary, status: int):
    heard = canary.accepts
    provider.answer = say(b"", status, Location=f"http://127.0.0.1:{canary.port}/jwks.json")

    assert ask(server, fresh(FIRST)).status == 401
    assert canary.accepts == heard
    assert provider.fetches == 1


def test_the_server_stops_while_keys_are_awaited(server: Server, provider: IssuerServer):
    provider.answer = hold(publish(FIRST.jwk()))
    line = Line(server.port, "")
    line.cut("GET /api/v1/tools HTTP/1.1\r\nAuthorization: Bearer " + fresh(FIRST) + "\r\n")
    until(lambda: provider.fetches, "a fetch")
    line.close()

    assert server.stop() == 0
    assert "Traceback" not in server.stderr
    assert "never retrieved" not in server.stderr
