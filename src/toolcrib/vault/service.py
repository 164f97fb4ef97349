"""What the vault means: values go in, are listed by name, and come out only for a call that names them."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from toolcrib.contracts.errors import NotFound, SecretNotFound, Unavailable
from toolcrib.contracts.secret import Secret
from toolcrib.kit.cipher import Cipher, Tampered
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Tx
from toolcrib.kit.json import dumps, loads_own

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
    hosts: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return f"[secret:{self.name}]"


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A value to set. `rebinds`: `hosts` replace those that it was bound to, None frees it; else it stays bound."""

    name: str
    value: str = field(repr=False)
    hosts: tuple[str, ...] | None = None
    rebinds: bool = False


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
                    row["name"], row["version"], _sealed(row["sealed"]), row["created_at"], row["updated_at"],
                    _hosts(row["hosts"]),
                )  # fmt: skip
        return merged

    def open(self, workspace: str, secrets: Secrets, names: Iterable[str]) -> dict[str, Secret]:
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
                value = self._cipher.open(
                    _PURPOSE, workspace, _context(workspace, name, secret.version), secret.sealed
                )
            except Tampered as error:
                raise SecretNotFound(
                    f"The stored value of {name} does not open here. Set it again.", name=name
                ) from error
            opened[name] = Secret(name, value.decode(), version=secret.version, hosts=secret.hosts)
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

    def open_known(self, workspace: str, secrets: Secrets, names: Iterable[str]) -> dict[str, Secret]:
        """Those of the values that are there and open: to strike them out, for no call."""
        known: dict[str, Secret] = {}
        for name in names:
            with contextlib.suppress(SecretNotFound):
                known |= self.open(workspace, secrets, [name])
        return known

    async def check_root_key(self, tx: Tx) -> None:
        """Remember the root key's fingerprint at the first start. Raises `WrongRootKey` when it is another one."""
        fingerprint = self._cipher.digest("root-key-check", b"toolcrib").hex()
        if await queries.root_key_fingerprint(tx, fingerprint) != fingerprint:
            raise WrongRootKey

    async def put(self, tx: Tx, workspace: str, wanted: NewSecret, by: str, generation: int) -> SealedSecret:
        """Set or replace a value. Whoever binds it to other hosts gives the value again: to change the binding never
        gives away what one does not know.
        """
        name, now = wanted.name, self._clock.now()
        latest, bound = await queries.latest(tx, workspace, name)
        version = latest + 1
        hosts = wanted.hosts if wanted.rebinds else _hosts(bound)
        sealed = self._cipher.seal(
            _PURPOSE, workspace, _context(workspace, name, version), wanted.value.encode()
        )
        await queries.put(
            tx,
            workspace=workspace,
            secret=name,
            version=version,
            sealed=sealed,
            hosts=None if hosts is None else dumps(list(hosts)).decode(),
            now=now,
            by=by,
            made=generation,
        )
        return SealedSecret(name, version, sealed, now, now, hosts)

    async def delete(self, tx: Tx, workspace: str, name: str, generation: int) -> None:
        """Forget a value. Raises `NotFound`."""
        if not await queries.delete(tx, workspace, name, self._clock.now(), generation):
            raise NotFound("There is no such secret.")


def _context(workspace: str, name: str, version: int) -> str:
    return f"{workspace}:{name}:{version}"


def _hosts(stored: str | None) -> tuple[str, ...] | None:
    if stored is None:
        return None
    hosts: Any = loads_own(stored.encode())
    return tuple(map(str, hosts))


def _sealed(stored: object) -> bytes:
    """What lies in the column; anything but bytes was not put there by us, and will not open."""
    return bytes(stored) if isinstance(stored, bytes | memoryview) else b""
