"""Both engines behind one vocabulary: transactions, views, many rows at once, faults in the words of the room."""

import asyncio

import pytest
from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, Text

from toolcrib.app.settings import Settings
from toolcrib.app.wiring import open_engine
from toolcrib.kit.db import Clash, Database, DatabaseError, DatabaseUnavailable, Into, Query

# A metadata of its own: the product's tables are the product's.
things = Table(
    "things",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("raw", LargeBinary),
)
MAKE = "CREATE TABLE things (name {text} PRIMARY KEY, n BIGINT NOT NULL, raw {bytes})"


def query(text: str) -> Query:
    return Query(sqlite=text, postgresql=text)


ADD = query("INSERT INTO things (name, n) VALUES (:name, :n)")
ALL = query("SELECT name, n FROM things ORDER BY name")


@pytest.fixture
async def engine(rig_url):
    made = open_engine(Settings(database_url=rig_url))
    types = {"text": "TEXT", "bytes": "BLOB" if made.dialect == "sqlite" else "BYTEA"}
    for text in ("DROP TABLE IF EXISTS things", MAKE.format(**types)):
        await made.set_up(lambda tx, text=text: tx.run(query(text)))
    if made.dialect == "postgresql":
        await made.set_up(lambda tx: tx.run(query("GRANT ALL ON things TO public")))
    yield made
    await made.close()


@pytest.fixture
def db(engine):
    return Database(engine)


async def seen(engine):
    return [tuple(row) for row in await engine.read((), lambda tx: tx.rows(ALL))]


def adding(*names, then=None):
    async def work(tx):
        for name in names:
            await tx.run(ADD, name=name, n=1)
        if then is not None:
            raise then
        return names

    return work


async def test_what_was_done_is_there(engine):
    assert await engine.transact(("w",), adding("a", "b")) == ("a", "b")
    assert await seen(engine) == [("a", 1), ("b", 1)]


async def test_what_fails_leaves_nothing(engine):
    with pytest.raises(LookupError):
        await engine.transact((), adding("a", then=LookupError("no")))
    assert await seen(engine) == []
    await engine.transact((), adding("b"))
    assert await seen(engine) == [("b", 1)]


async def test_many_rows_travel_at_once(engine):
    rows = [("a", 1, b"\0x"), ("b", -(2**63), None), ("c", 2**63 - 1, b"")]
    await engine.transact((), lambda tx: tx.insert_many(Into(things, ("name", "n", "raw"), rows)))
    found = await engine.read((), lambda tx: tx.rows(query("SELECT name, n, raw FROM things ORDER BY name")))
    assert [tuple(row) for row in found] == rows


async def test_many_rows_are_updated_where_all_keys_match(engine):
    await engine.transact((), adding("a", "b"))
    wanted = [("a", 1, 5), ("b", 2, 6), ("z", 1, 7)]
    matched = await engine.transact((), lambda tx: tx.update_many(things, ("name", "n"), ("n",), wanted))
    assert matched == [True, False, False]
    assert await seen(engine) == [("a", 5), ("b", 1)]


async def test_a_key_that_is_taken_is_a_clash(engine):
    with pytest.raises(Clash):
        await engine.transact((), adding("a", "a"))
    assert await seen(engine) == []


async def test_another_broken_rule_is_no_clash(engine):
    with pytest.raises(DatabaseError) as refused:
        await engine.transact((), lambda tx: tx.run(ADD, name="a", n=None))
    assert type(refused.value) is DatabaseError


async def test_a_statement_that_is_wrong_is_refused(engine):
    for run in (engine.transact, engine.read):
        with pytest.raises(DatabaseError):
            await run((), lambda tx: tx.run(query("SELECT nothing FROM nowhere")))
    await engine.transact((), adding("a"))


async def test_a_reader_writes_nothing(engine):
    with pytest.raises(DatabaseError):
        await engine.read((), adding("a"))
    assert await seen(engine) == []


async def test_a_reader_sees_one_moment(engine):
    await engine.transact((), adding("a"))
    views = []

    async def look_twice(tx):
        views.append(len(await tx.rows(ALL)))
        views.append(len(await tx.rows(ALL)))

    await asyncio.gather(engine.read((), look_twice), engine.transact((), adding("b")))
    assert views[0] == views[1]


async def test_one_failing_change_beside_others_is_undone_alone(db, engine):
    works = [adding("a"), adding("b", "b"), adding("c", then=LookupError("no")), adding("d")]
    answers = await asyncio.gather(*(db.change((), work) for work in works), return_exceptions=True)
    assert [answers[0], answers[3]] == [("a",), ("d",)]
    assert [type(answer) for answer in answers[1:3]] == [Clash, LookupError]
    assert [name for name, _ in await seen(engine)] == ["a", "d"]


async def test_a_clash_seen_inside_a_change_is_known_there(db):
    heard = []

    async def look(tx):
        try:
            await adding("a", "a")(tx)
        except Exception as error:
            heard.append(type(tx.translated(error)))
            raise

    with pytest.raises(Clash):
        await db.change((), look)
    assert heard == [Clash]


async def test_waiting_writers_are_all_served(db, engine):
    await asyncio.gather(*(db.change((), adding(f"n{number:03}")) for number in range(100)))
    assert len(await seen(engine)) == 100


async def test_a_cancelled_waiter_leaves_the_database_usable(engine):
    task = asyncio.create_task(engine.transact((), adding("a")))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await engine.transact((), adding("b"))
    assert ("b", 1) in await seen(engine)


def test_an_unavailable_database_says_whether_it_may_have_happened():
    assert not DatabaseUnavailable("x").uncertain
    assert DatabaseUnavailable("x", uncertain=True).uncertain
