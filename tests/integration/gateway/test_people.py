"""A token at the counter: recognised where it is good, and nobody's all the same, as no workspace knows people yet."""

import pytest

from tests.support.fakes import FakeClock, FakeProvider, Tap
from tests.support.mint import AUDIENCE, ISSUER, Minter, jwks
from tests.support.rig import ROOT_KEY
from toolcrib.contracts.errors import Unauthorized
from toolcrib.contracts.issuer import Issuer, JwtAlgorithm
from toolcrib.gateway import Options, Verifier, open_gateway
from toolcrib.kit.cipher import Cipher
from toolcrib.kit.db import Database
from toolcrib.kit.logging import configure

MADE = Minter("ES256")
CORP = Issuer("corp", ISSUER, frozenset({AUDIENCE}), JwtAlgorithm.ES256, jwks=jwks(MADE.jwk()))


def beside(rig, *issuers: Issuer):
    """Another process at the same database, which knows issuers."""
    engine = Database(Tap(rig.tap.inner, shared=True))
    options = Options(verify=Verifier(issuers, FakeClock()).claims)
    return open_gateway(engine, Cipher(ROOT_KEY), FakeClock(), [FakeProvider()], options)


@pytest.fixture
def told_all():
    configure(json=False, level="debug")
    yield
    configure(json=False)


async def test_a_good_token_is_recognised_and_refused(rig, told_all, capsys):
    gateway = beside(rig, CORP)
    with pytest.raises(Unauthorized):
        await gateway.credentials.principal(MADE.token(claims=MADE.claims(FakeClock().now() / 1e6)))
    told = capsys.readouterr().err
    assert "a person whom no workspace knows" in told
    assert f'issuer="{ISSUER}" subject="person-1"' in told


@pytest.mark.parametrize("text", [".", "a.b.c", MADE.token()[:-4] + "AAAA", "tcb_a.b_c"])
async def test_a_bad_token_is_told_to_nobody(rig, told_all, capsys, text):
    gateway = beside(rig, CORP)
    with pytest.raises(Unauthorized):
        await gateway.credentials.principal(text)
    assert "no workspace knows" not in capsys.readouterr().err


async def test_who_is_not_asked_for_it_says_nothing(rig, capsys):
    gateway = beside(rig, CORP)
    with pytest.raises(Unauthorized):
        await gateway.credentials.principal(MADE.token(claims=MADE.claims(FakeClock().now() / 1e6)))
    assert capsys.readouterr().err == ""


async def test_keys_open_as_before(rig):
    gateway = beside(rig, CORP)
    assert await gateway.credentials.principal(rig.owner_key)


async def test_where_no_issuer_is_trusted_a_token_is_nobodys(rig):
    with pytest.raises(Unauthorized):
        await rig.gateway.credentials.principal(MADE.token())
