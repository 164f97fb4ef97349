"""What the vault means: values go in, are listed by name, and come out only for a call that names them."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from toolcrib.contracts.errors import NotFound, SecretNotFound, Unavailable
from toolcrib.kit.cipher import Cipher, Tampered
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Tx

from . import queries

_PURPOSE = "secrets"


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret as it may be listed; its value stays sealed."""

    name: str
    version: int
    sealed: bytes
    created_at: int
    updated_at: int

    def __repr__(self) -> str:
        return f"[secret:{self.name}]"


Secrets = Mapping[str, SealedSecret]


class WrongRootKey(Unavailable):
    """The root key is not the one this database was made with. Give all processes the same TOOLCRIB_ROOT_KEY or key file."""


class Vault:
    """Seals and opens values under the workspace's own key."""

    def __init__(self, cipher: Cipher, clock: Clock) -> None:
        self._cipher = cipher
        self._clock = clock

    async def load(self, tx: Tx, workspace: str, known: Secrets, since: int) -> Secrets:
        """The secrets of a workspace, with what changed after a generation laid over what is known."""
        rows = await queries.changed(tx, workspace, since)
        if not rows:
            return known
        merged = dict(known)
        for row in rows:
            merged.pop(row["name"], None)
            if row["sealed"] is not None:
                merged[row["name"]] = SealedSecret(
                    row["name"], row["version"], _sealed(row["sealed"]), row["created_at"], row["updated_at"]
                )
        return merged

    def open(self, workspace: str, secrets: Secrets, names: Iterable[str]) -> dict[str, str]:
        """The values a call names. Raises `SecretNotFound` naming the first that is missing or does not open."""
        opened = {}
        for name in sorted(names):
            secret = secrets.get(name)
            if secret is None:
                raise SecretNotFound(
                    f"The secret {name} is not set in this workspace. Set it with `toolcrib secrets set {name}`.",
                    name=name,
                )
            try:
                opened[name] = self._cipher.open(
                    _PURPOSE, workspace, _context(workspace, name, secret.version), secret.sealed
                ).decode()
            except Tampered as error:
                raise SecretNotFound(
                    f"The stored value of {name} does not open here. Set it again.", name=name
                ) from error
        return opened

    def missing(self, workspace: str, secrets: Secrets, names: Iterable[str]) -> tuple[SecretNotFound, ...]:
        """What a call that names these would be refused with, one after the other."""
        found = []
        for name in sorted(names):
            try:
                self.open(workspace, secrets, [name])
            except SecretNotFound as error:
                found.append(error)
        return tuple(found)

    def open_known(self, workspace: str, secrets: Secrets, names: Iterable[str]) -> dict[str, str]:
        """Those of the values that are there and open: to strike them out, for no call."""
        known: dict[str, str] = {}
        for name in names:
            with contextlib.suppress(SecretNotFound):
                known |= self.open(workspace, secrets, [name])
        return known

    async def check_root_key(self, tx: Tx) -> None:
        """Remember the root key's fingerprint at the first start. Raises `WrongRootKey` when it is another one."""
        fingerprint = self._cipher.digest("root-key-check", b"toolcrib").hex()
        if await queries.root_key_fingerprint(tx, fingerprint) != fingerprint:
            raise WrongRootKey

    async def put(self, tx: Tx, workspace: str, name: str, value: str, by: str, generation: int) -> None:
        """Set or replace a value."""
        version = await queries.next_version(tx, workspace, name)
        sealed = self._cipher.seal(_PURPOSE, workspace, _context(workspace, name, version), value.encode())
        await queries.put(
            tx,
            workspace=workspace,
            secret=name,
            version=version,
            sealed=sealed,
            hosts=None,
            now=self._clock.now(),
            by=by,
            made=generation,
        )

    async def delete(self, tx: Tx, workspace: str, name: str, generation: int) -> None:
        """Forget a value. Raises `NotFound`."""
        if not await queries.delete(tx, workspace, name, self._clock.now(), generation):
            raise NotFound("There is no such secret.")


def _context(workspace: str, name: str, version: int) -> str:
    return f"{workspace}:{name}:{version}"


def _sealed(stored: object) -> bytes:
    """What lies in the column; anything but bytes was not put there by us, and will not open."""
    return bytes(stored) if isinstance(stored, bytes | memoryview) else b""
