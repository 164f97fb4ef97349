"""The JWS vectors of Wycheproof: no invalid one is taken, and valid ones are, wherever we take their algorithm and their key."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import pytest

from tests.support.corpora import corpus
from toolcrib.contracts.issuer import JwtAlgorithm, KeysRefused
from toolcrib.identity.issuers.compact import decoded, parse_compact
from toolcrib.identity.issuers.keys import KeySet, VerifyingKey, read_jwks, shared_secret

NUMBERS = {"valid": 46, "invalid": 355}
GUESSABLE = {357, 358, 359, 376, 377}  # signed with 32 zero bytes, which no setting takes
# The corpus calls these invalid, yet they are byte for byte the valid 357: the padding that they are named for is not there.
SAME_AS_357 = {367, 370}
# The corpus calls these valid; each breaks a rule that a token's verifier must keep.
NOT_FOR_US = {
    346: "the key says PS256, the token PS384",
    350: "as 346",
    347: "the key is for an algorithm ES521, which does not exist",
    351: "as 347",
    372: "a character that is not base64url stands in the header",
    373: "a character that is not base64url stands in the payload",
}


class Vector(NamedTuple):
    number: int
    comment: str
    result: str
    text: str
    key: dict[str, Any]


@cache
def vectors() -> tuple[Vector, ...]:
    folder = corpus("jose")
    if folder is None:
        return ()
    document = json.loads((folder / "json_web_signature_test.json").read_text("utf-8"))
    return tuple(found(document["testGroups"]))


def found(groups: list[dict[str, Any]]) -> Iterator[Vector]:
    for group in groups:
        key = group.get("public") or group["private"]
        for test in group["tests"]:
            text = test["jws"] if isinstance(test["jws"], str) else json.dumps(test["jws"])
            yield Vector(test["tcId"], test["comment"], test["result"], text, key)


def opens(vector: Vector, algorithm: JwtAlgorithm) -> bool:
    """Whether an issuer that signs with this algorithm, and has this vector's key, would be taken to have signed it."""
    token = parse_compact(vector.text)
    try:
        keys = key_set(vector.key, algorithm)
    except KeysRefused:
        return False
    key = token and keys.find(token.key_id)
    return bool(token and key and key.verifies(token))


def key_set(jwk: dict[str, Any], algorithm: JwtAlgorithm) -> KeySet:
    """As the settings allow it: a secret for HS256, a JWKS for all others."""
    if (jwk["kty"] == "oct") != (algorithm is JwtAlgorithm.HS256):
        return KeySet()
    if jwk["kty"] != "oct":
        return read_jwks(json.dumps({"keys": [jwk]}).encode(), algorithm)
    return shared_secret(decoded(jwk["k"]) or b"")


def of(result: str) -> list[Any]:
    return [pytest.param(one, id=f"{one.number}-{one.comment}") for one in vectors() if one.result == result]


@pytest.mark.parametrize("vector", of("invalid"))
def test_an_invalid_vector_opens_nothing_whatever_the_issuer_signs_with(vector: Vector):
    assert [one for one in JwtAlgorithm if opens(vector, one)] == []


@pytest.mark.parametrize("vector", of("valid"))
def test_a_valid_vector_is_taken_with_its_algorithm_and_no_other(vector: Vector):
    token = parse_compact(vector.text)
    taken = [one.value for one in JwtAlgorithm if opens(vector, one)]

    assert taken == ([] if vector.number in {*NOT_FOR_US, *GUESSABLE} else [token and token.algorithm])


def test_the_corpus_is_whole():
    if vectors():
        assert {result: len(of(result)) for result in NUMBERS} == NUMBERS


@pytest.mark.parametrize("number", [346, 350, 347, 351])
def test_what_is_refused_for_its_keys_name_is_taken_once_that_is_mended(number: int):
    """The positive control of four refusals above: it is the key's `alg` that they fail at, and nothing else."""
    for vector in (one for one in vectors() if one.number == number):
        token = parse_compact(vector.text)
        assert token is not None
        mended = vector._replace(key=vector.key | {"alg": token.algorithm})
        assert opens(mended, JwtAlgorithm(token.algorithm))


def test_what_is_signed_with_zeros_is_refused_for_its_secret_alone():
    """The positive control of the refusals for a guessable secret; two of them could not be refused for anything else."""
    texts = {one.number: one for one in vectors()}
    for number in (GUESSABLE | SAME_AS_357) & texts.keys():
        token, secret = parse_compact(texts[number].text), decoded(texts[number].key["k"])
        assert token is not None
        assert secret == bytes(32)
        assert VerifyingKey(secret, JwtAlgorithm.HS256, secret).verifies(token)
    assert {texts[number].text for number in SAME_AS_357 & texts.keys()} <= {texts[357].text if texts else ""}
