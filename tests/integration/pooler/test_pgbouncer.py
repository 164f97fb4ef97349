"""Through PgBouncer in transaction mode: the suites of counter and ledger pass, and nothing stays in a session."""

import asyncio
import subprocess
import sys

import asyncpg
import pytest

from tests.architecture.source import ROOT
from tests.integration.migrations.databases import migrate
from tests.support import walls
from tests.support.pooler import DIED, pooled
from tests.support.postgres import LOOPBACK, ROLE, SUPERUSER
from tests.support.rig import _bring_up, open_rig
from tests.support.until import eventually
from toolcrib.kit.db import Query
from toolcrib.kit.db.notices import PostgresNotices
from toolcrib.kit.db.postgres import PostgresEngine

# One process of the pair is told of changes and one is not, which is the same here: nobody listens through a pooler.
SUITES = {
    "tests/integration/gateway": "postgresql",
    "tests/integration/ledger": "postgresql",
    "tests/acceptance/test_two_processes.py": "not off",
}
# Before 1.21 PgBouncer may end when queries are cancelled under load (pgbouncer/pgbouncer#822, #904, mended by #927).
# Such a run says nothing of the product and is made again.
MOST_RUNS = 5
OF_A_SESSION = (
    "SELECT pg_backend_pid(), current_user::text, coalesce(current_setting('app.workspaces', true), '')"
)


@pytest.fixture(scope="module")
def pooler(postgres):
    with pooled(postgres.port, (ROLE, SUPERUSER)) as port:
        yield port


@pytest.fixture
def url(postgres, pooler):
    """A new database behind the pooler."""
    name = postgres.fresh_database().rpartition("/")[2]
    return f"postgresql://{ROLE}@{LOOPBACK}:{pooler}/{name}"


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("suite", SUITES)
def test_the_suites_of_counter_and_ledger_pass_through_it(suite):
    """Each in a run of its own, as all of its databases stand behind the pooler."""
    runs = (run(suite) for _ in range(MOST_RUNS))
    done = next(one for one in runs if DIED not in one.stdout)
    assert done.returncode == 0, done.stdout[-8_000:]
    assert " passed" in done.stdout


def run(suite: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--through-pgbouncer", "-k", SUITES[suite], suite],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


async def many_sessions(url):
    """Open as many at once: the pooler keeps them, and goes round."""
    connections = [await asyncpg.connect(url, statement_cache_size=0) for _ in range(4)]
    for connection in connections:
        await connection.execute("BEGIN")
    for connection in connections:
        await connection.execute("ROLLBACK")
        await connection.close()


async def sessions(url, statement=OF_A_SESSION, statement_cache_size=0):
    """What a statement answers in one transaction after another of one connection."""
    connection = await asyncpg.connect(url, statement_cache_size=statement_cache_size)
    try:
        found = []
        for _ in range(12):
            async with connection.transaction():
                found.append(tuple(await connection.fetchrow(statement)))
        return found
    finally:
        await connection.close()


async def test_one_connection_meets_many_sessions(url):
    await _bring_up(url)
    await many_sessions(url)
    engine = PostgresEngine(url, notify=False)
    pid = Query(postgresql="SELECT pg_backend_pid() AS pid")
    for run in (engine.transact, engine.read):
        assert len({(await run((), lambda tx: tx.rows(pid)))[0]["pid"] for _ in range(12)}) >= 4
    await engine.close()


async def test_what_is_prepared_in_one_session_is_not_there_in_the_next(url):
    """Which is why the product prepares nothing ahead here."""
    await many_sessions(url)
    with pytest.raises(asyncpg.InvalidSQLStatementNameError):
        await sessions(url, statement_cache_size=100)


async def test_no_role_and_no_name_stays_in_a_session(url):
    await many_sessions(url)
    async with open_rig(url) as rig:
        tool = await rig.register()
        for _ in range(8):
            assert (await rig.call(tool)).status == "succeeded"
            await rig.gateway.history.list(rig.owner, 2, {})
        found = await sessions(url)
    assert len({pid for pid, _, _ in found}) >= 4
    assert {(role, names) for _, role, names in found} == {(ROLE, "")}


async def test_a_database_is_migrated_through_it(url):
    await many_sessions(url)
    for _ in range(6):
        await asyncio.to_thread(migrate, url)
    async with open_rig(url) as rig:
        assert (await rig.call(await rig.register())).status == "succeeded"


async def test_nobody_listens_through_it_and_nothing_is_lost_by_it(url):
    notices, heard, connections = PostgresNotices(url), [], []
    listening = asyncio.create_task(notices.listen(heard.append, lambda: connections.append(1)))
    await eventually(lambda: connections, "it looked once")
    await notices.send("w1")
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert (heard, connections) == ([], [1])
    assert set(await sessions(url, "SELECT count(*) FROM pg_listening_channels()")) == {(0,)}


async def test_the_wall_stands_behind_it(url):
    await _bring_up(url)
    assert await walls.holes(url) == []
