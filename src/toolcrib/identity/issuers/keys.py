"""Keys that verify signatures: read from a JWKS, or one secret that an issuer shares with us. PyJWT is met here alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from toolcrib.contracts.issuer import LARGEST_JWKS, JwtAlgorithm, KeysRefused
from toolcrib.kit.json import JsonRefused, JsonValue, canonical, loads

from .compact import Compact, decoded

_MOST_KEYS = 100
_RSA_BITS = range(2048, 8193)
_RSA_EXPONENTS = range(65_537, 2**32, 2)
_SECRET_BYTES = 32
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MATERIAL = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """One key, for one algorithm. Two of the same material are the same key."""

    material: bytes = field(repr=False)
    algorithm: JwtAlgorithm
    opened: Any = field(repr=False, compare=False)

    def verifies(self, token: Compact) -> bool:
        """Whether this key signed it, in the one way that its issuer signs."""
        if token.algorithm != self.algorithm.value:
            return False
        valid: bool = _algorithms()[self.algorithm.value].verify(token.signed, self.opened, token.signature)
        return valid


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of an issuer, by the ids that it gave them. A secret has none, and is the key whatever id a token names."""

    named: Mapping[str, VerifyingKey] = field(default_factory=dict)
    nameless: tuple[VerifyingKey, ...] = ()
    shared: VerifyingKey | None = None

    def find(self, key_id: str | None) -> VerifyingKey | None:
        """The key of that id; the only key for a token that names none."""
        if self.shared is not None:
            return self.shared
        if key_id is not None:
            return self.named.get(key_id)
        every = self.every
        return every[0] if len(every) == 1 else None

    @property
    def every(self) -> tuple[VerifyingKey, ...]:
        """All keys."""
        return (*self.named.values(), *self.nameless, *((self.shared,) if self.shared else ()))


def shared_secret(secret: bytes) -> KeySet:
    """A set of one secret. Raises `KeysRefused` for one that can be guessed, and for a public key."""
    from jwt.exceptions import InvalidKeyError  # noqa: PLC0415 see `_algorithms`

    if len(secret) < _SECRET_BYTES or len(set(secret)) < _SECRET_BYTES // 4:
        raise KeysRefused(f"it must be {_SECRET_BYTES} random bytes or more")
    try:
        opened = _algorithms()[JwtAlgorithm.HS256.value].prepare_key(secret)
    except InvalidKeyError:
        raise KeysRefused("it is a public key, which everybody may know") from None
    return KeySet(shared=VerifyingKey(secret, JwtAlgorithm.HS256, opened))


def read_jwks(data: bytes, algorithm: JwtAlgorithm) -> KeySet:
    """The keys of a JWKS that fit the algorithm; others are left out. Raises `KeysRefused` for a set that is not to be trusted."""
    named: dict[str, VerifyingKey] = {}
    nameless: list[VerifyingKey] = []
    for jwk in _members(data):
        key, key_id = _key(jwk, algorithm), jwk.get("kid")
        if key is None:
            continue
        if key_id is None:
            nameless.append(key)
        elif not isinstance(key_id, str) or key_id in named:
            raise KeysRefused("two of its keys have one kid, or a kid is no text")
        else:
            named[key_id] = key
    if not named and not nameless:
        raise KeysRefused(f"it holds no key that is fit for {algorithm.value}")
    return KeySet(named, tuple(nameless))


def _members(data: bytes) -> Iterator[Mapping[str, JsonValue]]:
    if len(data) > LARGEST_JWKS:
        raise KeysRefused(f"it is larger than {LARGEST_JWKS} bytes")
    try:
        document = loads(data)
    except JsonRefused as refused:
        raise KeysRefused(f"it is no JWKS: {refused.reason}") from None
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list) or len(members) > _MOST_KEYS:
        raise KeysRefused(f"it is no JWKS: `keys` must be a list of at most {_MOST_KEYS} keys")
    for jwk in members:
        if not isinstance(jwk, dict):
            raise KeysRefused("it is no JWKS: a key is a JSON object")
        if jwk.get("kty") == "oct" or not _PRIVATE.isdisjoint(jwk):
            raise KeysRefused("it holds a private key or a secret; whoever reads it could sign")
        yield jwk


def _key(jwk: Mapping[str, JsonValue], algorithm: JwtAlgorithm) -> VerifyingKey | None:
    """The key, where it is for signatures of this algorithm, whole and strong."""
    kind = _KINDS[algorithm.value[:2]]
    if jwk.get("kty") != kind or jwk.get("crv") != _CURVES.get(algorithm.value):
        return None
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm.value) != algorithm.value:
        return None
    operations = jwk.get("key_ops", ["verify"])
    material = {name: jwk.get(name) for name in _MATERIAL[kind]}
    texts = [value for name, value in material.items() if name != "crv"]
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    if not all(isinstance(text, str) and decoded(text) for text in texts):
        return None
    opened = _opened(algorithm, {"kty": kind, **material})
    return None if opened is None else VerifyingKey(canonical(material), algorithm, opened)


def _opened(algorithm: JwtAlgorithm, jwk: dict[str, Any]) -> Any:
    """The key itself, or None for one that is not on its curve, or weak."""
    from jwt.exceptions import InvalidKeyError  # noqa: PLC0415 see `_algorithms`

    try:
        opened = _algorithms()[algorithm.value].from_jwk(jwk)
    except (InvalidKeyError, ValueError):
        return None
    if jwk["kty"] != "RSA":
        return opened
    strong = opened.key_size in _RSA_BITS and opened.public_numbers().e in _RSA_EXPONENTS
    return opened if strong else None


@cache
def _algorithms() -> Mapping[str, Any]:
    """PyJWT takes a tenth of a second to import, which only houses with issuers need."""
    from jwt.algorithms import get_default_algorithms  # noqa: PLC0415 as the docstring says

    found: dict[str, Any] = get_default_algorithms()
    return {one.value: found[one.value] for one in JwtAlgorithm}
