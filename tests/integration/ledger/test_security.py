"""The security log over many calls: a page looks at so many events and goes on behind them."""

from tests.support.entries import running
from tests.support.fakes import START
from toolcrib.contracts.security import SecurityKind, events_of, kind_of
from toolcrib.ledger.queries.writing import New, insert
from toolcrib.ledger.security import Place, SecurityReader


async def test_a_page_of_few_among_many_calls_ends_and_goes_on(rig):
    reader, workspace = SecurityReader(rig.gateway.stores.db, 5), rig.owner.workspace_id
    rare = await running(rig, actor_id="agent:rare")
    for number in range(17):
        await running(rig, at=START + number)
    rig.gateway.stores.ledger.count_refusal(workspace, "NOT_FOUND", "agent:rare", "t")
    await rig.gateway.stores.ledger.do_books()
    place, found = Place(), []
    while not place.is_end:
        items, place = await reader.page(workspace, 2, None, {"actor": "agent:rare"}, place, strangers=False)
        found.append([one.execution_id for one in items])

    assert found == [[], [], [], [rare.execution_id, None]]


async def test_order_is_that_of_numbers_where_times_go_back(rig):
    reader, workspace = SecurityReader(rig.gateway.stores.db), rig.owner.workspace_id
    made = [await running(rig, at=START + at) for at in (3, 1, 2)]
    items, place = await reader.page(workspace, 2, SecurityKind.EXECUTION, {}, Place(), strangers=False)
    rest, end = await reader.page(workspace, 2, SecurityKind.EXECUTION, {}, place, strangers=False)

    assert [one.execution_id for one in (*items, *rest)] == [one.execution_id for one in reversed(made)]
    assert end.is_end


async def test_an_event_of_any_type_is_found_under_its_kind_be_it_of_a_call_or_not(rig):
    reader, workspace = SecurityReader(rig.gateway.stores.db), rig.owner.workspace_id
    types = events_of(None)
    rows = [
        (workspace, 100 + n, type_, of_call, "user", "user:owner", "thing", START, None)
        for n, (type_, of_call) in enumerate(
            (type_, of_call) for type_ in types for of_call in ("exe_1", None)
        )
    ]
    await rig.gateway.stores.db.change((workspace,), lambda tx: insert(tx, New(rows)))
    for kind in {kind_of(type_) for type_ in types}:
        items, _ = await reader.page(workspace, 200, kind, {"actor": "user:owner"}, Place(), strangers=False)
        found = [(one.type, one.execution_id) for one in reversed(items) if one.about == "thing"]
        assert found == [(type_, of_call) for type_ in events_of(kind) for of_call in ("exe_1", None)]
