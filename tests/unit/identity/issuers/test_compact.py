"""The form of a token: one text for one token, and a header that names no key but by `kid`."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.mint import ABSENT, Minter, b64
from toolcrib.identity.issuers.compact import LONGEST, decoded, parse_compact, parse_object

MADE = Minter("HS256")


def header(**changed):
    return parse_compact(MADE.token(MADE.header(**changed)))


def test_the_parts_of_a_token():
    text = MADE.token()
    found = parse_compact(text)

    assert found
    assert (found.algorithm, found.key_id) == ("HS256", "key-1")
    assert found.signed.decode() == text.rpartition(".")[0]
    assert parse_object(found.payload) == MADE.claims()
    assert b64(found.signature) == text.rpartition(".")[2]


@pytest.mark.parametrize(
    "kind", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt", ABSENT]
)
def test_these_types_are_tokens(kind):
    assert header(typ=kind)


@pytest.mark.parametrize("kind", ["JWE", "", "dpop+jwt", None, 7, ["JWT"]])
def test_other_types_are_not(kind):
    assert header(typ=kind) is None


@pytest.mark.parametrize("name", ["crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc", "epk", "cty"])
def test_a_header_that_wants_more_is_refused(name):
    assert header(**{name: None}) is None


def test_a_header_may_say_what_changes_nothing():
    assert header(x5t="AAAA", cat="cl_B7d4PD111AAA", nonce="n")


def test_a_token_may_name_no_key():
    found = header(kid=ABSENT)
    assert found
    assert found.key_id is None


def test_the_longest_token():
    room = LONGEST - len(MADE.token(claims=b""))
    longest = MADE.token(claims=b"x" * (room * 3 // 4))
    assert LONGEST - 3 <= len(longest) <= LONGEST
    assert parse_compact(longest)
    assert parse_compact(MADE.token(claims=b"x" * (room * 3 // 4 + 3))) is None


@given(st.binary(max_size=200))
def test_bytes_have_one_text(data):
    text = b64(data)
    assert decoded(text) == data
    assert decoded(text + "=") is None


@given(st.text(alphabet=st.sampled_from("ABCDwxyz0189-_+/=. \n"), max_size=12))
def test_what_is_read_is_written_the_same(text):
    found = decoded(text)
    assert found is None or base64.urlsafe_b64encode(found).rstrip(b"=").decode() == text


@given(
    st.text(max_size=300) | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_=-]{0,40}){0,4}", fullmatch=True)
)
def test_no_text_is_too_strange(text):
    found = parse_compact(text)
    assert found is None or found.algorithm
