"""A token becomes claims: by its issuer, under its key, remembered while it counts and within bounds."""

from collections.abc import Callable

import pytest

from tests.support.mint import ABSENT, ASYMMETRIC, AUDIENCE, Minter, jwks
from toolcrib.contracts.issuer import Issuer, JwtAlgorithm
from toolcrib.identity.issuers import Verifier

MADE = Minter("ES256")
LAB = Minter("RS256", issuer="https://lab.example")
VerifierOf = Callable[..., Verifier]


def token(made: Minter, clock, **changed) -> str:
    return made.token(claims=made.claims(clock.now() / 1e6, **changed))


@pytest.mark.parametrize("algorithm", [*ASYMMETRIC, "HS256"])
async def test_a_good_token_becomes_claims(verifier_of: VerifierOf, clock, algorithm):
    made = Minter(algorithm)
    claims = await verifier_of(made).claims(token(made, clock, name="Ada"))
    assert claims
    assert (claims.issuer, claims.subject, claims.name) == (made.issuer, "person-1", "Ada")


async def test_without_issuers_every_token_is_nothing(verifier_of: VerifierOf, clock):
    assert await verifier_of().claims(token(MADE, clock)) is None


async def test_each_issuer_answers_for_its_own(verifier_of: VerifierOf, clock):
    verifier = verifier_of(MADE, LAB)
    assert await verifier.claims(token(MADE, clock))
    assert await verifier.claims(token(LAB, clock))
    assert await verifier.claims(token(Minter("ES256", issuer=LAB.issuer), clock)) is None
    assert await verifier.claims(token(Minter("RS256"), clock)) is None


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "tcb_a_b_c", "é.é.é", "a" * 9000])
async def test_what_is_no_token_is_nothing(verifier_of: VerifierOf, text):
    assert await verifier_of(MADE).claims(text) is None


async def test_a_token_is_verified_once_and_expires_all_the_same(verifier_of: VerifierOf, clock):
    verifier, text = verifier_of(MADE), token(MADE, clock)
    first = await verifier.claims(text)
    assert first
    assert await verifier.claims(text) is first
    clock.go(3600 + 59)
    assert await verifier.claims(text) is first
    clock.go(1)
    assert await verifier.claims(text) is None
    assert not verifier._known


async def test_what_begins_alike_is_not_the_same_token(verifier_of: VerifierOf, clock):
    verifier, text = verifier_of(MADE), token(MADE, clock)
    assert await verifier.claims(text)
    assert await verifier.claims(text[:-4] + "AAAA") is None
    assert await verifier.claims(text + "A") is None


async def test_what_fails_is_not_remembered(verifier_of: VerifierOf, clock):
    verifier = verifier_of(MADE)
    for number in range(100):
        assert await verifier.claims(token(MADE, clock, sub=f"p{number}")[:-4] + "AAAA") is None
    assert not verifier._known


async def test_what_is_remembered_is_bounded_and_the_oldest_goes_first(verifier_of: VerifierOf, clock):
    made = Minter("HS256")
    verifier, texts = verifier_of(made), [token(made, clock, sub=f"p{n}") for n in range(10_001)]
    answers = [await verifier.claims(text) for text in texts]
    assert len(verifier._known) == 10_000
    assert await verifier.claims(texts[1]) is answers[1]
    again = await verifier.claims(texts[0])
    assert again == answers[0]
    assert again is not answers[0]


class Later:
    """A source of keys that takes its time to answer at first."""

    pause = 60.0

    def __init__(self, clock) -> None:
        self.clock = clock
        self.reads = 0

    async def read(self) -> bytes:
        self.reads += 1
        self.clock.go(10_000 if self.reads == 1 else 0)
        return jwks(MADE.jwk())


def late(clock) -> tuple[Verifier, Later]:
    source = Later(clock)
    issuer = Issuer("corp", MADE.issuer, frozenset({AUDIENCE}), JwtAlgorithm.ES256, source=source)
    return Verifier([issuer], clock), source


async def test_no_keys_are_read_for_what_could_not_be_valid(clock):
    verifier, source = late(clock)
    for changed in ({"exp": 1}, {"aud": "other"}, {"sub": ABSENT}, {"iss": "other"}, {"nbf": "x"}):
        assert await verifier.claims(token(MADE, clock, **changed)) is None
    assert source.reads == 0


async def test_a_token_that_expires_while_keys_are_read_is_nothing(clock):
    verifier, source = late(clock)
    assert await verifier.claims(token(MADE, clock)) is None
    assert source.reads == 1
    assert await verifier.claims(token(MADE, clock))


async def test_what_was_verified_for_one_house_is_not_known_to_another(verifier_of: VerifierOf, clock):
    one, other = verifier_of(MADE), verifier_of(MADE, audiences=("other",))
    text = token(MADE, clock)
    assert one._digest(text) != other._digest(text)
    assert await one.claims(text)
    assert await other.claims(text) is None
