"""PostgreSQL: a wire that breaks is unavailable, uncertain only in the commit, and mended by the next who asks."""

import asyncio

import asyncpg
import pytest

from tests.support.relay import relay
from tests.support.until import eventually
from toolcrib.kit.db import DatabaseError, DatabaseUnavailable, Query
from toolcrib.kit.db.notices import PostgresNotices
from toolcrib.kit.db.postgres import PostgresEngine

ONE = Query(postgresql="SELECT 1 AS one")


def query(text):
    return Query(postgresql=text)


def selecting(text="SELECT 1 AS one"):
    return lambda tx: tx.rows(query(text))


@pytest.fixture
def database(empty_postgres):
    return empty_postgres


@pytest.fixture
async def wire(database):
    async with relay(database) as made:
        yield made


@pytest.fixture
async def engine(wire):
    made = PostgresEngine(wire.url, notify=False)
    for made_by_the_owner in (
        "DROP TABLE IF EXISTS t",
        "CREATE TABLE t (a BIGINT PRIMARY KEY)",
        "GRANT ALL ON t TO public",
    ):
        await made.set_up(selecting(made_by_the_owner))
    yield made
    await made.close()


async def numbers(engine):
    return [row["a"] for row in await engine.read((), selecting("SELECT a FROM t ORDER BY a"))]


@pytest.mark.parametrize(("cut", "found"), [("before", []), ("after", [1])])
async def test_a_break_in_the_commit_is_uncertain(engine, wire, cut, found):
    wire.cut = cut
    with pytest.raises(DatabaseUnavailable) as lost:
        await engine.transact((), selecting("INSERT INTO t VALUES (1) RETURNING a"))
    assert lost.value.uncertain
    assert await numbers(engine) == found
    await engine.transact((), selecting("INSERT INTO t VALUES (2) RETURNING a"))


async def test_a_break_before_the_commit_is_certain(engine, wire):
    async def broken(tx):
        await tx.run(query("INSERT INTO t VALUES (1)"))
        wire.hang_up()
        await tx.run(ONE)

    with pytest.raises(DatabaseUnavailable) as lost:
        await engine.transact((), broken)
    assert not lost.value.uncertain
    wire.closed = False
    assert await numbers(engine) == []


async def test_while_the_database_is_away_all_is_unavailable_and_then_mended(engine, wire):
    wire.hang_up()
    for run in (engine.transact, engine.read):
        with pytest.raises(DatabaseUnavailable):
            await run((), selecting())
    wire.closed = False
    for run in (engine.transact, engine.read):
        assert len(await run((), selecting())) == 1


async def test_a_connection_ended_by_the_administrator_is_made_anew(engine, postgres):
    name = engine.url.rpartition("/")[2]
    await engine.transact((), selecting())
    postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    async def works():
        try:
            await engine.transact((), selecting())
        except DatabaseUnavailable:
            return False
        return True

    await eventually(works, "a new connection", 30)


async def test_a_statement_that_fails_keeps_the_connection(engine):
    await engine.transact((), selecting())
    (before,) = engine._writers
    for text in ("SELECT x FROM t", "INSERT INTO t VALUES (NULL)"):
        with pytest.raises(DatabaseError) as refused:
            await engine.transact((), selecting(text))
        assert not isinstance(refused.value, DatabaseUnavailable)
    assert engine._writers == [before]


async def test_a_value_that_no_column_takes_is_no_outage(engine):
    for value in (2**70, "text"):
        with pytest.raises(DatabaseError) as refused:
            await engine.transact((), lambda tx, v=value: tx.run(query("INSERT INTO t VALUES (:v)"), v=v))
        assert not isinstance(refused.value, DatabaseUnavailable)


async def test_a_cancelled_transaction_is_undone_and_the_next_one_works(engine):
    begun = asyncio.Event()

    async def slow(tx):
        await tx.run(query("INSERT INTO t VALUES (1)"))
        begun.set()
        await tx.run(query("SELECT pg_sleep(30)"))

    task = asyncio.create_task(engine.transact((), slow))
    await begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await engine.transact((), selecting("INSERT INTO t VALUES (2) RETURNING a"))
    assert await numbers(engine) == [2]


async def test_a_transaction_names_its_workspaces_for_the_database(engine):
    setting = selecting("SELECT CAST(current_setting('app.workspaces') AS text[]) AS names")
    for names in (
        ("w1", "w2"),
        (),
        ("w1,w2",),
        ("'; SELECT 1; --", 'a"b', "back\\slash\\", "{w1}", "NULL", "", "ä 東", "$1"),
    ):
        assert (await engine.transact(names, setting))[0]["names"] == list(names)
        assert (await engine.read(names, setting))[0]["names"] == list(names)


@pytest.mark.parametrize("name", ["w\0", "w\ud800"])
async def test_a_name_that_is_no_text_there_is_refused_and_the_next_one_works(engine, name):
    for way in (engine.transact, engine.read):
        with pytest.raises(DatabaseError, match="does not fit") as refused:
            await way((name,), selecting())
        assert not isinstance(refused.value, DatabaseUnavailable)
        assert await way(("w",), selecting())


async def test_a_connection_that_ended_between_two_writes_is_replaced(engine):
    await engine.transact((), selecting())
    (ended,) = engine._writers
    ended.terminate()
    await engine.transact((), selecting())
    assert len(engine._writers) == 1
    assert engine._open == {*engine._writers}
    assert ended not in engine._open


async def test_two_write_at_once_and_a_third_waits(engine):
    begun, ending = [], asyncio.Event()

    async def slow(tx):
        begun.append(tx)
        await ending.wait()

    writing = [asyncio.create_task(engine.transact((), slow)) for _ in range(3)]
    async with asyncio.timeout(20):
        while len(begun) < 2:
            await asyncio.sleep(0.01)
    await engine.read((), selecting())
    assert len(begun) == 2
    ending.set()
    await asyncio.gather(*writing)
    assert len(engine._writers) == 2


async def test_a_write_that_waits_for_a_lock_too_long_is_given_back(engine, database):
    other = await asyncpg.connect(database)
    await other.execute("BEGIN; LOCK TABLE t")

    async def impatient(tx):
        await tx.run(query("SET LOCAL lock_timeout = 50"))
        await tx.run(query("INSERT INTO t VALUES (1)"))

    with pytest.raises(DatabaseError):
        await engine.transact((), impatient)
    await other.close()
    await engine.transact((), selecting("INSERT INTO t VALUES (1) RETURNING a"))


async def test_an_engine_that_was_never_used_closes(database):
    await PostgresEngine(database).close()


class Ear:
    """What was heard, and how often a connection was made."""

    def __init__(self):
        self.heard, self.connections = [], 0

    def connected(self):
        self.connections += 1


async def test_notices_reach_all_who_listen_and_survive_a_break(wire):
    one, other = PostgresNotices(wire.url), PostgresNotices(wire.url)
    ear, own = Ear(), Ear()
    tasks = [
        asyncio.create_task(n.listen(e.heard.append, e.connected)) for n, e in ((one, ear), (other, own))
    ]
    await eventually(lambda: ear.connections and own.connections, "two listeners")
    await other.send("w1,w2")
    await eventually(lambda: ear.heard == ["w1,w2"] and own.heard == ["w1,w2"], "the notice")
    wire.hang_up()
    await eventually(lambda: one._connection.is_closed() and other._connection.is_closed(), "the break")
    await other.send("lost")
    wire.closed = False
    await eventually(lambda: ear.connections == 2 and own.connections == 2, "new connections")
    await other.send("again")
    await eventually(lambda: ear.heard == ["w1,w2", "again"], "the next notice")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert one._connection.is_closed()


async def test_a_notice_nobody_can_send_is_dropped(database):
    notices = PostgresNotices(database)
    await notices.send("into the void")
    ear = Ear()
    task = asyncio.create_task(notices.listen(ear.heard.append, ear.connected))
    await eventually(lambda: ear.connections, "a connection")
    await notices.send("x" * 9_000)  # more than PostgreSQL takes
    await eventually(lambda: ear.connections == 2, "a new connection after the refusal")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_who_is_cancelled_before_the_first_connection_ends():
    notices = PostgresNotices("postgresql://toolcrib@127.0.0.1:1/none")
    task = asyncio.create_task(notices.listen(print, print))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
