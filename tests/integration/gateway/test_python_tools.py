"""Python and dummy tools over the counter: outcomes as the ledger has them, calls of tools by tools, retries, progress."""

import asyncio
import contextlib

import pytest

from tests.support import toolbox
from tests.support.fakes import FakeClock, refusing
from tests.support.rig import open_rig
from tests.support.until import eventually
from toolcrib.contracts.errors import Invalid, Unauthorized
from toolcrib.contracts.execution import Call, Status, Subject
from toolcrib.contracts.principal import ActorType
from toolcrib.contracts.provider import Failure, Success
from toolcrib.gateway.desk import CallerDesk
from toolcrib.kit import logging
from toolcrib.kit.db import DatabaseUnavailable
from toolcrib.kit.http import Egress, HttpClient


@contextlib.asynccontextmanager
async def opened(url):
    clock, client = FakeClock(), HttpClient(Egress.parse("127.0.0.1/32"))
    async with open_rig(
        url, clock=clock, more=toolbox.providers(clock, toolbox.numbers, client=client)
    ) as rig:
        await rig.gateway.packs.install(toolbox.numbers)
        yield rig
    await client.close()


@pytest.fixture
async def numbers(rig_url):
    """A house on SQLite and on PostgreSQL with the pack `numbers`."""
    async with opened(rig_url) as rig:
        yield rig


@pytest.fixture
async def sqlite_numbers(tmp_path):
    async with opened(f"sqlite:///{tmp_path / 'toolcrib.db'}") as rig:
        yield rig


async def test_a_function_is_called_and_recorded(numbers):
    result = await numbers.call("numbers.add", {"a": 1, "b": 2})
    assert (result.status, result.output) == (Status.SUCCEEDED, {"total": 3})
    found = await numbers.find(result.execution_id)
    assert (found.input_payload, found.output_payload, found.tool) == (
        {"a": 1, "b": 2}, {"total": 3}, "numbers.add",
    )  # fmt: skip


async def test_a_tool_of_a_pack_is_there_for_every_workspace(numbers):
    other = await numbers.workspace()
    assert (await numbers.call("numbers.add", {"a": 1}, by=other)).output == {"total": 2}


async def test_bad_input_never_reaches_the_function(numbers):
    result = await numbers.call("numbers.add", {"a": "1", "b": -1})
    assert result.error["code"] == "VALIDATION_ERROR"
    assert {fault["path"] for fault in result.error["details"]["errors"]} == {"/a", "/b"}


async def test_a_declared_error_has_its_code_and_status(numbers):
    result = await numbers.call("numbers.add", {"a": 2_000})
    assert (result.status, result.http_status) == (Status.FAILED, 413)
    assert result.error == {
        "code": "TOO_LARGE", "message": "Add smaller numbers.", "details": {"most": 1_000}, "retryable": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tool", "given", "code"),
    [
        ("numbers.undeclared", {}, "UNDECLARED_ERROR"),
        ("numbers.crash", {}, "INTERNAL_ERROR"),
        ("numbers.wrong", {}, "INVALID_OUTPUT"),
        ("numbers.odd", {"how": "cycle"}, "INVALID_OUTPUT"),
        ("numbers.odd", {"how": "huge"}, "INVALID_OUTPUT"),
        ("numbers.odd", {"how": "nan"}, "INVALID_OUTPUT"),
        ("numbers.odd", {"how": "object"}, "INVALID_OUTPUT"),
        ("numbers.forever", {}, "UPSTREAM_TIMEOUT"),
    ],
)
async def test_whatever_a_tool_does_its_call_ends_and_tells_nothing_inner(
    sqlite_numbers, tool, given, code, capsys
):
    result = await sqlite_numbers.call(tool, given)
    assert (result.status, result.error["code"]) == (Status.FAILED, code)
    found = await sqlite_numbers.find(result.execution_id)
    assert (found.status, found.error_code) == (Status.FAILED, code)
    rows = str(await sqlite_numbers.rows("SELECT * FROM executions"))
    assert "secret words" not in str(result) + rows + capsys.readouterr().err


async def test_a_sync_tool_past_its_deadline_is_interrupted_and_still_takes_a_thread(numbers):
    other = await numbers.workspace()
    for _ in range(2):
        late = await numbers.call("numbers.stuck")
        assert (late.status, late.error["code"]) == (Status.INTERRUPTED, "UPSTREAM_TIMEOUT")
        assert (await numbers.find(late.execution_id)).status is Status.INTERRUPTED
    assert (await numbers.call("numbers.stuck")).error["code"] == "UNAVAILABLE"
    assert (await numbers.call("numbers.crash", by=other)).error["code"] == "INTERNAL_ERROR"


async def test_a_tool_calls_another_as_an_execution_of_its_own(numbers):
    agent = await numbers.principal(actor_type=ActorType.AGENT)
    given = {"tool": "numbers.add", "input": {"a": 1}}
    result = await numbers.call(
        "numbers.relay", given, by=agent, subject=Subject("view", "v1"), exception_id="x1"
    )
    assert result.output == {"total": 2}
    inner, outer = await numbers.gateway.history.list(numbers.owner, 2, {})
    assert (inner.tool, outer.tool) == ("numbers.add", "numbers.relay")
    assert (inner.actor_id, inner.subject, inner.exception_id) == (
        outer.actor_id,
        Subject("view", "v1"),
        "x1",
    )


async def test_a_tool_may_call_no_more_than_its_caller(numbers):
    agent = await numbers.principal(actor_type=ActorType.AGENT, tools=("numbers.relay",))
    result = await numbers.call("numbers.relay", {"tool": "numbers.add", "input": {"a": 1}}, by=agent)
    assert (result.error["code"], result.error["details"]["code"]) == ("UPSTREAM_ERROR", "FORBIDDEN")
    inner, _ = await numbers.gateway.history.list(numbers.owner, 2, {})
    assert (inner.tool, inner.status) == ("numbers.add", Status.DENIED)


async def test_a_tool_that_calls_an_unknown_one_fails(sqlite_numbers):
    result = await sqlite_numbers.call("numbers.relay", {"tool": "no.such", "input": {}})
    assert result.error["details"] == {
        "tool": "no.such", "code": "NOT_FOUND", "message": "There is no such tool.", "execution_id": None,
    }  # fmt: skip


async def test_a_tool_that_asks_for_one_that_is_not_there_is_counted(numbers):
    await numbers.call("numbers.relay", {"tool": "no.such", "input": {}})
    await numbers.gateway.stores.ledger.do_books()
    rows = await numbers.rows("SELECT code, principal, tool, count FROM refusals")
    assert [tuple(row.values()) for row in rows] == [("NOT_FOUND", "user:owner", "?", 1)]


@pytest.mark.parametrize("fail", [False, True])
async def test_a_secret_that_a_tool_hands_on_stands_in_no_row(numbers, fail):
    await numbers.gateway.secrets.set(numbers.owner, "SPILLED", "correct-horse-battery")
    result = await numbers.call("numbers.spill", {"fail": fail})
    assert result.output == ("it was [secret:SPILLED]" if fail else "same")
    kept = await numbers.rows("SELECT * FROM bodies") + await numbers.rows("SELECT * FROM executions")
    assert "[secret:SPILLED]" in str(kept)
    assert "correct-horse" not in str(kept)


async def test_calls_of_calls_end_at_a_depth(numbers):
    result = await numbers.call("numbers.deeper")
    assert result.error["code"] == "UPSTREAM_ERROR"
    rows = await numbers.gateway.history.list(numbers.owner, 50, {"tool": "numbers.deeper"})
    assert len(rows) == 10
    assert (rows[0].status, rows[0].error_code) == (Status.DENIED, "FORBIDDEN")


async def test_a_call_that_outlives_its_caller_is_recorded_as_interrupted(sqlite_numbers):
    rig = sqlite_numbers
    hanging = rig.provider.hangs()
    inner = await rig.register()
    made = Call("outer", {}, Subject("view", "v1"))
    desk = CallerDesk(rig.gateway.calls, rig.gateway.snapshots, rig.owner, made, 0, {}, "exe_1", print, set())
    assert desk.subject == Subject("view", "v1")
    outer = asyncio.create_task(desk.call(inner, {}, 2))
    await hanging.begun.wait()
    outer.cancel()
    await asyncio.gather(outer, return_exceptions=True)

    async def closed():
        (row,) = await rig.gateway.history.list(rig.owner, 1, {})
        return row if row.status is not Status.RUNNING else None

    row = await eventually(closed, "the inner call is closed")
    assert (row.status, row.error_code) == (Status.INTERRUPTED, "UNAVAILABLE")
    assert "The call that made this one ended first" in row.error_message
    assert not desk.beside


async def test_a_tool_sees_what_its_caller_may_call(numbers):
    await numbers.register("mine.one")
    assert (await numbers.call("numbers.seen")).output == sorted(
        ["mine.one", *(t.tool.name for t in toolbox.TOOLS)]
    )
    await numbers.gateway.tools.set_enabled(numbers.owner, "numbers.add", enabled=False)
    agent = await numbers.principal(actor_type=ActorType.AGENT, tools=("numbers.seen", "numbers.add"))
    assert (await numbers.call("numbers.seen", by=agent)).output == ["numbers.seen"]


async def test_a_desk_of_no_workspace_lists_nothing(sqlite_numbers):
    rig = sqlite_numbers
    nobody = rig.gateway.stores.identity.house("nowhere")
    desk = CallerDesk(
        rig.gateway.calls, rig.gateway.snapshots, nobody, Call("a", {}), 0, {}, "exe_1", print, set()
    )
    with pytest.raises(Unauthorized):
        await desk.list_tools()


@pytest.fixture
def whole_log():
    """A log of everything."""
    logging.configure(json=False, level="debug")
    yield
    logging.configure(json=False)


async def test_progress_is_told_to_a_log_of_everything(sqlite_numbers, whole_log, capsys):
    await sqlite_numbers.call("numbers.deeper")
    assert "debug   progress" in capsys.readouterr().err


async def test_progress_is_not_told_to_a_usual_log(sqlite_numbers, capsys):
    await sqlite_numbers.call("numbers.deeper")
    assert "progress" not in capsys.readouterr().err


async def test_a_request_follows_redirects_within_its_origin_with_all_that_it_carries(
    sqlite_numbers, upstream
):
    url = f"{upstream.url}/redirect?status=307&to=/echo"
    result = await sqlite_numbers.call("numbers.fetch", {"url": url, "method": "POST", "secret": True})
    assert result.output["status"] == 200
    (request,) = upstream.requests("/echo")
    assert (request.method, request.header("authorization"), request.body) == (
        "POST",
        "Bearer t0ken",
        b'{"n":1}',
    )


async def test_a_request_does_not_follow_beyond_its_origin(sqlite_numbers, upstream):
    url = f"{upstream.url}/redirect?to=http://localhost:{upstream.port}/echo"
    result = await sqlite_numbers.call("numbers.fetch", {"url": url, "secret": True})
    assert (result.error["code"], result.error["details"]) == ("UPSTREAM_ERROR", {"reason": "redirect"})
    assert upstream.requests("/echo") == []


async def test_nobody_registers_a_function_over_the_counter(numbers):
    config = toolbox.add.tool.in_pack("numbers")
    for parts in ({"name": "mine.add", "scope": "workspace"}, {"input_schema": {}, "name": "mine.add"}):
        with pytest.raises(Invalid, match="Python tools come with packs"):
            await numbers.gateway.tools.register(numbers.owner, config | parts)


async def test_a_dummy_is_registered_and_called(numbers):
    config = {"name": "stand.in", "description": "", "input_schema": {}, "kind": "dummy"}
    await numbers.gateway.tools.register(numbers.owner, config | {"dummy": {"output": [1]}})
    assert (await numbers.call("stand.in")).output == [1]
    found = await numbers.gateway.tools.get(numbers.owner, "stand.in")
    assert {"api", "mapping", "secrets", "python"}.isdisjoint(found.config)


async def test_a_timeout_beyond_the_operators_is_refused(sqlite_numbers):
    with pytest.raises(Invalid) as refused:
        await sqlite_numbers.register(timeout=121)
    assert refused.value.details["errors"] == [
        {"path": "/timeout", "message": "The operator allows at most 120 seconds."}
    ]


async def test_what_fails_in_passing_is_tried_again_within_one_execution(numbers):
    tool = await numbers.register(effects="read", retries=2, backoff=0)
    outcomes = [Failure("UPSTREAM_ERROR", "x", retryable=True), Success(1)]

    async def next_outcome(_):
        return outcomes.pop(0)

    numbers.provider.behaviour = next_outcome
    result = await numbers.call(tool)
    assert (result.output, len(numbers.provider.ran)) == (1, 2)
    assert {invocation.execution_id for invocation in numbers.provider.ran} == {result.execution_id}
    assert len(await numbers.rows("SELECT id FROM executions")) == 1


async def test_an_outcome_that_nobody_knows_is_interrupted(sqlite_numbers):
    sqlite_numbers.provider.answers(Failure("UPSTREAM_TIMEOUT", "late", unknown=True))
    result = await sqlite_numbers.call(await sqlite_numbers.register())
    assert (result.status, result.error["code"]) == (Status.INTERRUPTED, "UPSTREAM_TIMEOUT")


async def test_a_house_without_its_database_installs_nothing(sqlite_numbers):
    sqlite_numbers.tap.reading.append(refusing(DatabaseUnavailable("away")))
    with pytest.raises(Exception, match="cannot record calls"):
        await sqlite_numbers.gateway.packs.install(toolbox.numbers)
