"""Whom the operator lets say who somebody is: issuers of JWTs, and where their keys come from. `app` names them, `identity` asks."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

LARGEST_JWKS = 256_000
"""Bytes that a set of keys may have."""


class JwtAlgorithm(StrEnum):
    """How an issuer signs: one of these, and no token chooses."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    EDDSA = "EdDSA"
    HS256 = "HS256"


class KeysUnavailable(Exception):
    """A set of keys cannot be read now; the text says why and quotes nothing of it."""


class KeysRefused(ValueError):
    """Keys that no token is checked with. `issuer` is the name of theirs, the text says what is wrong with them."""

    def __init__(self, reason: str, issuer: str = "") -> None:
        super().__init__(reason)
        self.issuer = issuer


class KeySource(Protocol):
    """Where the keys of an issuer are read again."""

    @property
    def pause(self) -> float:
        """Seconds that lie between two readings at least, whoever asks and however often."""
        ...

    async def read(self) -> bytes | None:
        """The JWKS as it stands there, or None where it is the one that was read before. Raises `KeysUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer: `url` is the `iss` of its tokens, of whose `aud` one must be among `audiences`.

    Its keys are a `secret` that it shares with us, or a JWKS: the one known at the start, and the source of later ones.
    """

    name: str
    url: str
    audiences: frozenset[str]
    algorithm: JwtAlgorithm
    secret: bytes | None = field(default=None, repr=False)
    jwks: bytes | None = field(default=None, repr=False)
    source: KeySource | None = None
