"""A part of an output is answered; the contract judges the whole, and the ledger keeps it."""

from toolcrib.contracts.execution import Status
from toolcrib.contracts.provider import Success
from toolcrib.contracts.selection import parse_selection

SHIPS = {"items": [{"id": 1, "name": "Maud"}, {"id": 2, "name": "Gjøa"}], "count": 2}


def only(*select, limit=None, ids_only=False):
    return parse_selection(list(select), limit, ids_only=ids_only)


async def test_a_part_is_answered_and_the_whole_is_kept(rig):
    rig.provider.answers(Success(SHIPS))
    done = await rig.call(await rig.register(), selection=only("name", limit=1))
    assert (done.output, done.truncated, done.written) == ({"items": [{"name": "Maud"}]}, True, None)
    assert (await rig.find(done.execution_id)).output_payload == SHIPS


async def test_ids_alone(sqlite_rig):
    sqlite_rig.provider.answers(Success(SHIPS))
    done = await sqlite_rig.call(await sqlite_rig.register(), selection=only(ids_only=True))
    assert (done.output, done.truncated) == ({"ids": [1, 2], "count": 2}, False)


async def test_the_whole_output_is_judged(sqlite_rig):
    sqlite_rig.provider.answers(Success(SHIPS))
    name = await sqlite_rig.register(output_schema={"properties": {"count": {"type": "string"}}})
    done = await sqlite_rig.call(name, selection=only("items"))
    assert (done.status, done.error["code"]) == (Status.FAILED, "INVALID_OUTPUT")


async def test_a_preview_is_shown_whole(sqlite_rig):
    done = await sqlite_rig.call(await sqlite_rig.register(), dry_run=True, selection=only("nope"))
    assert "would" in done.output
