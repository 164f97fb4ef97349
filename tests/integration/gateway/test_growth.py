"""What grows and what does not, by counting: a call costs the same with 10 tools and 10,000, in an empty ledger and a full one."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from tests.support.entries import intent, running, settlement
from tests.support.meter import Meter
from tests.support.rig import Rig, open_rig
from toolcrib.contracts.execution import Status

MANY_TOOLS, MANY_ROWS = 10_000, 100_000
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) "


async def add_tools(rig: Rig, number: int) -> None:
    """Copies of one tool, as if registered long ago."""
    await rig.sql(
        NUMBERS.format(number)
        + "INSERT INTO tools SELECT workspace_id, id || i, name || i, wire_name || i, version, digest, config, submitted, created_at, "
        "created_by, updated_at, deleted_at, generation + 1, effects, requires FROM tools, n WHERE name = 'the.tool'"
    )
    await rig.raise_generation()
    await rig.call("the.tool")
    assert len(await rig.gateway.tools.list(rig.owner, 200, None)) == min(number + 1, 200)


async def add_rows(rig: Rig, number: int) -> None:
    """Executions that ended long ago, each with its events and payloads."""
    done = await running(rig, execution_id="exe_0", tool_id="tool_old")
    await rig.gateway.stores.ledger.settle(settlement(done))
    for table, columns in (
        ("executions", ("workspace_id, 'exe_0' || i, tool_id, tool, tool_version, status, actor_type, actor_id, key_id, subject_type, subject_id, "
         "exception_id, error_code, error_message, dry_run, owner, created_at, updated_at, finished_at, execution_time_us, cancel_at, on_behalf_of, host, approval_id FROM executions, n WHERE id = 'exe_0'")),
        ("bodies", "workspace_id, 'exe_0' || i, part, body FROM bodies, n WHERE execution_id = 'exe_0'"),
        ("events", ("workspace_id, -2 * i - (CASE type WHEN 'ToolExecutionRequested' THEN 1 ELSE 0 END), type, 'exe_0' || i, actor_type, actor_id, "
         "about, at, facts FROM events, n WHERE execution_id = 'exe_0'")),
    ):  # fmt: skip
        await rig.sql(f"{NUMBERS.format(number)}INSERT INTO {table} SELECT {columns}")


async def costs(rig: Rig, meter: Meter) -> dict[str, Counter[str]]:
    """What the things done all day cost: the least of some tries, as others go on beside (renewal, news, a first preparing)."""
    gateway = rig.gateway
    made = await rig.call("the.tool", exception_id="x1")
    fine = (await gateway.tools.get(rig.owner, "the.tool")).tool.id

    async def change() -> None:
        await gateway.tools.set_enabled(rig.owner, "the.tool", enabled=True)

    work = {
        "call": lambda: rig.call("the.tool"),
        "refused call": lambda: rig.call("the.tool", size=10**9),
        "change": change,
        "books": gateway.stores.ledger.keep,
        "show": lambda: gateway.history.get(rig.owner, made.execution_id),
        "list": lambda: gateway.history.list(rig.owner, 2, {}),
        "list of a tool": lambda: gateway.history.list(rig.owner, 2, {"tool_id": fine}),
        "list of a tool's name": lambda: gateway.history.list(rig.owner, 2, {"tool": "the.tool"}),
        "list of an exception": lambda: gateway.history.list(rig.owner, 2, {"exception_id": "x1"}),
        "look around": gateway.snapshots.refresh,
    }
    return {
        name: min([await meter.cost(one) for _ in range(8)], key=Counter.total) for name, one in work.items()
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request, tmp_path):
    """Two databases of one kind, a small and a large."""
    if request.param == "sqlite":
        return [f"sqlite:///{tmp_path / name}.db" for name in ("small", "large")]
    return [request.getfixturevalue("postgres").fresh_database() for _ in range(2)]


async def costs_in(url: str, fill: Callable[[Rig], Awaitable[None]]) -> dict[str, Counter[str]]:
    async with open_rig(url) as rig:
        await rig.register("the.tool")
        await fill(rig)
        return await costs(rig, Meter(rig))


async def test_nothing_done_all_day_costs_more_with_many_tools(fresh):
    few = await costs_in(fresh[0], lambda rig: add_tools(rig, 10))
    assert_alike(await costs_in(fresh[1], lambda rig: add_tools(rig, MANY_TOOLS)), few)


async def test_nothing_done_all_day_costs_more_in_a_full_ledger(fresh):
    few = await costs_in(fresh[0], lambda rig: add_rows(rig, 1_000))
    assert_alike(await costs_in(fresh[1], lambda rig: add_rows(rig, MANY_ROWS)), few)


def assert_alike(large: dict[str, Counter[str]], small: dict[str, Counter[str]]) -> None:
    """The same statements, each as often, and on SQLite the same number of steps."""
    for name, cost in small.items():
        assert large[name] == cost, name


async def in_one_batch(rig: Rig, meter: Meter, calls: int, workspaces: int) -> Counter[str]:
    """Statements of one transaction that holds an intent and an outcome of each call."""
    owners = [await rig.workspace() for _ in range(workspaces)]
    old = [await running(rig, owners[number % workspaces]) for number in range(calls)]
    new = [await intent(rig, owners[number % workspaces]) for number in range(calls)]
    denied = [await intent(rig, owners[0], status=Status.DENIED, error_code="FORBIDDEN")]
    ledger, held, before = rig.gateway.stores.ledger, asyncio.Event(), rig.tap.transactions
    rig.tap.most_writers = 1
    rig.tap.before.append(held.wait)  # type: ignore[arg-type]
    under_way = asyncio.create_task(ledger.record(await intent(rig)))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(ledger.record(one)) for one in (*new, *denied)]
    waiting += [asyncio.create_task(ledger.settle(settlement(one))) for one in old]
    await asyncio.sleep(0)

    async def both() -> None:
        held.set()
        assert await under_way
        assert all(await asyncio.gather(*waiting))

    cost = await meter.cost(both)
    assert rig.tap.transactions - before == 2
    return cost


async def test_a_batch_on_postgresql_has_the_same_statements_for_one_call_and_for_many_of_many_workspaces(
    empty_postgres,
):
    async with open_rig(empty_postgres) as rig:
        meter = Meter(rig)
        one = await in_one_batch(rig, meter, 1, 1)
        many = await in_one_batch(rig, meter, 60, 12)
    looked = "SELECT workspace_id, generation"  # the process looks around each second, whoever calls
    assert Counter({k: n for k, n in many.items() if k != looked}) == Counter(
        {k: n for k, n in one.items() if k != looked}
    )
    # Two transactions, each with its beginning; in the second numbers, outcomes and one statement for all new rows.
    assert one.total() <= 9


@pytest.mark.parametrize("calls", [1, 40])
async def test_a_batch_on_sqlite_is_one_transaction_whatever_its_size(sqlite_rig, calls):
    await in_one_batch(sqlite_rig, Meter(sqlite_rig), calls, min(calls, 4))
