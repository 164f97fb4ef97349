"""Requests that never became calls are counted by minute, code, principal and tool, and nothing else of them is kept."""

import pytest

from tests.support.fakes import START, refusing
from toolcrib.kit.db import DatabaseUnavailable
from toolcrib.ledger.refusals import LINES, PLACES, PLACES_OF_STRANGERS

MINUTE = START // 60_000_000


async def counted(rig):
    rows = await rig.rows("SELECT * FROM refusals ORDER BY minute, code, principal, tool")
    return [tuple(row.values()) for row in rows]


async def test_refusals_are_written_with_the_next_books(rig):
    ledger = rig.gateway.stores.ledger
    for _ in range(3):
        ledger.count_refusal("w1", "UNAUTHORIZED", "", "t")
    ledger.count_refusal("w1", "NOT_FOUND", "user:a", "t")
    assert await counted(rig) == []
    await ledger.keep()
    assert await counted(rig) == [
        ("w1", MINUTE, "NOT_FOUND", "user:a", "t", 1),
        ("w1", MINUTE, "UNAUTHORIZED", "", "t", 3),
    ]


async def test_counts_of_one_minute_add_up_over_books_and_processes(rig):
    second = await rig.beside()
    for one in (rig, second, rig):
        one.gateway.stores.ledger.count_refusal("w1", "UNAUTHORIZED", "", "t")
        await one.gateway.stores.ledger.keep()
    rig.clock.go(60)
    rig.gateway.stores.ledger.count_refusal("w1", "UNAUTHORIZED", "", "t")
    await rig.gateway.stores.ledger.do_books()
    assert [(row[1] - MINUTE, row[-1]) for row in await counted(rig)] == [(0, 3), (1, 1)]


async def test_books_without_refusals_write_none(rig):
    await rig.gateway.stores.ledger.keep()
    assert await counted(rig) == []


@pytest.mark.parametrize(("workspace", "most"), [("", PLACES_OF_STRANGERS), ("w1", PLACES)])
async def test_a_flood_of_different_refusals_is_bounded(rig, workspace, most):
    ledger = rig.gateway.stores.ledger
    for number in range(10_000):
        ledger.count_refusal(workspace, "NOT_FOUND", "", f"t{number:05}")
        if number % 1_000 == 0:
            await ledger.do_books()
    await ledger.do_books()
    rows = await counted(rig)
    assert len(rows) == most + 1
    assert rows[0][-2:] == ("?", 10_000 - most)
    rig.clock.go(60)
    ledger.count_refusal(workspace, "NOT_FOUND", "", "t90000")
    await ledger.do_books()
    assert (await counted(rig))[-1][-2:] == ("t90000", 1)


async def test_what_waits_for_the_database_is_bounded_and_what_is_known_is_counted(sqlite_rig):
    ledger = sqlite_rig.gateway.stores.ledger
    for number in range(10_050):
        ledger.count_refusal(f"w{number}", "NOT_FOUND", "", "t")
    ledger.count_refusal("w1", "NOT_FOUND", "", "t")
    await ledger.do_books()
    rows = await counted(sqlite_rig)
    assert len(rows) == 10_000
    assert sum(row[-1] for row in rows) == 10_001


async def test_the_log_has_a_line_for_each_count_and_a_bound(sqlite_rig, capsys):
    ledger = sqlite_rig.gateway.stores.ledger
    ledger.count_refusal("", "UNAUTHORIZED", "", "/api/v1/me")
    for _ in range(3):
        ledger.count_refusal("w1", "NOT_FOUND", "user:a", "t")
    await ledger.do_books()
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("requests refused ")[2] for line in lines] == [
        'workspace="w1" actor="user:a" code="NOT_FOUND" place="t" count=3',
        'workspace=null actor=null code="UNAUTHORIZED" place="/api/v1/me" count=1',
    ]
    for number in range(LINES + 50):
        ledger.count_refusal(f"w{number}", "NOT_FOUND", "user:a", "t")
    await ledger.do_books()
    assert len(capsys.readouterr().err.splitlines()) == LINES - 2
    sqlite_rig.clock.go(60)
    await ledger.do_books()
    [rest] = capsys.readouterr().err.splitlines()
    assert rest.endswith("more requests refused count=52")
    await ledger.do_books()
    assert capsys.readouterr().err == ""


async def test_counts_survive_a_database_that_is_away(rig):
    ledger = rig.gateway.stores.ledger
    ledger.count_refusal("w1", "NOT_FOUND", "", "t")

    async def nothing():
        return

    rig.tap.before += [
        nothing,
        nothing,
        refusing(DatabaseUnavailable("away")),
    ]  # renew, orphans, then the counts
    with pytest.raises(DatabaseUnavailable):
        await ledger.keep()
    await ledger.keep()
    assert [row[-1] for row in await counted(rig)] == [1]


async def test_counts_older_than_ninety_days_go(rig):
    ledger = rig.gateway.stores.ledger
    for workspace in ("", rig.owner.workspace_id):
        ledger.count_refusal(workspace, "NOT_FOUND", "", "old")
    await ledger.keep()
    rig.clock.go(89 * 24 * 3600)
    await ledger.do_books()
    assert len(await counted(rig)) == 2
    rig.clock.go(25 * 3600)
    ledger.count_refusal("", "NOT_FOUND", "", "new")
    await ledger.do_books()
    assert [row[-2] for row in await counted(rig)] == ["new"]
