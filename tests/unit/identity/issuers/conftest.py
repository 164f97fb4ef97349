"""A clock that stands still, and verifiers of issuers whose keys never change."""

from collections.abc import Callable

import pytest

from tests.support.fakes import FakeClock
from tests.support.mint import AUDIENCE, ISSUER, SECRET, Minter, jwks
from toolcrib.contracts.issuer import Issuer, JwtAlgorithm
from toolcrib.identity.issuers import Verifier


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def verifier_of(clock: FakeClock) -> Callable[..., Verifier]:
    def verifier(*minters: Minter, audiences: tuple[str, ...] = (AUDIENCE,)) -> Verifier:
        return Verifier([issuer_of(made, audiences) for made in minters], clock)

    return verifier


def issuer_of(made: Minter, audiences: tuple[str, ...]) -> Issuer:
    shared = made.algorithm == "HS256"
    keys = {"secret": SECRET} if shared else {"jwks": jwks(made.jwk())}
    name = "corp" if made.issuer == ISSUER else "lab"
    return Issuer(name, made.issuer, frozenset(audiences), JwtAlgorithm(made.algorithm), **keys)
