"""The house in-process, from database to counter: real stores on a real database, a fake provider and a fake clock."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.fakes import FakeClock, FakeProvider, Tap
from tests.support.issuers import FakeIssuers
from tests.support.postgres import Cluster, run_apart, superuser_url
from toolcrib.app.settings import Settings
from toolcrib.app.wiring import open_engine
from toolcrib.contracts.principal import Principal
from toolcrib.contracts.provider import Provider
from toolcrib.contracts.secret import SecretProvider
from toolcrib.gateway import Options, open_gateway
from toolcrib.gateway.facts import Narrow, as_far_as_policy
from toolcrib.kit import logging
from toolcrib.kit.cipher import Cipher
from toolcrib.kit.db import Database, Engine, Query, Tx, metadata
from toolcrib.migrations.fresh import bring_up
from toolcrib.testing import Workbench, tool_config

ROOT_KEY = bytes(range(32))
config = tool_config


@dataclass(kw_only=True)
class Rig(Workbench):
    """A workbench on a database that can be listened to, with a fake provider: one process of perhaps several."""

    tap: Tap
    db: Database
    provider: FakeProvider
    _stack: contextlib.AsyncExitStack = field(init=False, repr=False)

    async def raise_generation(self, scope: str | None = None) -> None:
        """As a change that another process made: this one's snapshot is old now."""
        workspace = scope or self.owner.workspace_id

        async def another(tx: Tx) -> None:
            await self.gateway.stores.ledger.raise_generation(tx, workspace)

        await self.tap.inner.transact((workspace,), another)

    async def sql(self, statement: str, **values: Any) -> None:
        """One statement against the tables, past the product."""

        await self._past_the_product(statement, values)

    async def rows(self, statement: str) -> list[dict[str, Any]]:
        """What lies in the tables."""

        return [dict(row) for row in await self._past_the_product(statement, {})]

    async def _past_the_product(self, statement: str, values: dict[str, Any]) -> Any:
        """On SQLite through the one writer; on PostgreSQL as the superuser, whom row security does not bind."""
        query = Query(sqlite=statement, postgresql=statement, across="a test looks at everything")

        async def run(tx: Tx) -> Any:
            return await tx.rows(query, **values)

        engine = self.tap.inner
        if engine.dialect == "sqlite":
            return await engine.transact((), run)
        sql, bound = query.bind("postgresql", values)
        connection = await asyncpg.connect(superuser_url(engine.url), timeout=30)  # type: ignore[attr-defined]  # PostgreSQL's has one
        try:
            return await connection.fetch(sql, *bound)
        finally:
            await connection.close()

    async def events(self, principal: Principal | None = None) -> list[dict[str, Any]]:
        """A workspace's events in order."""
        workspace = (principal or self.owner).workspace_id
        return await self.rows(f"SELECT * FROM events WHERE workspace_id = '{workspace}' ORDER BY seq")

    async def beside(self, **parts: Any) -> "Rig":
        """A second process on the same database. On SQLite, which takes one process, it shares the engine."""
        shared = self.tap.dialect == "sqlite"
        engine = self.tap.inner if shared else open_engine(Settings(database_url=self.tap.inner.url))  # type: ignore[attr-defined]  # PostgreSQL's has one
        second = await self._stack.enter_async_context(_started(Tap(engine, shared=shared), **parts))
        second.owner, second._stack = self.owner, self._stack
        return second


@contextlib.asynccontextmanager
async def open_rig(database_url: str, **parts: Any) -> AsyncIterator[Rig]:
    """A new database with workspace `default` and one process before it; ends in order."""
    engine = open_engine(Settings(database_url=database_url))
    await engine.set_up(bring_up)
    async with contextlib.AsyncExitStack() as stack:
        one = await stack.enter_async_context(_started(Tap(engine), **parts))
        one.owner = await one.gateway.credentials.principal(one.owner_key)
        one._stack = await stack.enter_async_context(contextlib.AsyncExitStack())
        yield one


@contextlib.asynccontextmanager
async def open_rig_again(database_url: str, owner: Principal, **parts: Any) -> AsyncIterator[Rig]:
    """A process that starts later on the database of another one, which has ended."""
    async with _started(Tap(open_engine(Settings(database_url=database_url))), **parts) as one:
        one.owner = owner
        yield one


@contextlib.asynccontextmanager
async def _started(
    tap: Tap,
    clock: FakeClock | None = None,
    provider: FakeProvider | None = None,
    queue_limit: int = 4096,
    start: bool = True,
    more: Sequence[Provider] = (),
    cipher: Cipher | None = None,
    beside: SecretProvider | None = None,
    narrow: Narrow = as_far_as_policy,
) -> AsyncIterator[Rig]:
    made = prepared(tap, clock, provider, queue_limit, more, cipher, beside, narrow)
    keys: list[str] = []
    if start:
        try:
            await made.gateway.start(keys.append)
        except BaseException:
            await tap.close()
            raise
    made.owner_key = "".join(keys)
    try:
        yield made
    finally:
        tap.before, tap.after, tap.reading, tap.always = [], [], [], None
        await made.gateway.stop()


def prepared(
    tap: Tap,
    clock: FakeClock | None = None,
    provider: FakeProvider | None = None,
    queue_limit: int = 4096,
    more: Sequence[Provider] = (),
    cipher: Cipher | None = None,
    beside: SecretProvider | None = None,
    narrow: Narrow = as_far_as_policy,
) -> Rig:
    """Put together and not started; `more` are providers beside the fake one."""
    clock, provider = clock or FakeClock(), provider or FakeProvider()
    db = Database(tap, queue_limit=queue_limit)
    options = Options(verify=FakeIssuers(clock), beside=beside, narrow=narrow)
    gateway = open_gateway(db, cipher or Cipher(ROOT_KEY), clock, [provider, *more], options)
    return Rig(tap=tap, db=db, gateway=gateway, clock=clock, provider=provider)


def sqlite_engine(folder: Path) -> Engine:
    return open_engine(Settings(database_url=f"sqlite:///{folder / 'toolcrib.db'}"))


def numbers(events: Sequence[dict[str, Any]]) -> list[int]:
    return [event["seq"] for event in events]


@pytest.fixture(autouse=True)
def log_of_this_test() -> None:
    """The log keeps the stderr of its first line, which in a test is gone with it."""
    logging.configure(json=False)


@pytest.fixture(scope="session")
def rig_database(postgres: Cluster) -> str:
    """One PostgreSQL database for all rigs, one after the other: a new one each time would cost most of their time."""
    url = postgres.fresh_database()
    run_apart(_bring_up(url))
    return url


@pytest.fixture
async def empty_postgres(rig_database: str) -> str:
    """That database without a row in it."""
    connection = await asyncpg.connect(superuser_url(rig_database), timeout=30)
    await connection.execute("; ".join(f"DELETE FROM {table.name}" for table in metadata.sorted_tables))
    await connection.close()
    return rig_database


@pytest.fixture(params=["sqlite", "postgresql"])
def rig_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a row, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'toolcrib.db'}"
    url: str = request.getfixturevalue("empty_postgres")
    return url


@pytest.fixture
async def rig(rig_url: str) -> AsyncIterator[Rig]:
    """The house on SQLite and on PostgreSQL."""
    async with open_rig(rig_url) as one:
        yield one


@pytest.fixture
async def sqlite_rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """The house on SQLite alone, for what the database does not matter for."""
    async with open_rig(f"sqlite:///{tmp_path / 'toolcrib.db'}") as one:
        yield one


async def _bring_up(url: str) -> None:
    engine = open_engine(Settings(database_url=url))
    await engine.set_up(bring_up)
    await engine.close()
