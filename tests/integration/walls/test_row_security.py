"""The second wall, on a live PostgreSQL: past every query of the product, a transaction meets only what it names."""

import asyncpg
import pytest
from sqlalchemy import BigInteger, LargeBinary, Table

from tests.support import walls
from tests.support.postgres import run_apart, superuser_url
from tests.support.rig import _bring_up
from toolcrib.kit.db import HOUSE, DatabaseError, Query, metadata
from toolcrib.kit.db.postgres import PostgresEngine
from toolcrib.kit.db.scope import holder

A, B, C = "aaaa000000", "bbbb000000", "cccc000000"
TABLES = metadata.sorted_tables
OF_WORKSPACES = [table for table in TABLES if holder(table).column]
OF_THE_HOUSE = [table for table in TABLES if not holder(table).column]
# What a transaction that names the house sees of workspaces, as ADR 0036 says: no more.
SEEN_BY_THE_HOUSE = {"workspaces": 2, "workspace_state": 2, "executions": 0}

EXPLAIN = (
    "EXPLAIN (COSTS OFF) UPDATE bodies t SET body = '{}' FROM unnest(ARRAY['"
    + A
    + "'], ARRAY['exe_7']) AS v(w, e) WHERE t.workspace_id = v.w AND t.execution_id = v.e RETURNING t.part"
)


@pytest.fixture(scope="module")
def filled(postgres):
    """A database with one row of A and one of B in each table, written by the superuser."""
    url = postgres.fresh_database()
    run_apart(_bring_up(url))
    run_apart(_fill(url))
    return url


@pytest.fixture
async def engine(filled):
    made = PostgresEngine(filled, notify=False)
    yield made
    await made.close()


async def _fill(url: str) -> None:
    connection = await asyncpg.connect(superuser_url(url))
    for table in TABLES:
        for number, workspace in enumerate((A, B) if holder(table).column else (HOUSE,), 1):
            await connection.execute(_insert(table, workspace, number))
    await connection.close()


def _insert(table: Table, workspace: str, number: int) -> str:
    columns = [column.name for column in table.columns]
    values = [_value(table, name, workspace, number) for name in columns]
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join(values)}) RETURNING 1"


def _value(table: Table, column: str, workspace: str, number: int) -> str:
    if column == holder(table).column:
        return f"'{workspace}'"
    if isinstance(table.c[column].type, BigInteger):
        return str(number)
    return f"'\\x0{number}'" if isinstance(table.c[column].type, LargeBinary) else f"'v{number}'"


def raw(text: str):
    query = Query(postgresql=text, across="a test goes past the product")
    return lambda tx: tx.rows(query)


async def count(engine, names, table, where="true"):
    counting = raw(f"SELECT count(*) AS n FROM {table.name} WHERE {where}")
    both = [(await run(names, counting))[0]["n"] for run in (engine.transact, engine.read)]
    assert both[0] == both[1]
    return both[0]


def of(table: Table, workspace: str) -> str:
    return f"{holder(table).column} = '{workspace}'"


async def test_every_table_of_the_live_database_is_walled_off(filled):
    assert await walls.holes(filled) == []
    assert {*await walls.tables(filled)} == {table.name for table in TABLES} | {"alembic_version"}


async def test_a_table_without_a_wall_is_told(postgres):
    url = postgres.fresh_database()
    run_apart(_bring_up(url))
    connection = await asyncpg.connect(superuser_url(url))
    await connection.execute("CREATE TABLE strays (workspace_id text)")
    await connection.execute("ALTER TABLE keys NO FORCE ROW LEVEL SECURITY")
    await connection.execute("DROP POLICY named_scope ON tools")
    await connection.execute("CREATE POLICY lax ON tools FOR UPDATE USING (true)")
    await connection.close()
    assert await walls.holes(url) == [
        "keys: row security is not forced",
        "strays: row security is not forced",
        "strays: no policy with USING and WITH CHECK",
        "tools: no policy with USING and WITH CHECK",
        "tools: 1 policies write without WITH CHECK",
    ]


async def test_a_transaction_runs_as_a_role_that_row_security_binds(engine):
    who = (
        "SELECT current_user <> session_user AS other, rolsuper, rolbypassrls, rolcreaterole, rolcanlogin, "
        "(SELECT count(*) FROM pg_class c WHERE pg_has_role(current_user, c.relowner, 'MEMBER')) AS owns "
        "FROM pg_roles WHERE rolname = current_user"
    )
    for run in (engine.transact, engine.read):
        (row,) = await run((A,), raw(who))
        assert dict(row) == {
            "other": True, "rolsuper": False, "rolbypassrls": False, "rolcreaterole": False, "rolcanlogin": False, "owns": 0
        }  # fmt: skip


@pytest.mark.parametrize("table", OF_WORKSPACES, ids=str)
async def test_a_transaction_sees_its_own_rows_and_no_others(engine, table):
    assert await count(engine, (A,), table) == 1
    assert await count(engine, (A,), table, of(table, A)) == 1
    assert await count(engine, (A,), table, of(table, B)) == 0
    assert await count(engine, (A, B), table) == 2


@pytest.mark.parametrize("table", TABLES, ids=str)
async def test_a_transaction_that_names_nothing_sees_nothing(engine, table):
    assert await count(engine, (), table) == 0
    assert await count(engine, ("",), table) == 0
    assert await count(engine, (f"{A},{B}",), table) == 0


@pytest.mark.parametrize("table", OF_WORKSPACES, ids=str)
async def test_a_transaction_changes_and_deletes_no_row_of_another(engine, table):
    column = holder(table).column
    for text in (
        f"UPDATE {table.name} SET {column} = {column} WHERE {of(table, '{}')} RETURNING 1",
        f"DELETE FROM {table.name} WHERE {of(table, '{}')} RETURNING 1",
    ):
        assert await engine.transact((A,), raw(text.format(B))) == []
        assert len(await taken_back(engine, text.format(A))) == 1
    assert await count(engine, (B,), table) == 1


@pytest.mark.parametrize("table", OF_WORKSPACES, ids=str)
async def test_a_transaction_writes_no_row_of_another(engine, table):
    moved = f"UPDATE {table.name} SET {holder(table).column} = '{C}' RETURNING 1"
    for text in (_insert(table, C, 3), moved):
        with pytest.raises(DatabaseError, match="42501"):
            await engine.transact((A,), raw(text))
        assert len(await taken_back(engine, text, (A, C))) == 1


@pytest.mark.parametrize("table", OF_THE_HOUSE, ids=str)
async def test_what_is_the_houses_is_seen_by_who_names_the_house(engine, table):
    assert await count(engine, (HOUSE,), table) == 1
    assert await count(engine, (A, B), table) == 0


@pytest.mark.parametrize("table", OF_WORKSPACES, ids=str)
async def test_the_house_sees_of_workspaces_what_is_declared_and_changes_nothing(engine, table):
    assert await count(engine, (HOUSE,), table) == SEEN_BY_THE_HOUSE.get(table.name, 0)
    assert await engine.transact((HOUSE,), raw(f"DELETE FROM {table.name} RETURNING 1")) == []


async def test_the_house_sees_a_running_call_and_cannot_end_it(engine):
    running = "UPDATE executions SET status = '{}' WHERE id = 'v1' RETURNING 1"
    assert await engine.transact((A,), raw(running.format("running")))
    try:
        assert [row["id"] for row in await engine.read((HOUSE,), raw("SELECT id FROM executions"))] == ["v1"]
        assert await engine.transact((HOUSE,), raw(running.format("failed"))) == []
    finally:
        assert await engine.transact((A,), raw(running.format("v1")))


async def test_no_transaction_empties_or_alters_a_table_or_writes_its_version(engine):
    for text in (
        "TRUNCATE keys",
        "ALTER TABLE keys DISABLE ROW LEVEL SECURITY",
        "DROP POLICY named_scope ON keys",
        "UPDATE alembic_version SET version_num = '9999'",
        "CREATE TABLE public.strays (a text)",
    ):
        with pytest.raises(DatabaseError, match="42501"):
            await engine.transact((A, HOUSE), raw(text))
    assert len(await engine.read((), raw("SELECT * FROM alembic_version"))) == 1


async def test_the_wall_changes_no_plan(postgres):
    """Rows are found as without it, however many a workspace has: the policy only looks at what was found."""
    url = postgres.fresh_database()
    await _bring_up(url)
    above, engine = await asyncpg.connect(superuser_url(url)), PostgresEngine(url, notify=False)
    try:
        await above.execute(
            f"INSERT INTO bodies SELECT '{A}', 'exe_' || i, 'input', '' FROM generate_series(1, 9000) i"
        )
        await above.execute("ANALYZE bodies")
        without = _scans(await above.fetch(EXPLAIN))
        assert _scans(await engine.transact((A,), raw(EXPLAIN))) == without
        assert "Index Cond: ((execution_id = v.e) AND (workspace_id = v.w))" in without
    finally:
        await above.close()
        await engine.close()


def _scans(plan):
    """How rows are found: each scan with what its index is asked."""
    return [line for row in plan if "Scan" in (line := row[0].strip()) or line.startswith("Index Cond")]


async def taken_back(engine, text, names=(A,)):
    """What a statement answers in a transaction that is then undone."""
    found = []

    async def work(tx):
        found.append(await raw(text)(tx))
        raise KeyError

    with pytest.raises(KeyError):
        await engine.transact(names, work)
    return found[0]
