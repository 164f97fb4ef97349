"""Data keys: random keys of one workspace and one purpose, kept wrapped under the root key. A new root key wraps them
anew, and nothing that they seal is touched.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from toolcrib.kit.cipher import Cipher, Tampered, new_key
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Row, Tx

from . import queries

_WRAPPING = "data-keys"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it lies in the database; `root` is the fingerprint of the root key that opens it."""

    version: int
    wrapped: bytes
    root: str


class DataKeys:
    """Makes, opens and re-wraps them. Opened ones are kept in memory only."""

    def __init__(self, cipher: Cipher, clock: Clock) -> None:
        self._cipher = cipher
        self._clock = clock
        self.open = lru_cache(maxsize=1024)(self._open)

    def _open(self, workspace: str, purpose: str, key: WrappedKey) -> bytes:
        """The key itself. Raises `Tampered`."""
        context = _context(workspace, purpose, key.version)
        return self._cipher.open(_WRAPPING, workspace, context, key.wrapped, key.root)

    async def newest(self, tx: Tx, workspace: str, purpose: str) -> WrappedKey:
        """The one to seal with; the first is made when it is needed, and another in place of one that does not open."""
        row = await queries.newest_key(tx, workspace, purpose)
        if row is not None:
            with contextlib.suppress(Tampered):
                self.open(workspace, purpose, wrapped(row))
                return wrapped(row)
        return await self.add(tx, workspace, purpose, new_key())

    async def add(self, tx: Tx, workspace: str, purpose: str, key: bytes) -> WrappedKey:
        """Another version; of processes that add the same one at once the first wins and all read it."""
        row = await queries.newest_key(tx, workspace, purpose)
        version = 1 if row is None else row["version"] + 1
        made = self._wrap(workspace, purpose, version, key)
        await queries.add_key(
            tx, workspace=workspace, purpose=purpose, version=version, wrapped=made.wrapped, root=made.root, now=self._clock.now()
        )  # fmt: skip
        found = await queries.newest_key(tx, workspace, purpose)
        return made if found is None else wrapped(found)

    async def rewrap(self, tx: Tx, workspace: str) -> int:
        """Wrap all of a workspace under the root key in use; answers how many were under another. One that does not open
        stays as it is.
        """
        done = 0
        for row in await queries.keys_under_others(tx, workspace, self._cipher.fingerprint):
            try:
                key = self._open(workspace, row["purpose"], wrapped(row))
            except Tampered:
                continue
            made = self._wrap(workspace, row["purpose"], row["version"], key)
            await queries.rewrap_key(
                tx, workspace=workspace, purpose=row["purpose"], version=row["version"], wrapped=made.wrapped, root=made.root, old=row["root"]
            )  # fmt: skip
            done += 1
        return done

    def _wrap(self, workspace: str, purpose: str, version: int, key: bytes) -> WrappedKey:
        sealed = self._cipher.seal(_WRAPPING, workspace, _context(workspace, purpose, version), key)
        return WrappedKey(version, sealed, self._cipher.fingerprint)


def wrapped(row: Row | Mapping[str, object]) -> WrappedKey:
    """As it was read; of a key that is gone nothing opens."""
    return WrappedKey(row["version"], as_bytes(row["wrapped"]), row["root"] or "")  # type: ignore[arg-type]  # columns of ours


def as_bytes(stored: object) -> bytes:
    """What lies in a column; anything but bytes was not put there by us, and will not open."""
    return bytes(stored) if isinstance(stored, bytes | memoryview) else b""


def _context(workspace: str, purpose: str, version: int) -> str:
    return f"{workspace}:{purpose}:{version}"
