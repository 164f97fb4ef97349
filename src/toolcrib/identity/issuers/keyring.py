"""The keys of one issuer over time: read again when a token names one that is not there, and now and then."""

import asyncio
import contextlib
from math import inf

from toolcrib.contracts.issuer import Issuer, KeySource, KeysRefused, KeysUnavailable
from toolcrib.kit.clock import Clock
from toolcrib.kit.logging import logger

from .keys import KeySet, VerifyingKey, read_jwks, shared_secret

# A key may have been withdrawn: in use, the set is read again beside the answers; after a rest, before the answer.
_STALE_PAUSES = 5
_IDLE_PAUSES = 10
_log = logger("identity")


class Keyring:
    """The last good set stays until a better one is read. One reading at a time, with its source's pause between two."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._keys = _first(issuer)
        self._asked = None if issuer.jwks is None else clock.monotonic()
        self._reading: asyncio.Task[None] | None = None

    @property
    def issuer(self) -> Issuer:
        """Whose keys these are."""
        return self._issuer

    async def find(self, key_id: str | None) -> VerifyingKey | None:
        """The key that a token names. One that is not known may be new: whoever asks first has the set read again."""
        await self._freshen()
        found = self._keys.find(key_id)
        if found is None and (reading := self._read_again(after=1)) is not None:
            await asyncio.shield(reading)
            found = self._keys.find(key_id)
        return found

    async def holds(self, key: VerifyingKey) -> bool:
        """Whether the issuer still has this key."""
        await self._freshen()
        return key in self._keys.every

    async def stop(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading

    async def _freshen(self) -> None:
        idle = self._pauses() >= _IDLE_PAUSES
        reading = self._read_again(after=_STALE_PAUSES)
        if idle and reading is not None:
            await asyncio.shield(reading)

    def _read_again(self, after: int) -> "asyncio.Task[None] | None":
        """The reading that is under way, or one that begins now if the last began so many pauses ago."""
        if self._reading is not None and not self._reading.done():
            return self._reading
        if self._issuer.source is None or self._pauses() < after:
            return None
        self._asked = self._clock.monotonic()
        self._reading = asyncio.create_task(self._read(self._issuer.source))
        return self._reading

    def _pauses(self) -> float:
        """How long ago the last reading began, in pauses of the source."""
        if self._issuer.source is None:
            return 0
        return (
            inf
            if self._asked is None
            else (self._clock.monotonic() - self._asked) / self._issuer.source.pause
        )

    async def _read(self, source: KeySource) -> None:
        try:
            text = await source.read()
            if text is not None:
                self._keys = read_jwks(text, self._issuer.algorithm)
        except (KeysUnavailable, KeysRefused) as error:
            _log.warning(
                "the keys of an issuer stay as they were", issuer=self._issuer.name, reason=str(error)
            )


def _first(issuer: Issuer) -> KeySet:
    try:
        if issuer.secret is not None:
            return shared_secret(issuer.secret)
        return KeySet() if issuer.jwks is None else read_jwks(issuer.jwks, issuer.algorithm)
    except KeysRefused as refused:
        raise KeysRefused(str(refused), issuer.name) from None
