"""A token becomes claims, or nothing. Every way to fail looks the same from outside and costs little."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from toolcrib.contracts.issuer import Issuer
from toolcrib.kit.clock import Clock
from toolcrib.kit.json import canonical

from .claims import LEEWAY, Claims, read_claims
from .compact import LONGEST, parse_compact, parse_object
from .keyring import Keyring
from .keys import VerifyingKey

_MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that was verified; it counts while it has not expired and its key is still its issuer's."""

    claims: Claims
    key: VerifyingKey
    ring: Keyring


class Verifier:
    """Knows the issuers, and remembers the tokens that it has verified by the hash of the whole of them, in memory only."""

    def __init__(self, issuers: Sequence[Issuer], clock: Clock) -> None:
        self._clock = clock
        self._rings = {one.url: Keyring(one, clock) for one in issuers}
        self._seed = hashlib.sha256(_configuration(issuers))
        self._known: dict[bytes, _Known] = {}

    async def claims(self, token: str) -> Claims | None:
        """What a token says of its holder, verified; None for every other text."""
        if not self._rings or len(token) > LONGEST or not token.isascii():
            return None
        digest = self._digest(token)
        known = self._known.get(digest)
        if known is not None:
            if await self._stands(known):
                return known.claims
            self._known.pop(digest, None)
        verified = await self._verified(token)
        if verified is not None:
            self._remember(digest, verified)
        return None if verified is None else verified.claims

    async def stop(self) -> None:
        """Let no reading of keys outlive the house."""
        await asyncio.gather(*(ring.stop() for ring in self._rings.values()))

    async def _verified(self, text: str) -> _Known | None:
        token = parse_compact(text)
        payload = None if token is None else parse_object(token.payload)
        if token is None or payload is None:
            return None
        says = payload.get("iss")
        ring = self._rings.get(says) if isinstance(says, str) else None
        if ring is None or token.algorithm != ring.issuer.algorithm.value:
            return None
        # No key is looked for, let alone fetched, for what could not be valid.
        if read_claims(payload, ring.issuer, self._clock.now()) is None:
            return None
        key = await ring.find(token.key_id)
        if key is None or not key.verifies(token):
            return None
        claims = read_claims(payload, ring.issuer, self._clock.now())
        return None if claims is None else _Known(claims, key, ring)

    async def _stands(self, known: _Known) -> bool:
        in_time = self._clock.now() < known.claims.expires_at + LEEWAY * 1_000_000
        return in_time and await known.ring.holds(known.key)

    def _remember(self, digest: bytes, known: _Known) -> None:
        if len(self._known) >= _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[digest] = known

    def _digest(self, token: str) -> bytes:
        digest = self._seed.copy()
        digest.update(token.encode())
        return digest.digest()


def _configuration(issuers: Sequence[Issuer]) -> bytes:
    """What a verified token was verified for, beside its keys."""
    return canonical([[one.url, sorted(one.audiences), one.algorithm.value] for one in issuers])
