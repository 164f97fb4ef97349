"""Finding calls: one with its payloads, lists newest first by every filter, and never those of another workspace."""

import pytest

from tests.support.entries import running, settlement
from tests.support.fakes import START, refusing
from toolcrib.contracts.errors import NotFound, Unavailable
from toolcrib.contracts.execution import Status, Subject
from toolcrib.kit.db import DatabaseUnavailable

AWAY = DatabaseUnavailable("away")


async def test_an_execution_is_found_with_its_payloads(rig):
    made = await running(rig, input='{"a":[1,2]}', subject_type="view", subject_id="v", exception_id="x")
    await rig.gateway.stores.ledger.settle(settlement(made, output='{"b":null}'))
    found = await rig.find(made.execution_id)
    assert (found.input_payload, found.output_payload) == ({"a": [1, 2]}, {"b": None})
    assert (found.status, found.subject, found.exception_id) == (Status.SUCCEEDED, Subject("view", "v"), "x")
    assert (found.created_at, found.finished_at, found.execution_time_us) == (START, START + 5_000, 5_000)


async def test_what_never_was_is_not_found(rig):
    with pytest.raises(NotFound):
        await rig.find("exe_none")


async def test_an_execution_of_another_workspace_does_not_exist(rig):
    other = await rig.workspace()
    made = await running(rig)
    with pytest.raises(NotFound) as foreign:
        await rig.find(made.execution_id, by=other)
    with pytest.raises(NotFound) as unknown:
        await rig.find("exe_none", by=other)
    assert (foreign.value.message, foreign.value.details) == (unknown.value.message, unknown.value.details)


async def test_lists_are_newest_first_and_hold_no_payloads(rig):
    made = [await running(rig) for _ in range(3)]
    found = await rig.gateway.history.list(rig.owner, 10, {})
    assert [one.execution_id for one in found] == [one.execution_id for one in reversed(made)]
    assert {(one.input_payload, one.output_payload) for one in found} == {(None, None)}


async def test_a_list_goes_on_after_an_id(rig):
    made = [await running(rig) for _ in range(3)]
    found = await rig.gateway.history.list(rig.owner, 1, {"after": made[2].execution_id})
    assert [one.execution_id for one in found] == [made[1].execution_id]


@pytest.mark.parametrize(
    "wanted",
    [
        {"tool_id": "tool_2"},
        {"tool": "other.tool"},
        {"status": "denied"},
        {"exception_id": "x1"},
        {"subject_type": "vehicle"},
        {"subject_id": "s1"},
        {"actor": "agent:a"},
        {"from": START + 10},
        {"tool_id": "tool_2", "status": "denied", "from": START + 10, "to": START + 11},
    ],
)
async def test_a_list_holds_what_every_filter_lets_through(rig, wanted):
    await running(rig)
    special = await running(
        rig, tool_id="tool_2", tool="other.tool", status=Status.DENIED, error_code="FORBIDDEN", exception_id="x1",
        subject_type="vehicle", subject_id="s1", actor_id="agent:a", at=START + 10,
    )  # fmt: skip
    found = await rig.gateway.history.list(rig.owner, 10, wanted)
    assert [one.execution_id for one in found] == [special.execution_id]


async def test_the_end_of_a_time_is_not_part_of_it(rig):
    await running(rig, at=START)
    assert await rig.gateway.history.list(rig.owner, 10, {"to": START}) == []
    assert len(await rig.gateway.history.list(rig.owner, 10, {"from": START})) == 1


async def test_lists_hold_one_workspace(rig):
    other = await rig.workspace()
    await running(rig)
    mine = await running(rig, other)
    found = await rig.gateway.history.list(other, 10, {})
    assert [one.execution_id for one in found] == [mine.execution_id]


async def test_reading_while_the_database_is_away_says_so(rig):
    rig.tap.reading += [refusing(AWAY)] * 2
    with pytest.raises(Unavailable):
        await rig.find("exe_1")
    with pytest.raises(Unavailable):
        await rig.gateway.history.list(rig.owner, 10, {})
