"""Keys of a JWKS: those that fit the issuer's algorithm, whole and strong; a set that could sign for anybody is none."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.mint import ABSENT, ASYMMETRIC, SECRET, Minter, b64, jwks, public_forms, uint
from toolcrib.contracts.issuer import LARGEST_JWKS, JwtAlgorithm, KeysRefused
from toolcrib.identity.issuers.compact import parse_compact
from toolcrib.identity.issuers.keys import KeySet, read_jwks, shared_secret

MADE = Minter("ES256")


def read(*keys, algorithm="ES256"):
    return read_jwks(jwks(*keys), JwtAlgorithm(algorithm))


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_key_verifies_what_it_signed_and_nothing_else(algorithm):
    made = Minter(algorithm)
    key = read(made.jwk(), algorithm=algorithm).find("key-1")
    assert key
    token, other = parse_compact(made.token()), parse_compact(made.token(claims=b"other"))
    assert token
    assert other
    assert key.verifies(token)
    assert not key.verifies(parse_compact(f"{made.token().rpartition('.')[0]}.{b64(other.signature)}"))


@pytest.mark.parametrize("members", [{"alg": ABSENT}, {"use": ABSENT}, {"key_ops": ["verify"], "use": ABSENT}, {"ext": True}, {"x5c": ["MII"], "x5t": "x"}])  # fmt: skip
def test_what_a_key_need_not_say(members):
    assert read(MADE.jwk(**members)).find("key-1")


@pytest.mark.parametrize(
    "members",
    [
        {"kty": "RSA"},
        {"kty": ABSENT},
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        {"crv": ABSENT},
        {"alg": "ES384"},
        {"alg": None},
        {"use": "enc"},
        {"use": None},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"key_ops": []},
        {"x": ABSENT},
        {"x": 7},
        {"x": ""},
        {"x": "AAAA"},
        {"x": b64(bytes(32))},
        {"y": MADE.jwk()["y"] + "="},
        {"y": MADE.jwk()["y"][:-1] + "+"},
    ],
)
def test_a_key_for_something_else_is_left_out(members):
    with pytest.raises(KeysRefused, match="no key that is fit for ES256"):
        read(MADE.jwk(**members))
    assert read(MADE.jwk(**members, kid="other"), MADE.jwk()).named.keys() == {"key-1"}


def test_curves_of_edwards_but_one_are_left_out():
    made = Minter("EdDSA")
    with pytest.raises(KeysRefused, match="fit for EdDSA"):
        read(made.jwk(crv="Ed448"), algorithm="EdDSA")
    with pytest.raises(KeysRefused, match="fit for EdDSA"):
        read(made.jwk(x=b64(bytes(31))), algorithm="EdDSA")


@pytest.mark.parametrize(
    ("bits", "exponent", "fit"), [(1024, 65_537, False), (2048, 3, False), (2048, 65_537, True)]
)
def test_a_weak_rsa_key_is_left_out(bits, exponent, fit):
    made = Minter("RS256", rsa.generate_private_key(exponent, bits))
    if fit:
        assert read(made.jwk(), algorithm="RS256")
    else:
        with pytest.raises(KeysRefused):
            read(made.jwk(), algorithm="RS256")


@pytest.mark.parametrize("exponent", [1, 65_536, 2**32 + 1])
def test_a_strange_exponent_is_left_out(exponent):
    with pytest.raises(KeysRefused):
        read(Minter("RS256").jwk(e=b64(uint(exponent))), algorithm="RS256")


def test_a_key_that_costs_too_much_is_left_out():
    with pytest.raises(KeysRefused):
        read(Minter("RS256").jwk(n=b64(uint(2**8200 + 1))), algorithm="RS256")


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_private_part_spoils_the_set(name):
    with pytest.raises(KeysRefused, match="private key"):
        read(MADE.jwk(), Minter("RS256").jwk(**{name: None}))


@pytest.mark.parametrize("text", [b"", b"[]", b"7", b"{}", b'{"keys":1}', b'{"keys":[1]}', b'{"keys":[],"keys":[]}', b"{", jwks(MADE.jwk()) + b" " * LARGEST_JWKS])  # fmt: skip
def test_what_is_no_set_is_refused(text):
    with pytest.raises(KeysRefused):
        read_jwks(text, JwtAlgorithm.ES256)


def test_a_set_has_so_many_keys_at_most():
    many = [MADE.jwk(kid=f"k{n}") for n in range(100)]
    assert len(read(*many).every) == 100
    with pytest.raises(KeysRefused, match="at most 100"):
        read(*many, MADE.jwk())


@pytest.mark.parametrize("kid", [7, True, ["key-1"], {}])
def test_the_name_of_a_key_is_text(kid):
    with pytest.raises(KeysRefused, match="kid"):
        read(MADE.jwk(kid=kid))


def test_two_keys_of_one_name_are_refused():
    with pytest.raises(KeysRefused, match="one kid"):
        read(MADE.jwk(), Minter("ES256").jwk())


def test_a_key_is_found_by_its_name_or_as_the_only_one():
    second = Minter("ES256").jwk(kid=ABSENT)
    alone, both, nameless = read(MADE.jwk()), read(MADE.jwk(), second), read(second)

    assert alone.find(None) == alone.find("key-1")
    assert alone.find("other") is None
    assert both.find(None) is None
    assert both.find("key-1")
    assert nameless.find(None)
    assert nameless.find("key-1") is None
    assert KeySet().find(None) is None


def test_a_secret_is_found_by_any_name():
    keys = shared_secret(SECRET)
    assert keys.find("any") == keys.find(None) == keys.every[0]


def test_a_key_says_nothing_of_its_secret():
    assert SECRET.decode() not in repr(shared_secret(SECRET))


@pytest.mark.parametrize("secret", [b"", b"x" * 31, b"ab" * 40, bytes(64)])
def test_a_secret_that_can_be_guessed_is_refused(secret):
    with pytest.raises(KeysRefused, match="random bytes"):
        shared_secret(secret)


@pytest.mark.parametrize("public", [pytest.param(one, id=form) for form, one in public_forms(Minter("RS256").private).items()])  # fmt: skip
def test_a_public_key_is_no_secret(public):
    with pytest.raises(KeysRefused, match="public key"):
        shared_secret(public)


def test_two_of_the_same_material_are_the_same_key():
    first, again = read(MADE.jwk()), read(MADE.jwk(kid="renamed", use=ABSENT))
    assert first.every == again.every
    assert json.loads(first.every[0].material).keys() == {"crv", "x", "y"}


def test_a_key_verifies_in_its_own_way_only():
    made = Minter("RS256")
    key = read(made.jwk(), algorithm="RS256").find("key-1")
    otherwise = parse_compact(made.token(made.header(alg="RS512")))
    assert key
    assert otherwise
    assert not key.verifies(otherwise)
