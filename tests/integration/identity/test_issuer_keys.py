"""Keys of an issuer over real HTTP: fetched once, again when there is reason, and kept when the issuer fails or lies."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.security.canary import Canary
from tests.standins.issuer import IssuerServer, endless, hang_up, hold, publish, run_issuer, say
from tests.support.fakes import FakeClock
from tests.support.mint import AUDIENCE, ISSUER, Minter, jwks, private_key
from tests.support.until import eventually
from toolcrib.app.issuers import FileKeys, UrlKeys
from toolcrib.contracts.issuer import Issuer, JwtAlgorithm, KeysUnavailable
from toolcrib.identity.issuers import Claims, Verifier
from toolcrib.kit.http import Egress, HttpClient

MINUTE = 60
FIRST = Minter("ES256", kid="first")
SECOND = Minter("ES256", private_key("ES256", 1), kid="second")
STRANGER = Minter("ES256", private_key("ES256", 2), kid="stranger")


@pytest.fixture
def provider() -> Iterator[IssuerServer]:
    with run_issuer() as server:
        server.answer = publish(FIRST.jwk())
        yield server


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    made = HttpClient(Egress.parse("127.0.0.1"))
    yield made
    await made.close()


class Desk:
    """A verifier, its clock, and who asks at it."""

    def __init__(self, source, clock: FakeClock, algorithm: str = "ES256", text: bytes | None = None) -> None:
        self.clock = clock
        self.source = source
        issuer = Issuer(
            "corp", ISSUER, frozenset({AUDIENCE}), JwtAlgorithm(algorithm), jwks=text, source=source
        )
        self.verifier = Verifier([issuer], clock)
        self.number = 0

    async def ask(self, made: Minter, **header) -> Claims | None:
        """A token that was never seen before."""
        self.number += 1
        claims = made.claims(self.clock.now() / 1e6, sub=f"person-{self.number}")
        return await self.verifier.claims(made.token(made.header(**header), claims))

    async def takes(self, made: Minter) -> bool:
        return await self.ask(made) is not None


@pytest.fixture
async def desk(provider: IssuerServer, client: HttpClient) -> AsyncIterator[Desk]:
    opened = Desk(UrlKeys(client, provider.url), FakeClock())
    yield opened
    await opened.verifier.stop()


async def test_keys_are_fetched_once_for_many_tokens(desk: Desk, provider: IssuerServer):
    assert all([await desk.takes(FIRST) for _ in range(50)])
    assert provider.fetches == 1
    assert provider.paths == ["/auth/v1/.well-known/jwks.json"]


async def test_nothing_is_fetched_before_a_token_comes_nor_for_one_that_cannot_be_valid(
    desk: Desk, provider: IssuerServer
):
    now = desk.clock.now() / 1e6
    for text in (
        "",
        "a.b.c",
        FIRST.token(claims=FIRST.claims(now - 7200)),
        FIRST.token(claims=FIRST.claims(now, iss="x")),
        FIRST.token(claims=FIRST.claims(now, aud="x")),
        FIRST.token(FIRST.header(alg="RS256"), FIRST.claims(now)),
    ):
        assert await desk.verifier.claims(text) is None
    assert provider.fetches == 0
    assert await desk.takes(FIRST)


async def test_a_new_key_is_found_when_a_token_names_it(desk: Desk, provider: IssuerServer):
    assert await desk.takes(FIRST)
    provider.answer = publish(FIRST.jwk(), SECOND.jwk())
    desk.clock.go(MINUTE)
    assert await desk.takes(SECOND)
    assert await desk.takes(FIRST)
    assert provider.fetches == 2


async def test_a_key_that_is_withdrawn_opens_nothing_also_for_a_token_that_was_seen(
    desk: Desk, provider: IssuerServer
):
    seen = FIRST.token(claims=FIRST.claims(desk.clock.now() / 1e6))
    assert await desk.verifier.claims(seen)
    provider.answer = publish(SECOND.jwk())
    desk.clock.go(MINUTE)
    assert await desk.takes(SECOND)
    assert await desk.verifier.claims(seen) is None
    assert not await desk.takes(FIRST)


async def test_a_key_under_the_name_of_another_does_not_open_what_the_other_signed(
    desk: Desk, provider: IssuerServer
):
    seen = FIRST.token(claims=FIRST.claims(desk.clock.now() / 1e6))
    assert await desk.verifier.claims(seen)
    provider.answer = publish(SECOND.jwk(kid="first"))
    desk.clock.go(MINUTE)
    assert not await desk.takes(STRANGER)
    assert await desk.verifier.claims(seen) is None
    assert await desk.ask(SECOND, kid="first")


async def test_in_use_the_set_is_read_again_beside_the_answers(desk: Desk, provider: IssuerServer):
    assert await desk.takes(FIRST)
    provider.answer = hold(publish(SECOND.jwk()))
    desk.clock.go(5 * MINUTE)
    assert await desk.takes(FIRST)  # it does not wait for the answer that is held
    provider.released.set()
    await eventually(lambda: gone(desk), "the withdrawn key to be gone")
    assert provider.fetches == 2


async def gone(desk: Desk) -> bool:
    return not await desk.takes(FIRST)


async def test_after_a_rest_the_set_is_read_before_the_answer(desk: Desk, provider: IssuerServer):
    long = FIRST.token(
        claims=FIRST.claims(desk.clock.now() / 1e6) | {"exp": desk.clock.now() // 1_000_000 + 90_000}
    )
    assert await desk.verifier.claims(long)
    provider.answer = publish(SECOND.jwk())
    desk.clock.go(10 * MINUTE)
    assert await desk.verifier.claims(long) is None
    assert await desk.takes(SECOND)


async def test_a_storm_of_unknown_names_fetches_once_a_minute(desk: Desk, provider: IssuerServer):
    assert await desk.takes(FIRST)
    for _ in range(3):
        desk.clock.go(MINUTE)
        before = provider.fetches
        answers = await asyncio.gather(*(desk.ask(STRANGER, kid=f"unknown-{n}") for n in range(200)))
        assert answers == [None] * 200
        assert provider.fetches == before + 1
        desk.clock.go(MINUTE - 1)
        assert await desk.ask(STRANGER, kid="one more") is None
        assert provider.fetches == before + 1
        assert await desk.takes(FIRST)
        desk.clock.go(1)


async def test_those_who_ask_at_once_share_one_reading(desk: Desk, provider: IssuerServer):
    provider.answer = hold(publish(FIRST.jwk()))
    asking = [asyncio.create_task(desk.takes(FIRST)) for _ in range(30)]
    await eventually(lambda: provider.fetches, "a fetch")
    provider.released.set()
    assert await asyncio.gather(*asking) == [True] * 30
    assert provider.fetches == 1


@pytest.mark.parametrize("warm", [False, True])
async def test_one_who_goes_away_does_not_end_the_reading_of_others(
    desk: Desk, provider: IssuerServer, *, warm: bool
):
    if warm:
        assert await desk.takes(FIRST)
        desk.clock.go(MINUTE)
    before = provider.fetches
    provider.answer = hold(publish(SECOND.jwk()))
    first, second = (asyncio.create_task(desk.takes(SECOND)) for _ in range(2))
    await eventually(lambda: provider.fetches > before, "a fetch")
    first.cancel()
    provider.released.set()
    assert await second
    assert provider.fetches == before + 1


FAULTS = {
    "an error": say(b"{}", 500),
    "not found": say(jwks(STRANGER.jwk()), 404),
    "no content": say(b"", 204),
    "a page": say(b"<html>welcome</html>", 200, Content_Type="text/html"),
    "nothing": say(b""),
    "no set": say(b'{"error":"x"}'),
    "a list": say(json.dumps([STRANGER.jwk()]).encode()),
    "keys as an object": say(b'{"keys":{}}'),
    "an empty set": publish(),
    "a key that is none": say(b'{"keys":[1]}'),
    "keys twice": say(b'{"keys":[],' + jwks(STRANGER.jwk())[1:]),
    "half of it": say(jwks(STRANGER.jwk())[:-5]),
    "followed by more": say(jwks(STRANGER.jwk()) * 2),
    "not UTF-8": say(jwks(STRANGER.jwk(kid="stranger")).replace(b"stranger", b"\xff\xfe")),
    "a private key": publish(STRANGER.jwk(d="AAAA")),
    "a private key beside": publish(STRANGER.jwk(), Minter("RS256").jwk(d="AAAA")),
    "a secret": publish(STRANGER.jwk(), {"kty": "oct", "k": "AAAA", "kid": "s"}),
    "two keys of one name": publish(STRANGER.jwk(), SECOND.jwk(kid="stranger")),
    "another algorithm": publish(Minter("RS256", kid="stranger").jwk()),
    "another algorithm by name": publish(STRANGER.jwk(alg="ES384")),
    "another curve": publish(Minter("ES384", kid="stranger").jwk(alg="ES256")),
    "for encryption": publish(STRANGER.jwk(use="enc")),
    "not on its curve": publish(STRANGER.jwk(x=STRANGER.jwk()["y"])),
    "101 keys": publish(*(STRANGER.jwk(kid=f"k{n}") for n in range(101))),
    "10 MB": say(b" " * 10_000_000 + jwks(STRANGER.jwk())),
    "10 MB without a length": endless(b" " * 100_000, 100),
    "a bomb": say(gzip.compress(b" " * 50_000_000 + jwks(STRANGER.jwk())), Content_Encoding="gzip"),
    "a length that is not its own": lambda asked: asked.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"),
    "no HTTP": lambda asked: asked.wfile.write(b"keys?\r\n\r\n"),
    "nobody there any more": hang_up,
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_last_good_set_stays_when_the_issuer_fails_or_lies(
    desk: Desk, provider: IssuerServer, fault: str, capsys: pytest.CaptureFixture[str]
):
    assert await desk.takes(FIRST)
    provider.answer = FAULTS[fault]
    desk.clock.go(MINUTE)
    assert not await desk.takes(STRANGER)
    assert provider.fetches == 2
    assert await desk.takes(FIRST)
    assert "the keys of an issuer stay as they were" in capsys.readouterr().err

    provider.answer = publish(FIRST.jwk(), SECOND.jwk())
    desk.clock.go(MINUTE)
    assert await desk.takes(SECOND)


async def test_a_redirect_is_not_followed(desk: Desk, provider: IssuerServer):
    canary = Canary()
    for status in (301, 302, 303, 307, 308):
        provider.answer = say(b"", status, Location=f"http://127.0.0.1:{canary.port}/jwks.json")
        assert not await desk.takes(FIRST)
        desk.clock.go(MINUTE)
    canary.call()
    assert canary.accepts == 1
    canary.close()
    provider.answer = publish(FIRST.jwk())
    assert await desk.takes(FIRST)


async def test_an_issuer_that_is_away_is_asked_again_a_minute_later(desk: Desk, provider: IssuerServer):
    provider.shut()
    assert not await desk.takes(FIRST)
    provider.open()
    assert not await desk.takes(FIRST)
    desk.clock.go(MINUTE)
    assert await desk.takes(FIRST)
    provider.shut()
    desk.clock.go(20 * MINUTE)
    assert await desk.takes(FIRST)


async def test_keys_for_other_things_beside_ours_do_no_harm(desk: Desk, provider: IssuerServer):
    others = [
        Minter("RS256", kid=None).jwk(use="enc"),
        Minter("EdDSA", kid="x").jwk(),
        {"kty": "AKP", "kid": "pq"},
    ]
    provider.answer = publish(*others, FIRST.jwk())
    assert await desk.takes(FIRST)
    assert await desk.ask(FIRST, kid="x") is None


async def test_a_token_without_a_name_of_its_key_is_taken_while_there_is_one(
    desk: Desk, provider: IssuerServer
):
    nameless = Minter("ES256", FIRST.private, kid=None)
    assert await desk.takes(nameless)
    provider.answer = publish(FIRST.jwk(), SECOND.jwk())
    desk.clock.go(MINUTE)
    assert await desk.takes(SECOND)
    assert not await desk.takes(nameless)


async def test_an_address_that_egress_denies_is_not_called(provider: IssuerServer):
    strict = HttpClient(Egress.parse(""))
    with pytest.raises(KeysUnavailable, match="egress policy"):
        await UrlKeys(strict, provider.url).read()
    await strict.close()
    assert provider.fetches == 0


async def test_no_reading_outlives_the_house(desk: Desk, provider: IssuerServer):
    provider.answer = hold(publish(FIRST.jwk()))
    asking = asyncio.create_task(desk.ask(FIRST))
    await eventually(lambda: provider.fetches, "a fetch")
    await desk.verifier.stop()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_file_is_read_again_when_a_token_names_a_new_key(tmp_path):
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(FIRST.jwk()))
    source = FileKeys(path)
    desk = Desk(source, FakeClock(), text=source.changed())
    assert await desk.takes(FIRST)
    path.write_bytes(jwks(SECOND.jwk(), FIRST.jwk()))
    assert not await desk.takes(SECOND)  # a storm of names costs one look a second
    desk.clock.go(1)
    assert await desk.takes(SECOND)
    path.write_bytes(b"{half")
    desk.clock.go(1)
    assert not await desk.takes(STRANGER)
    assert await desk.takes(FIRST)
    path.unlink()
    desk.clock.go(1)
    assert not await desk.takes(STRANGER)
    assert await desk.takes(FIRST)


@pytest.mark.parametrize("algorithm", [one.value for one in JwtAlgorithm if one is not JwtAlgorithm.HS256])
async def test_every_algorithm_works_over_the_wire(
    provider: IssuerServer, client: HttpClient, algorithm: str
):
    made = Minter(algorithm)
    provider.answer = publish(made.jwk())
    desk = Desk(UrlKeys(client, provider.url), FakeClock(), algorithm)
    assert await desk.takes(made)
    head, payload, signature = made.token(claims=made.claims(desk.clock.now() / 1e6)).split(".")
    assert await desk.verifier.claims(f"{head}.{payload}.{signature[::-1]}") is None


@pytest.mark.parametrize("fault", ["10 MB", "10 MB without a length", "a bomb"])
async def test_no_more_is_read_than_a_set_may_have(provider: IssuerServer, client: HttpClient, fault: str):
    provider.answer = FAULTS[fault]
    with pytest.raises(KeysUnavailable, match="larger than its limit"):
        await UrlKeys(client, provider.url).read()
