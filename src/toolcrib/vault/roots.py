"""Which root key is in use, and which others are still needed. One that was replaced never comes back."""

from toolcrib.contracts.errors import Unavailable
from toolcrib.contracts.names import GLOBAL
from toolcrib.kit.cipher import Cipher, Tampered
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Tx

from . import queries
from .keys import DataKeys, wrapped


class WrongRootKey(Unavailable):
    """The root key is not the one this database was made with. Give all processes the same TOOLCRIB_ROOT_KEY or key file."""


class RootKeys:
    """Agrees with the other processes on the root key, before anything is opened under it."""

    def __init__(self, cipher: Cipher, clock: Clock) -> None:
        self._cipher = cipher
        self._keys = DataKeys(cipher, clock)

    async def check(self, tx: Tx) -> None:
        """Remember the root key at the first start, and a new one whose predecessor is at hand. Raises `WrongRootKey`."""
        known, own = await queries.root_keys(tx), self._cipher.fingerprint
        if own not in known and (not known or known[-1] in self._cipher.held):
            await queries.remember_root_key(tx, len(known) + 1, own)
            known = await queries.root_keys(tx)
        try:
            self._cipher.use(known[-1])
        except Tampered:
            raise WrongRootKey from None

    async def left(self, tx: Tx) -> int:
        """How many rows need another root key than the one in use."""
        in_use = await queries.roots_in_use(tx)
        return sum(rows for root, rows in in_use.items() if root != self._cipher.fingerprint)

    async def check_reach(self, tx: Tx) -> None:
        """Refuse to start where rows are left that no root key at hand opens. Raises `WrongRootKey`."""
        in_use = await queries.roots_in_use(tx)
        beyond = sum(rows for root, rows in in_use.items() if root not in self._cipher.held)
        if beyond:
            raise WrongRootKey(
                f"{beyond} rows are still under another root key than those given. Set TOOLCRIB_ROOT_KEY_PREVIOUS to the one "
                "before until `toolcrib doctor` says that none is left."
            )

    async def keep_digests(self, tx: Tx, purpose: str) -> None:
        """Make the key of a purpose's digests a data key: they hold, whatever root key comes. The first is the one that
        the first root key gave.
        """
        row = await queries.newest_key(tx, GLOBAL, purpose)
        try:
            if row is None:
                first = (await queries.root_keys(tx))[0]
                key = await self._keys.add(tx, GLOBAL, purpose, self._cipher.digest_key(purpose, first))
            else:
                key = wrapped(row)
            self._cipher.adopt(purpose, self._keys.open(GLOBAL, purpose, key))
        except Tampered:
            raise WrongRootKey from None
