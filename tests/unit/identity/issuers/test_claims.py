"""What a payload says: whose it is, and for whom; times to the second; the rest only where it can be shown."""

import pytest

from tests.support.fakes import START
from tests.support.mint import ABSENT, AUDIENCE, ISSUER, Minter
from toolcrib.contracts.issuer import Issuer, JwtAlgorithm
from toolcrib.identity.issuers.claims import Claims, read_claims

NOW = START // 1_000_000
CORP = Issuer("corp", ISSUER, frozenset({AUDIENCE, "second"}), JwtAlgorithm.ES256)


def read(**changed) -> Claims | None:
    return read_claims(Minter().claims(NOW, **changed), CORP, START)


def test_the_least_that_a_token_says():
    assert read(iat=ABSENT) == Claims(ISSUER, "person-1", None, None, (NOW + 3600) * 1_000_000)


@pytest.mark.parametrize(
    "audience", [AUDIENCE, "second", ["other", AUDIENCE], [AUDIENCE], ["second", AUDIENCE]]
)
def test_one_of_the_audiences_is_enough(audience):
    assert read(aud=audience)


@pytest.mark.parametrize("audience", ["other", "", [], ["other"], [AUDIENCE, None], [AUDIENCE, 7], None, 7, {AUDIENCE: 1}, f"{AUDIENCE} second"])  # fmt: skip
def test_a_token_for_others_is_not_for_us(audience):
    assert read(aud=audience) is None


@pytest.mark.parametrize(
    ("name", "seconds", "taken"),
    [
        ("exp", -59, True),
        ("exp", -60, False),
        ("exp", 0, True),
        ("nbf", 60, True),
        ("nbf", 61, False),
        ("nbf", -1, True),
        ("iat", 60, True),
        ("iat", 61, False),
    ],
)
def test_clocks_may_differ_by_a_minute(name, seconds, taken):
    assert (read(**{name: NOW + seconds}) is not None) == taken


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", [None, True, 0, -1, 1.5, float(NOW), str(NOW), [NOW], 253_402_300_800])
def test_a_time_is_a_whole_number_of_seconds(name, value):
    assert read(**{name: value}) is None


@pytest.mark.parametrize(
    "subject", ["a", "a" * 255, "auth0|5f7c8ec7c33c6c004bbafe82", "Zoë Ünal", "人", "a b", "😀"]
)
def test_a_subject_is_text_that_people_can_read(subject):
    found = read(sub=subject)
    assert found
    assert found.subject == subject


@pytest.mark.parametrize("subject", ["", " ", "a ", " a", "a" * 256, "a\n", "a\0", "a\u200b", "a\u202e", "\ue000", 7, None, ["a"]])  # fmt: skip
def test_another_subject_is_nobody(subject):
    assert read(sub=subject) is None


@pytest.mark.parametrize(("name", "shown"), [("Ada", "Ada"), ("A\u202eda", None), ("", None), (7, None), ("a" * 256, None)])  # fmt: skip
def test_a_name_is_shown_where_it_can_be(name, shown):
    found = read(name=name)
    assert found
    assert found.name == shown


@pytest.mark.parametrize(
    ("email", "verified", "shown"),
    [
        ("ada@example.com", True, "ada@example.com"),
        ("ada@example.com", False, None),
        ("ada@example.com", "true", None),
        ("ada@example.com", 1, None),
        ("ada@example.com", ABSENT, None),
        ("ada", True, None),
        ("ada@example.com\n", True, None),
        (["ada@example.com"], True, None),
        (ABSENT, True, None),
    ],
)
def test_an_address_is_known_only_where_the_issuer_vouches_for_it(email, verified, shown):
    found = read(email=email, email_verified=verified)
    assert found
    assert found.email == shown


@pytest.mark.parametrize("issuer", ["", "other", ISSUER + "/", ISSUER.upper(), None, [ISSUER], ABSENT])
def test_the_issuer_is_read_once_more(issuer):
    assert read(iss=issuer) is None
