"""Limits at the counter: what is admitted, what is refused and how cheaply, on both databases and by several processes."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.support.fakes import START, refusing
from tests.support.meter import Meter
from tests.support.rig import Rig, open_rig, open_rig_again
from tests.support.until import eventually
from toolcrib.contracts.errors import RateLimited, Unavailable
from toolcrib.contracts.execution import Status
from toolcrib.contracts.principal import Principal
from toolcrib.gateway import Allowance, Limit
from toolcrib.kit.db import DatabaseUnavailable

WIDE = {"per_minute": 6_000_000, "burst": 100_000, "per_day": 1_000_000, "per_month": 9_000_000}


async def limit(
    rig: Rig, kind: str = "workspace", name: str = "*", by: Principal | None = None, **allowed: Any
) -> None:
    who = by or rig.owner
    await rig.gateway.limits.set(who, who.workspace_id, Limit(kind, name, Allowance(**allowed)))


async def refused(rig: Rig, tool: str = "the.tool", **rest: Any) -> dict[str, Any]:
    with pytest.raises(RateLimited) as found:
        await rig.call(tool, **rest)
    return dict(found.value.details)


async def admitted(rig: Rig, calls: int, **rest: Any) -> int:
    """How many of so many calls at once were let through."""
    found = await asyncio.gather(
        *(rig.call("the.tool", **rest) for _ in range(calls)), return_exceptions=True
    )
    through = [one for one in found if not isinstance(one, RateLimited)]
    assert {one.status for one in through} <= {Status.SUCCEEDED}
    return sum(not isinstance(one, RateLimited) for one in found)


async def executions(rig: Rig) -> int:
    return int((await rig.rows("SELECT count(*) AS n FROM executions"))[0]["n"])


async def test_a_burst_is_admitted_and_no_more(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, per_minute=1, burst=5)
    assert await admitted(rig, 40) == 5
    told = await refused(rig)
    assert (told["limit"], told["kind"], told["name"]) == ("rate", "workspace", "*")
    assert 1 <= told["retry_after"] <= 60
    assert await executions(rig) == 5


async def test_a_bucket_fills_again_at_its_pace(sqlite_rig: Rig):
    await sqlite_rig.register("the.tool")
    await limit(sqlite_rig, per_minute=60, burst=3)
    assert await admitted(sqlite_rig, 10) == 3
    for _ in range(4):
        sqlite_rig.clock.go(1)
        assert await admitted(sqlite_rig, 5) == 1
    sqlite_rig.clock.go(2.5)
    assert await admitted(sqlite_rig, 5) == 2


@pytest.mark.parametrize(("period", "seconds"), [("day", 86_400), ("month", 31 * 86_400)])
async def test_a_quota_is_used_up_to_the_last_call_and_comes_back(sqlite_rig: Rig, period: str, seconds: int):
    await sqlite_rig.register("the.tool")
    await limit(sqlite_rig, **{f"per_{period}": 200})
    assert await admitted(sqlite_rig, 250) == 200
    told = await refused(sqlite_rig)
    assert told["limit"] == period
    assert 1 <= told["retry_after"] <= seconds
    sqlite_rig.clock.go(told["retry_after"] - 1)
    await refused(sqlite_rig)
    await sqlite_rig.go(1)
    assert await admitted(sqlite_rig, 250) == 200


@pytest.mark.parametrize("rig_url", ["postgresql"], indirect=True)
async def test_several_processes_admit_a_quota_together_and_not_one_call_more(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, per_day=100)
    others = [await rig.beside() for _ in range(2)]
    found = await asyncio.gather(*(admitted(one, 700) for one in (rig, *others)))
    assert sum(found) == 100
    assert await executions(rig) == 100


@pytest.mark.parametrize("rig_url", ["postgresql"], indirect=True)
async def test_several_processes_admit_a_burst_together_and_no_more(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, per_minute=1, burst=60)
    others = [await rig.beside() for _ in range(2)]
    found = await asyncio.gather(*(admitted(one, 400) for one in (rig, *others)))
    assert sum(found) == 60


async def test_what_was_used_is_known_after_a_restart_and_what_was_not_is_given_back(rig_url: str):
    async with open_rig(rig_url) as first:
        await first.register("the.tool")
        await limit(first, per_day=100, per_month=1_000)
        owner, used = first.owner, await admitted(first, 30)
    async with open_rig_again(rig_url, owner) as second:
        assert used + await admitted(second, 100) == 100


async def test_a_process_that_dies_takes_along_what_it_had_in_hand_and_nothing_is_admitted_twice(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, per_day=100)
    dead = await rig.beside()
    before = await admitted(dead, 20)
    dead.gateway.admission._leases.clear()
    after = await admitted(rig, 200)
    assert before == 20
    assert 70 <= after <= 80
    assert before + after <= 100


async def test_each_kind_of_limit_holds_for_its_own(rig: Rig):
    for name in ("the.tool", "other.tool"):
        await rig.register(name)
    await rig.register("far.tool", api={"base_url": "https://Far.example./v1"})
    clerk = await rig.principal(name="clerk", actor_type="agent")
    for kind, name in (("actor", clerk.actor_id), ("tool", "the.tool"), ("host", "far.example")):
        await limit(rig, kind, name, per_minute=1, burst=2)
    for _ in range(2):
        await rig.call("other.tool", by=clerk)
    assert (await refused(rig, "other.tool", by=clerk))["name"] == "agent:clerk"
    assert await admitted(rig, 5) == 2
    assert (await refused(rig))["kind"] == "tool"
    for _ in range(2):
        await rig.call("far.tool")
    told = await refused(rig, "far.tool")
    assert (told["kind"], told["name"]) == ("host", "far.example")
    for _ in range(5):
        await rig.call("other.tool")


async def test_a_limit_for_each_is_counted_for_each_alone_and_one_of_its_own_stands_before_it(rig: Rig):
    await rig.register("the.tool")
    clerk, bot = [await rig.principal(name=name, actor_type="agent") for name in ("clerk", "bot")]
    await limit(rig, "actor", per_minute=1, burst=2)
    await limit(rig, "actor", bot.actor_id, per_minute=1, burst=4)
    assert [await admitted(rig, 9, by=who) for who in (clerk, bot, rig.owner)] == [2, 4, 2]


async def test_of_several_limits_the_narrowest_binds_and_the_others_are_charged_for_what_ran_alone(
    sqlite_rig: Rig,
):
    await sqlite_rig.register("the.tool")
    await sqlite_rig.register("other.tool")
    await limit(sqlite_rig, per_day=10)
    await limit(sqlite_rig, "tool", "the.tool", per_day=4)
    assert await admitted(sqlite_rig, 30) == 4
    for _ in range(6):
        await sqlite_rig.call("other.tool")
    assert (await refused(sqlite_rig, "other.tool"))["kind"] == "workspace"


async def test_the_operators_ceiling_binds_whatever_the_workspace_says(rig: Rig):
    stranger = await rig.workspace()
    await rig.gateway.tools.register(stranger, config_of("the.tool"))
    await limit(rig, by=stranger, per_day=1_000)
    ceiling = Limit("ceiling", "*", Allowance(per_day=3))
    await rig.gateway.limits.set(rig.owner, stranger.workspace_id, ceiling)
    assert await admitted(rig, 9, by=stranger) == 3
    assert (await refused(rig, by=stranger))["kind"] == "ceiling"


async def test_one_workspace_uses_nothing_of_anothers(rig: Rig):
    stranger = await rig.workspace()
    for who in (rig.owner, stranger):
        await rig.gateway.tools.register(who, config_of("the.tool"))
        await limit(rig, by=who, per_day=3)
    assert await admitted(rig, 9) == 3
    assert await admitted(rig, 9, by=stranger) == 3


def config_of(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": "A tool of a test.",
        "input_schema": {"type": "object", "additionalProperties": True},
        "api": {"base_url": "https://upstream.example"},
    }


async def test_a_refused_call_writes_nothing_asks_nothing_and_is_counted(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, per_day=1)
    await rig.call("the.tool")
    await refused(rig)
    before = (rig.tap.transactions, rig.tap.reads, await executions(rig))
    for _ in range(50):
        await refused(rig)
    assert (rig.tap.transactions, rig.tap.reads, await executions(rig)) == before
    await rig.gateway.stores.ledger.do_books()
    counted = await rig.rows("SELECT code, principal, tool, count FROM refusals")
    assert [tuple(row.values()) for row in counted] == [("RATE_LIMITED", "user:owner", "the.tool", 51)]


async def costs(rig: Rig, calls: int) -> Counter[str]:
    """What so many calls took, one after the other, but for what the process does beside them."""
    meter = Meter(rig)

    async def work() -> None:
        for _ in range(calls):
            await rig.call("the.tool")

    await work()  # others prepare with the first
    found = await meter.cost(work)
    return Counter(
        {name: n for name, n in found.items() if "steps of" not in name and (n >= calls or "meters" in name)}
    )


async def test_calls_take_no_statement_more_with_limits_than_without_and_none_for_each_rule(rig: Rig):
    await rig.register("the.tool")
    without = await costs(rig, 60)
    await limit(rig, **WIDE)
    await limit(rig, "tool", **WIDE)
    few = await costs(rig, 60)
    for number in range(60):
        await limit(rig, "actor", f"agent:a{number}", **WIDE)
        await limit(rig, "host", f"h{number}.example", **WIDE)
    many = await costs(rig, 60)
    for found in (few, many):
        drawn = {name: n for name, n in found.items() if "meters" in name}
        assert Counter({name: n for name, n in found.items() if "meters" not in name}) == without
        assert sum(drawn.values()) <= 60 / 5, drawn  # what is in hand lasts for many calls
    assert without.total() > 60


async def test_who_may_not_call_uses_nothing_up(rig: Rig):
    await rig.register("the.tool", input_schema={"type": "object", "properties": {"n": {"type": "integer"}}})
    viewer = await rig.principal(role="viewer")
    await limit(rig, per_day=2)
    for _ in range(5):
        assert (await rig.call("the.tool", by=viewer)).status is Status.DENIED
        assert (await rig.call("the.tool", {"n": "no number"})).status is Status.FAILED
    assert await admitted(rig, 9) == 2


async def test_calls_that_are_refused_otherwise_keep_to_the_pace(rig: Rig):
    await rig.register("the.tool")
    viewer = await rig.principal(role="viewer")
    await limit(rig, per_minute=1, burst=4, per_day=50, concurrency=1)
    for _ in range(3):
        assert (await rig.call("the.tool", by=viewer)).status is Status.DENIED
    await rig.raise_generation()
    assert (await rig.call("the.tool", size=10**9)).status is Status.FAILED
    assert (await refused(rig, by=viewer))["limit"] == "rate"
    assert (await refused(rig))["limit"] == "rate"
    assert await executions(rig) == 4


@pytest.mark.parametrize(
    "allowed", [{"per_day": 2}, {"per_minute": 1, "burst": 2}, {"per_month": 2, "concurrency": 1}]
)
async def test_a_replayed_answer_uses_nothing_up(rig: Rig, allowed: dict[str, int]):
    await rig.register("the.tool")
    await limit(rig, **allowed)
    await rig.call("the.tool", idempotency_key="k")
    for _ in range(20):
        assert (await rig.call("the.tool", idempotency_key="k")).replayed
    await rig.call("the.tool")
    await refused(rig)


@pytest.mark.parametrize("allowed", [{"per_day": 3}, {"per_minute": 1, "burst": 3}])
async def test_a_call_that_is_decided_again_uses_no_more(rig: Rig, allowed: dict[str, int]):
    await rig.register("the.tool")
    await limit(rig, **allowed)
    for _ in range(3):
        await rig.raise_generation()
        await rig.call("the.tool")
    await refused(rig)


async def test_a_limit_that_another_process_sets_binds_the_next_call(rig: Rig):
    await rig.register("the.tool")
    second = await rig.beside()
    await second.call("the.tool")
    await limit(rig, per_day=1)
    await second.call("the.tool")
    assert (await refused(second))["limit"] == "day"
    await rig.gateway.limits.remove(rig.owner, rig.owner.workspace_id, "workspace", "*")
    await second.gateway.snapshots.reload(rig.owner.workspace_id)
    await second.call("the.tool")


async def test_a_call_that_is_decided_again_under_a_narrower_limit_is_refused(rig: Rig):
    await rig.register("the.tool")
    second = await rig.beside()
    await limit(rig, per_day=50)
    await second.call("the.tool")
    await limit(rig, per_day=1)
    assert (await refused(second))["limit"] == "day"


async def test_a_limit_removed_and_set_again_remembers_what_was_used(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, per_day=3)
    assert await admitted(rig, 9) == 3
    await rig.gateway.limits.remove(rig.owner, rig.owner.workspace_id, "workspace", "*")
    await rig.call("the.tool")
    await limit(rig, per_day=4)
    assert await admitted(rig, 9) == 1


async def test_so_many_calls_run_at_once_and_the_next_when_one_ends(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, concurrency=2)
    hanging = rig.provider.hangs()
    tasks = [asyncio.create_task(rig.call("the.tool")) for _ in range(2)]
    await eventually(ran(rig, 2), "two run")
    before = rig.tap.transactions
    told = await refused(rig)
    assert (told["limit"], told["retry_after"]) == ("concurrency", 1)
    assert rig.tap.transactions == before
    hanging.go.set()
    await asyncio.gather(*tasks)
    assert (await rig.call("the.tool")).status is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("kind", "name"),
    [("workspace", "*"), ("actor", "user:owner"), ("tool", "the.tool"), ("host", "upstream.example")],
)
async def test_calls_under_way_are_counted_over_all_processes(rig: Rig, kind: str, name: str):
    await rig.register("the.tool")
    await limit(rig, kind, name, concurrency=2)
    second = await rig.beside()
    hanging = rig.provider.hangs()
    tasks = [asyncio.create_task(rig.call("the.tool")) for _ in range(2)]
    await eventually(ran(rig, 2), "two run")
    told = await refused(second, idempotency_key="k")
    assert (told["limit"], told["kind"]) == ("concurrency", kind)
    before = second.tap.transactions
    await refused(second)
    assert second.tap.transactions == before  # for a moment it is known
    assert await executions(rig) == 2
    hanging.go.set()
    await asyncio.gather(*tasks)
    second.clock.go(1)
    assert (await second.call("the.tool", idempotency_key="k")).status is Status.SUCCEEDED


async def test_many_at_once_never_exceed_what_may_run(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, concurrency=5)
    second = await rig.beside()
    hanging, most = rig.provider.hangs(), 5
    second.provider.behaviour = hanging.run
    tasks = [asyncio.create_task(one.call("the.tool")) for one in (rig, second) for _ in range(20)]
    await eventually(ran(rig, 40 - most, tasks), "the others are refused")
    assert await executions(rig) == most
    hanging.go.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(not isinstance(one, RateLimited) for one in found) == most


def ran(rig: Rig, number: int, refused: "list[asyncio.Task[Any]] | None" = None) -> Any:
    async def reached() -> bool:
        if refused is not None:
            return sum(task.done() for task in refused) == number
        return len(rig.provider.ran) == number

    return reached


async def test_a_call_that_nobody_waits_for_counts_until_it_ends(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, concurrency=1)
    hanging = rig.provider.hangs()
    assert (await rig.call("the.tool", wait=False)).status is Status.RUNNING
    await refused(rig)
    hanging.go.set()

    async def free() -> bool:
        try:
            return (await rig.call("the.tool")).status is Status.SUCCEEDED
        except RateLimited:
            return False

    await eventually(free, "the place is free again")


async def test_calls_of_a_dead_process_make_room_once_it_is_found_dead(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, concurrency=1)
    dead = await rig.beside()
    dead.provider.hangs()
    task = asyncio.create_task(dead.call("the.tool"))
    await eventually(ran(dead, 1), "it runs")
    await refused(rig)
    await dead.gateway.stores.ledger.owner.leave()
    await rig.gateway.stores.ledger.do_books()
    rig.clock.go(1)
    assert (await rig.call("the.tool")).status is Status.SUCCEEDED
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_database_that_is_away_admits_nothing_and_nothing_is_lost(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, per_day=3, per_minute=1, burst=100)
    await rig.call("the.tool")
    lease = next(iter(rig.gateway.admission._leases.values()))
    lease.end = lease.start
    rig.tap.before.append(refusing(DatabaseUnavailable("away")))
    with pytest.raises(Unavailable):
        await rig.call("the.tool")
    assert await admitted(rig, 9) == 2


async def test_a_call_that_cannot_be_recorded_stays_charged(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, per_day=64)
    await rig.call("the.tool")
    rig.tap.before.append(refusing(DatabaseUnavailable("away", uncertain=True)))
    with pytest.raises(Unavailable):
        await rig.call("the.tool")
    assert await admitted(rig, 100) == 62


async def test_what_is_given_back_while_a_draw_is_under_way_is_not_lost(rig: Rig):
    """A replay returns its part just then, with the last of the day gone into the draw."""
    await rig.register("the.tool")
    await limit(rig, per_day=2)
    await rig.call("the.tool", idempotency_key="k")
    gate = asyncio.Event()
    admission = rig.gateway.admission
    ticket = admission.enter(rig.owner.workspace_id)
    facts = await rig.gateway.snapshots.of(rig.owner.workspace_id)
    assert facts is not None
    await admission._take(ticket, facts.limits.about("user:owner", "the.tool", None))
    rig.tap.before.append(gate.wait)  # type: ignore[arg-type]
    waiting = asyncio.create_task(rig.call("the.tool"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    given_out = dict(admission._leases)
    admission.give_back(ticket)
    admission.leave(ticket)
    gate.set()
    assert not given_out
    assert (await waiting).status is Status.SUCCEEDED
    await refused(rig)


async def test_one_draw_serves_all_who_wait_for_it(rig: Rig):
    await rig.register("the.tool")
    await rig.call("the.tool")
    await limit(rig, **WIDE)
    held = asyncio.Event()
    rig.tap.before.append(held.wait)  # type: ignore[arg-type]
    tasks = [asyncio.create_task(rig.call("the.tool")) for _ in range(40)]
    for _ in range(20):
        await asyncio.sleep(0)
    drawing = dict(rig.gateway.admission._drawing)
    held.set()
    await asyncio.gather(*tasks)
    assert len(drawing) == 1
    used = await rig.rows("SELECT day_used, drawn FROM meters")
    (lease,) = rig.gateway.admission._leases.values()
    assert used[0]["drawn"] == lease.end
    assert lease.day_held == used[0]["day_used"] - 40


async def test_a_caller_that_gives_up_while_a_draw_is_under_way_leaves_it_to_the_others(rig: Rig):
    await rig.register("the.tool")
    await rig.call("the.tool")
    await limit(rig, per_day=5)
    held = asyncio.Event()
    rig.tap.before.append(held.wait)  # type: ignore[arg-type]
    first, second = [asyncio.create_task(rig.call("the.tool")) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    held.set()
    assert (await second).status is Status.SUCCEEDED
    assert await admitted(rig, 9) == 4


async def test_a_process_keeps_leases_of_those_who_came_last(
    sqlite_rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("toolcrib.gateway.admission._MOST_LEASES", 2)
    await sqlite_rig.register("the.tool")
    await limit(sqlite_rig, "actor", per_day=100)
    for name in ("a", "b", "c"):
        await sqlite_rig.call("the.tool", by=await sqlite_rig.principal(name=name, actor_type="agent"))
    assert {name for _, _, name in sqlite_rig.gateway.admission._leases} == {"agent:b", "agent:c"}


async def test_leases_are_counted_by_the_clock_of_the_database(rig: Rig):
    """The process's own clock may be years off."""
    await rig.register("the.tool")
    await limit(rig, per_day=5)
    await rig.call("the.tool")
    (lease,) = rig.gateway.admission._leases.values()
    on_sqlite = rig.tap.dialect == "sqlite"
    assert (lease.at == START * 1_000) == on_sqlite


async def reason(rig: Rig) -> tuple[bool, str]:
    decision, reasons = await rig.gateway.tools.explain(rig.owner, "the.tool")
    assert decision.allowed == reasons[-1].holds
    return reasons[-1].holds, reasons[-1].message


async def test_explain_knows_what_other_processes_run_and_used(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, concurrency=1, per_day=2)
    second = await rig.beside()
    hanging = second.provider.hangs()
    task = asyncio.create_task(second.call("the.tool"))
    await eventually(ran(second, 1), "it runs")
    assert await reason(rig) == (
        False,
        "The limit of this workspace is reached: 1 calls under way. Try again in 1 s.",
    )
    hanging.go.set()
    await task
    assert (await reason(rig))[0]
    await second.call("the.tool")
    holds, told = await reason(rig)
    assert not holds
    assert "2 calls a day" in told


async def test_explain_takes_nothing_and_fails_closed(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, per_day=2)
    for _ in range(5):
        assert (await reason(rig))[0]
    rig.tap.reading.append(refusing(DatabaseUnavailable("away")))
    with pytest.raises(Unavailable):
        await reason(rig)
    assert await admitted(rig, 5) == 2


async def test_what_is_given_back_to_a_limit_that_nobody_holds_any_more_is_lost(rig: Rig):
    await rig.register("the.tool")
    await limit(rig, per_day=2)
    await rig.call("the.tool", idempotency_key="k")
    rig.tap.before += [_nothing, _forgetting(rig)]
    assert (await rig.call("the.tool", idempotency_key="k")).replayed
    assert await admitted(rig, 5) == 0


async def _nothing() -> None: ...


def _forgetting(rig: Rig) -> Any:
    async def forget() -> None:
        rig.gateway.admission._leases.clear()

    return forget
