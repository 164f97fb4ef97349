"""Makes signed tokens as an identity provider would, and as none should. Shares no code with the product's side."""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

ISSUER = "https://issuer.example/auth/v1"
AUDIENCE = "toolcrib"
KID = "key-1"
SECRET = b"a-secret-of-48-characters-that-nobody-could-guess"
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
Private = Any


@dataclass(frozen=True)
class Minter:
    """One key of one algorithm. `token()` is valid; each argument changes one thing about it."""

    algorithm: str = "ES256"
    key: Private = None
    kid: str | None = KID
    issuer: str = ISSUER
    audience: str = AUDIENCE
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def private(self) -> Private:
        return private_key(self.algorithm) if self.key is None else self.key

    def header(self, **changed: Any) -> dict[str, Any]:
        told = {"alg": self.algorithm, "typ": "JWT"} | ({} if self.kid is None else {"kid": self.kid})
        return without_absent(told | changed)

    def claims(self, now: float | None = None, **changed: Any) -> dict[str, Any]:
        at = int(time.time() if now is None else now)
        told = {"iss": self.issuer, "aud": self.audience, "sub": "person-1", "iat": at, "exp": at + 3600}
        return without_absent(told | dict(self.more) | changed)

    def token(
        self, header: Mapping[str, Any] | bytes | None = None, claims: Mapping[str, Any] | bytes | None = None
    ) -> str:
        """Bytes are taken as they are, and signed."""
        head = encoded(self.header() if header is None else header)
        return self.signed(f"{head}.{encoded(self.claims() if claims is None else claims)}")

    def signed(self, text: str) -> str:
        return f"{text}.{b64(sign(self.algorithm, self.private, text.encode()))}"

    def jwk(self, **changed: Any) -> dict[str, Any]:
        told = public_jwk(self.private) | {"alg": self.algorithm, "use": "sig"}
        return without_absent(told | ({} if self.kid is None else {"kid": self.kid}) | changed)


class Absent:
    """In the place of a value: leave the member out."""


ABSENT = Absent()


def without_absent(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ABSENT}


def jwks(*keys: Mapping[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def encoded(part: Mapping[str, Any] | bytes) -> str:
    return b64(part if isinstance(part, bytes) else json.dumps(part).encode())


@cache
def private_key(algorithm: str, number: int = 0) -> Private:
    """The same key for the same arguments, in one process."""
    if algorithm == "HS256":
        return SECRET if number == 0 else SECRET[::-1]
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm])
    return rsa.generate_private_key(65_537, 2048) if algorithm == "RS256" else private_key("RS256", number)


def sign(algorithm: str, key: Private, data: bytes) -> bytes:
    if algorithm == "EdDSA":
        return bytes(key.sign(data))
    digest = HASHES[algorithm[2:]]
    if algorithm.startswith("HS"):
        return hmac.new(key, data, getattr(hashlib, f"sha{algorithm[2:]}")).digest()
    if algorithm.startswith("RS"):
        return bytes(key.sign(data, padding.PKCS1v15(), digest))
    if algorithm.startswith("PS"):
        return bytes(key.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest))
    return raw_signature(key.sign(data, ec.ECDSA(digest)), size(key))


def raw_signature(der: bytes, width: int) -> bytes:
    r, s = utils.decode_dss_signature(der)
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


def size(key: ec.EllipticCurvePrivateKey) -> int:
    return (key.curve.key_size + 7) // 8


def public_jwk(key: Private) -> dict[str, Any]:
    if isinstance(key, bytes):
        return {"kty": "oct", "k": b64(key)}
    if isinstance(key, rsa.RSAPrivateKey):
        of_rsa = key.public_key().public_numbers()
        return {"kty": "RSA", "n": b64(uint(of_rsa.n)), "e": b64(uint(of_rsa.e))}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point, width = key.public_key().public_numbers(), size(key)
        x, y = point.x.to_bytes(width, "big"), point.y.to_bytes(width, "big")
        return {"kty": "EC", "crv": CURVE_NAMES[key.curve.name], "x": b64(x), "y": b64(y)}
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}


def public_forms(key: Private) -> dict[str, bytes]:
    """A public key in the forms in which an attacker may have found it."""
    public, spki = key.public_key(), serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, spki)
    forms = {"PEM": pem, "PEM without its last newline": pem.rstrip(b"\n")}
    forms["DER"] = public.public_bytes(serialization.Encoding.DER, spki)
    forms["JWK"] = json.dumps(public_jwk(key)).encode()
    forms["JWK, compact"] = json.dumps(public_jwk(key), separators=(",", ":"), sort_keys=True).encode()
    return forms


def uint(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
