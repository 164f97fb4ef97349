"""A whole crib for one test, from database to counter, with two workspaces. It stands in a temporary folder."""

import contextlib
import importlib
import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolcrib.contracts.execution import Call, Execution, Result
from toolcrib.contracts.pack import Pack
from toolcrib.contracts.principal import ActorType, NewKey, Principal, Role
from toolcrib.contracts.provider import Provider
from toolcrib.gateway import Gateway, Options, open_gateway
from toolcrib.kit.cipher import KEY_BYTES, Cipher
from toolcrib.kit.db import Database, Tx
from toolcrib.kit.db.sqlite import SqliteEngine
from toolcrib.kit.http import Egress, HttpClient
from toolcrib.providers.dummy import DummyProvider
from toolcrib.providers.http import HttpProvider, Limits
from toolcrib.providers.python import LoadedPack, PythonProvider

from .fakes import FakeClock

_LIMITS = Limits(max_request=1_000_000, max_reply=5_000_000, seconds=30)
_numbers = itertools.count(1)


def tool_config(name: str | None = None, **parts: Any) -> dict[str, Any]:
    """A config that takes any object; `parts` replace or add members, and take away those that are None."""
    made = {
        "name": name or f"test.t{next(_numbers)}",
        "description": "A tool of a test.",
        "input_schema": {"type": "object", "additionalProperties": True},
        "api": {"base_url": "https://upstream.example"},
    }
    return {member: value for member, value in (made | parts).items() if value is not None}


@dataclass(kw_only=True)
class Workbench:
    """One crib. `owner` is the owner of workspace `default`, who is the operator; `stranger` the owner of another one.
    Every method asks `by` whom it is told, else by `owner`.
    """

    gateway: Gateway
    clock: FakeClock
    owner_key: str = ""
    owner: Principal = field(init=False)
    stranger: Principal = field(init=False)

    async def register(self, name: str | None = None, *, by: Principal | None = None, **parts: Any) -> str:
        """The name of a new tool, made by `tool_config`."""
        tool = await self.gateway.tools.register(by or self.owner, tool_config(name, **parts))
        return tool.name

    async def call(
        self, tool: str, given: dict[str, Any] | None = None, *, by: Principal | None = None, **rest: Any
    ) -> Result:
        """Call a tool over the counter."""
        return await self.gateway.calls.call_tool(by or self.owner, Call(tool, given or {}, **rest))

    async def find(self, execution_id: str, *, by: Principal | None = None) -> Execution:
        """The ledger's record of a call."""
        return await self.gateway.history.get(by or self.owner, execution_id)

    async def go(self, seconds: float) -> None:
        """Let time pass. The crib keeps its claim on its calls, as one that runs all that time would."""
        self.clock.go(seconds)
        await self.gateway.stores.ledger.keep()

    async def secret(self, name: str, value: str, *, by: Principal | None = None) -> None:
        """Set a secret of the workspace."""
        await self.gateway.secrets.set(by or self.owner, name, value)

    async def key(self, *, by: Principal | None = None, **wanted: Any) -> str:
        """The text of a new key: a user's with the role `member`, unless `wanted` says otherwise."""
        new = {"name": f"k{next(_numbers)}", "actor_type": "user", "role": "member"} | wanted
        new |= {"actor_type": ActorType(new["actor_type"]), "role": Role(new["role"])}
        _, text = await self.gateway.keys.create(by or self.owner, NewKey(**new))
        return text

    async def principal(self, *, by: Principal | None = None, **wanted: Any) -> Principal:
        """Whoever holds a new key."""
        return await self.gateway.credentials.principal(await self.key(by=by, **wanted))

    async def workspace(self, name: str | None = None) -> Principal:
        """The owner of a new workspace."""
        stores = self.gateway.stores
        workspace = stores.identity.new_workspace()

        async def make(tx: Tx) -> str:
            await stores.identity.create_workspace(tx, workspace, name or f"w{next(_numbers)}")
            await stores.ledger.open_workspace(tx, workspace)
            _, generation = await stores.ledger.raise_generation(tx, workspace)
            new = NewKey("owner", ActorType.USER, Role.OWNER)
            _, text = await stores.identity.add_key(tx, workspace, new, "test", generation)
            return text

        return await self.gateway.credentials.principal(await stores.db.change((workspace,), make))


@contextlib.asynccontextmanager
async def open_workbench(
    *,
    packs: Sequence[Pack] = (),
    settings: Mapping[str, str] | None = None,
    providers: Sequence[Provider] = (),
    egress_allow: str = "",
    clock: FakeClock | None = None,
) -> AsyncIterator[Workbench]:
    """A crib with these packs and the values of their settings. `providers` stand before the house's own of their kind;
    `egress_allow` is as the operator's setting, and nothing private may be called without.
    """
    clock = clock or FakeClock()
    loaded = [_loaded(pack, settings or {}) for pack in packs]
    egress = Egress.parse(egress_allow)
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="toolcrib-"))
        client = HttpClient(egress)
        stack.push_async_callback(client.close)
        python = PythonProvider(loaded, client, _LIMITS, clock, tracebacks=True)
        stack.callback(python.close)
        hands: list[Provider] = [HttpProvider(client, egress, _LIMITS), python, DummyProvider(), *providers]
        bench = await stack.enter_async_context(_started(Path(folder), clock, hands, client))
        for one in loaded:
            await bench.gateway.packs.install(one.pack, one.settings)
        yield bench


@contextlib.asynccontextmanager
async def _started(
    folder: Path, clock: FakeClock, hands: Sequence[Provider], client: HttpClient
) -> AsyncIterator[Workbench]:
    engine = SqliteEngine(folder / "toolcrib.db")
    fresh: Any = importlib.import_module("toolcrib.migrations.fresh")
    keys: list[str] = []
    gateway = open_gateway(
        Database(engine), Cipher(os.urandom(KEY_BYTES)), clock, hands, Options(narrow=client.narrow)
    )
    try:
        await engine.set_up(fresh.bring_up)
        await gateway.start(keys.append)
        bench = Workbench(gateway=gateway, clock=clock, owner_key="".join(keys))
        bench.owner = await gateway.credentials.principal(bench.owner_key)
        bench.stranger = await bench.workspace()
        yield bench
    finally:
        await gateway.stop()


def _loaded(pack: Pack, values: Mapping[str, str]) -> LoadedPack:
    return LoadedPack(pack, {one.name: values.get(one.name, one.default) for one in pack.settings})
