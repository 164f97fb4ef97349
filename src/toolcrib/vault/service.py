"""What the vault means: values go in, are listed by name, and come out only for a call that names them."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from toolcrib.contracts.errors import NotFound, SecretNotFound
from toolcrib.contracts.secret import Secret
from toolcrib.kit.cipher import Cipher, Tampered, new_key, open_with, seal_with
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Row, Tx
from toolcrib.kit.json import dumps, loads_own

from . import queries
from .keys import DataKeys, WrappedKey, as_bytes, wrapped

_WAITING = "approvals"
_PURPOSE = "secrets"
_FORM = 2  # of what a seal vouches for; 1 had no data key
_AT_ONCE = 100
_NONE: Mapping[str, Secret] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret as it may be listed; its value stays sealed."""

    name: str
    version: int
    sealed: bytes
    created_at: int
    updated_at: int
    hosts: tuple[str, ...] | None = None
    key: WrappedKey | None = None

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


@dataclass(frozen=True, slots=True)
class Left:
    """What a rotation has still to do in a workspace: values to seal anew, data keys to wrap anew or to destroy."""

    secrets: int = 0
    keys: int = 0


class Vault:
    """Seals and opens values under the workspace's own key."""

    def __init__(self, cipher: Cipher, clock: Clock) -> None:
        self._cipher = cipher
        self._clock = clock
        self._keys = DataKeys(cipher, clock)

    async def load(self, tx: Tx, workspace: str, known: Secrets, since: int) -> Secrets:
        """The secrets of a workspace, with what changed after a generation laid over what is known."""
        rows = await queries.changed(tx, workspace, since)
        if not rows:
            return known
        merged = dict(known)
        for row in rows:
            merged.pop(row["name"], None)
            if row["sealed"] is not None:
                merged[row["name"]] = _secret(row)
        return merged

    def open(
        self, workspace: str, secrets: Secrets, names: Iterable[str], beside: Mapping[str, Secret] = _NONE
    ) -> dict[str, Secret]:
        """The values a call names, its own before those from `beside`. Raises `SecretNotFound` naming the first that is missing or does not open."""
        opened = {}
        for name in sorted(names):
            secret = secrets.get(name)
            if secret is None and name in beside:
                opened[name] = beside[name]
                continue
            if secret is None:
                raise SecretNotFound(
                    f"The secret {name} is not set in this workspace. Set it with `toolcrib secrets set {name}`.",
                    name=name,
                )
            try:
                value = self._value(workspace, secret)
            except Tampered as error:
                raise SecretNotFound(
                    f"The stored value of {name} does not open here. Set it again.", name=name
                ) from error
            opened[name] = Secret(name, value.decode(), version=secret.version, hosts=secret.hosts)
        return opened

    def missing(
        self, workspace: str, secrets: Secrets, names: Iterable[str], beside: Mapping[str, Secret] = _NONE
    ) -> tuple[SecretNotFound, ...]:
        """What a call that names these would be refused with, one after the other."""
        found = []
        for name in sorted(names):
            try:
                self.open(workspace, secrets, [name], beside)
            except SecretNotFound as error:
                found.append(error)
        return tuple(found)

    def open_known(
        self, workspace: str, secrets: Secrets, names: Iterable[str], beside: Mapping[str, Secret] = _NONE
    ) -> dict[str, Secret]:
        """Those of the values that are there and open: to strike them out, for no call."""
        known: dict[str, Secret] = {}
        for name in names:
            with contextlib.suppress(SecretNotFound):
                known |= self.open(workspace, secrets, [name], beside)
        return known

    def seal_call(self, workspace: str, place: str, plain: bytes) -> bytes:
        """Seal what has to be known to run a call later; it opens in this place alone, under a root key at hand."""
        return self._cipher.seal(_WAITING, workspace, place, plain)

    def known_by(self, secret: Secret) -> str:
        """What a value is known by, to tell whether it is still the same: those from beside the vault have no versions."""
        return self._cipher.digest(_WAITING, secret.reveal().encode()).hex()

    def open_call(self, workspace: str, place: str, sealed: bytes) -> bytes | None:
        """What `seal_call` sealed; None where it does not open here."""
        try:
            return self._cipher.open(_WAITING, workspace, place, sealed)
        except Tampered:
            return None

    async def put(self, tx: Tx, workspace: str, wanted: NewSecret, by: str, generation: int) -> SealedSecret:
        """Set or replace a value. Whoever binds it to other hosts gives the value again: to change the binding never
        gives away what one does not know.
        """
        name, now = wanted.name, self._clock.now()
        latest, bound = await queries.latest(tx, workspace, name)
        version = latest + 1
        hosts = wanted.hosts if wanted.rebinds else _hosts(bound)
        key = await self._keys.newest(tx, workspace, _PURPOSE)
        made = SealedSecret(name, version, b"", now, now, hosts, key)
        sealed = self._sealed(workspace, made, key, wanted.value.encode())
        await queries.put(
            tx,
            workspace=workspace,
            secret=name,
            version=version,
            sealed=sealed,
            hosts=_written(hosts),
            now=now,
            by=by,
            made=generation,
            key=key.version,
        )
        return replace(made, sealed=sealed)

    async def delete(self, tx: Tx, workspace: str, name: str, generation: int) -> None:
        """Forget a value. Raises `NotFound`."""
        if not await queries.delete(tx, workspace, name, self._clock.now(), generation):
            raise NotFound("There is no such secret.")

    async def left(self, tx: Tx) -> Mapping[str, Left]:
        """What is to be sealed or wrapped anew, by workspace; those where nothing is are not named."""
        found: dict[str, Left] = {}
        for row in await queries.left(tx, self._cipher.fingerprint):
            known = found.get(row["workspace_id"], Left())
            found[row["workspace_id"]] = Left(known.secrets + row["secrets"], known.keys + row["keys"])
        return found

    async def rotate(self, tx: Tx, workspace: str) -> int:
        """A new data key of a workspace, which seals from now on; answers its version."""
        await self._keys.newest(tx, workspace, _PURPOSE)
        return (await self._keys.add(tx, workspace, _PURPOSE, new_key())).version

    async def key_version(self, tx: Tx, workspace: str) -> int:
        """The version of the data key that seals now; 0 before the first secret."""
        row = await queries.newest_key(tx, workspace, _PURPOSE)
        return 0 if row is None else int(row["version"])

    async def rewrap(self, tx: Tx, workspace: str) -> int:
        """Wrap a workspace's data keys under the root key in use; answers how many there were to do."""
        return await self._keys.rewrap(tx, workspace)

    async def reseal(self, tx: Tx, workspace: str, after: str) -> str | None:
        """Seal some values under the newest data key, by name from `after` on; answers the last name looked at, None when
        it was the last there is. A value that does not open stays as it is.
        """
        key = await self._keys.newest(tx, workspace, _PURPOSE)
        rows = await queries.to_reseal(tx, workspace, key.version, after, _AT_ONCE)
        for row in rows:
            secret = _secret(row)
            try:
                value = self._value(workspace, secret)
            except Tampered:
                continue
            made = self._sealed(workspace, secret, key, value)
            await queries.reseal(
                tx, workspace=workspace, secret=secret.name, of=secret.version, old=secret.sealed, made=made, key=key.version
            )  # fmt: skip
        return rows[-1]["name"] if len(rows) == _AT_ONCE else None

    async def retire(self, tx: Tx, workspace: str) -> None:
        """Destroy the data keys that seal nothing any more: what was sealed under them never opens again."""
        await queries.retire_keys(tx, workspace, await self.key_version(tx, workspace))

    def _value(self, workspace: str, secret: SealedSecret) -> bytes:
        """Values of before workspaces had keys are sealed under the root key itself. Raises `Tampered`."""
        if secret.key is None:
            place = f"{workspace}:{secret.name}:{secret.version}"
            return self._cipher.open(_PURPOSE, workspace, place, secret.sealed)
        key = self._keys.open(workspace, _PURPOSE, secret.key)
        return open_with(key, _context(workspace, secret, secret.key), secret.sealed)

    def _sealed(self, workspace: str, secret: SealedSecret, key: WrappedKey, value: bytes) -> bytes:
        opened = self._keys.open(workspace, _PURPOSE, key)
        return seal_with(opened, _context(workspace, secret, key), value)


def _context(workspace: str, secret: SealedSecret, key: WrappedKey) -> str:
    """All that a seal vouches for; the hosts too, so that nobody rebinds a value who can only write to the database."""
    place = [_FORM, workspace, secret.name, secret.version, _PURPOSE, key.version, _written(secret.hosts)]
    return dumps(place).decode()


def _secret(row: Row) -> SealedSecret:
    version = row["key_version"]
    key = (
        None
        if version is None
        else wrapped({"version": version, "wrapped": row["wrapped"], "root": row["root"]})
    )
    return SealedSecret(
        row["name"], row["version"], as_bytes(row["sealed"]), row["created_at"], row["updated_at"], _hosts(row["hosts"]), key
    )  # fmt: skip


def _written(hosts: tuple[str, ...] | None) -> str | None:
    return None if hosts is None else dumps(list(hosts)).decode()


def _hosts(stored: str | None) -> tuple[str, ...] | None:
    if stored is None:
        return None
    hosts: Any = loads_own(stored.encode())
    return tuple(map(str, hosts))
