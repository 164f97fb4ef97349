"""One run of one function: whatever it does is an outcome, and no exception's text leaves the house."""

import asyncio
import sys
import threading
from typing import Annotated

import pytest
from pydantic import AfterValidator, BaseModel

from tests.support.until import eventually
from tests.unit.providers.python.fakes import (
    FakeDesk,
    contract_of,
    invocation,
    provider,
    run,
)
from toolcrib import CallFailed, Context, RequestFailed, ToolError, tool
from toolcrib.contracts.errors import Code, Invalid
from toolcrib.contracts.provider import Failure, Invocation, Success
from toolcrib.providers.http import Limits
from toolcrib.providers.python import Slots

SECRET = "correct-horse-battery"


@tool(effects="read", errors=["NO_HARBOUR", {"code": "CLOSED", "http_status": 409}])
async def fail(how: str) -> dict[str, int]:
    """Fail."""
    raise WAYS[how]


@tool(errors=["NO_HARBOUR"])
def fail_in_thread(how: str) -> None:
    """Fail."""
    raise WAYS[how]


INNER = {"code": "CLOSED", "message": "It is closed.", "details": {}, "retryable": True}
WAYS = {
    "declared": ToolError("NO_HARBOUR", "There is no oslo.", near="bergen"),
    "with status": ToolError("CLOSED", "Closed.", retryable=True),
    "undeclared": ToolError("NEVER_HEARD", "x"),
    "house": ToolError("FORBIDDEN", "x"),
    "no code": ToolError("not a code", "x"),
    "odd": ToolError("NO_HARBOUR", "\ud800" + "y" * 9_999, what=object()),
    "inner": CallFailed("a.b", INNER | {"code": "OTHER"}, "exe_9", "failed"),
    "inner declared": CallFailed("a.b", INNER, "exe_9", "failed"),
    "request": RequestFailed(Code.UPSTREAM_ERROR, "It broke.", reason="reset"),
    "timeout": RequestFailed(Code.UPSTREAM_TIMEOUT, "It was late."),
    "denied": RequestFailed(Code.EGRESS_DENIED, "No.", sent=False),
    "any": ValueError("secret words"),
    "network": ConnectionResetError("secret words"),
    "exit": SystemExit(3),
    "cancelled": asyncio.CancelledError("secret words"),
    "group": BaseExceptionGroup("secret words", [KeyboardInterrupt()]),
}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("declared", Failure("NO_HARBOUR", "There is no oslo.", {"near": "bergen"}, http_status=422)),
        ("with status", Failure("CLOSED", "Closed.", {}, True, 409)),
        ("undeclared", Failure("NEVER_HEARD", "x", {})),
        ("no code", Failure("NOT_A_CODE", "x", {})),
        ("odd", Failure("NO_HARBOUR", "?" + "y" * 1_999, {}, http_status=422)),
        ("inner declared", Failure("CLOSED", "It is closed.", {}, True, 409)),
        ("request", Failure(Code.UPSTREAM_ERROR, "It broke.", {"reason": "reset"}, True)),
        ("timeout", Failure(Code.UPSTREAM_TIMEOUT, "It was late.", {}, True)),
        ("denied", Failure(Code.EGRESS_DENIED, "No.", {}, False)),
    ],
)
async def test_an_error_of_the_tool_is_its_failure(how, expected):
    assert await run(fail, {"how": how}) == expected


async def test_a_code_of_the_house_is_no_tools_to_use():
    failure = await run(fail, {"how": "house"})
    assert (failure.code, failure.details) == (Code.UNDECLARED_ERROR, {"code": "FORBIDDEN"})


async def test_a_failed_call_of_another_tool_is_an_upstreams():
    failure = await run(fail, {"how": "inner"})
    assert (failure.code, failure.retryable) == (Code.UPSTREAM_ERROR, True)
    assert failure.details == {
        "tool": "a.b", "code": "OTHER", "message": "It is closed.", "execution_id": "exe_9",
    }  # fmt: skip


async def test_what_the_other_tool_said_is_told_without_the_secrets_of_this_one():
    @tool(secrets=["KEY"])
    async def outer(context: Context) -> None:
        """Call with a secret."""
        raise CallFailed(
            "a.b", INNER | {"code": "OTHER", "message": f"Bad {context.secret('KEY')}."}, "exe_9"
        )

    failure = await run(outer, KEY=SECRET)
    assert failure.details["message"] == "Bad [secret:KEY]."


@pytest.mark.parametrize("function", [fail, fail_in_thread])
@pytest.mark.parametrize("how", ["any", "exit", "cancelled", "group", "network"])
async def test_anything_else_is_told_without_its_text(function, how, capsys):
    failure = await run(function, {"how": how})
    assert (failure.code, failure.message) == (
        Code.INTERNAL_ERROR,
        "The tool failed unexpectedly; quote exe_1.",
    )
    logged = capsys.readouterr().err
    assert "secret words" not in logged
    assert f'error="{type(WAYS[how]).__name__}"' in logged


async def test_the_log_says_where_it_failed(capsys):
    await run(fail_in_thread, {"how": "any"})
    assert "test_run.py:" in capsys.readouterr().err


async def test_only_a_tool_that_may_be_repeated_fails_in_passing():
    assert (await run(fail, {"how": "network"})).retryable
    assert not (await run(fail_in_thread, {"how": "network"})).retryable
    assert not (await run(fail_in_thread, {"how": "request"})).retryable
    assert not (await run(fail_in_thread, {"how": "declared"})).retryable


class Tide(BaseModel):
    height: float


@tool
def same(value: object) -> object:
    """Give it back."""
    return value


@tool
async def tide(place: Tide) -> Tide:
    """Give it back."""
    return place


async def test_values_go_in_and_out():
    assert await run(same, {"value": [1, None]}) == Success([1, None])
    assert await run(tide, {"height": 2}) == Success({"height": 2.0})


def even(number: int) -> int:
    if number % 2:
        raise ValueError("must be even")
    return number


@tool
def half(number: Annotated[int, AfterValidator(even)]) -> int:
    """Half of it."""
    return number // 2


async def test_what_the_types_refuse_beyond_the_schema_is_the_callers_fault():
    failure = await run(half, {"number": 3})
    assert (failure.code, failure.details["errors"][0]["path"]) == (Code.VALIDATION_ERROR, "/number")


@tool
async def broken() -> object:
    """Give what is no JSON."""
    return object()


async def test_an_output_that_is_no_json_is_invalid():
    failure = await run(broken)
    assert failure.code == Code.INVALID_OUTPUT
    assert "is no JSON" in failure.message


async def test_an_output_beyond_the_limit_is_invalid():
    limits = Limits(max_request=1_000, max_reply=20, seconds=10)
    failure = await run(same, {"value": "x" * 50}, limits=limits)
    assert (failure.code, failure.message) == (
        Code.INVALID_OUTPUT, "The output is larger than the 20 bytes that a tool may answer; return less.",
    )  # fmt: skip


@tool(secrets=["KEY"], errors=["SAID"])
async def tell(context: Context, aloud: bool) -> str:
    """Tell a secret."""
    if aloud:
        raise ToolError("SAID", f"it is {context.secret('KEY')}", what=context.secret("KEY"))
    return context.secret("KEY")


async def test_a_secret_of_the_run_does_not_leave_it():
    assert await run(tell, {"aloud": False}, KEY=SECRET) == Success("[secret:KEY]")
    failure = await run(tell, {"aloud": True}, KEY=SECRET)
    assert (failure.message, failure.details) == ("it is [secret:KEY]", {"what": "[secret:KEY]"})


@tool(effects="read")
async def sleepy() -> None:
    """Never end."""
    await asyncio.Event().wait()


async def test_an_async_tool_past_its_deadline_is_cancelled():
    failure = await run(sleepy, seconds=0.01)
    assert (failure.code, failure.unknown, failure.retryable) == (Code.UPSTREAM_TIMEOUT, False, True)


@tool
async def stubborn() -> None:
    """Do not let itself be stopped."""
    while not STOP.is_set():
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue


STOP = asyncio.Event()


async def test_an_async_tool_that_does_not_let_itself_be_stopped_is_unknown(monkeypatch):
    monkeypatch.setattr(sys.modules["toolcrib.providers.python.provider"], "_GRACE", 0.01)
    failure = await run(stubborn, seconds=0.01)
    STOP.set()
    assert (failure.code, failure.unknown, failure.retryable) == (Code.UPSTREAM_TIMEOUT, True, False)
    assert "nobody knows" in failure.message


class Gate:
    """Lets the functions of one test end."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)


GATE = Gate()


@tool
def hold() -> str:
    """Wait for the test."""
    GATE.begun.release()
    GATE.go.wait(20)
    return "late"


@pytest.fixture
def gate():
    GATE.go.clear()
    yield GATE
    GATE.go.set()


async def test_a_sync_tool_past_its_deadline_is_unknown_and_keeps_its_slot_until_it_ends(gate):
    python = provider(hold, slots=Slots(most=2, most_of_one=1, patience=0))
    ready = python.prepare(contract_of(hold))
    late = await ready.run(invocation(seconds=0.01))
    assert (late.code, late.unknown) == (Code.UPSTREAM_TIMEOUT, True)
    busy = await ready.run(invocation())
    assert (busy.code, busy.retryable) == (Code.UNAVAILABLE, True)
    other = asyncio.create_task(ready.run(invocation(workspace="w2")))
    await asyncio.to_thread(gate.begun.acquire, timeout=20)
    gate.go.set()
    assert await other == Success("late")
    await eventually(lambda: python.slots._taken.total() == 0, "both threads are given back")
    assert await ready.run(invocation()) == Success("late")


async def test_a_sync_tool_whose_call_is_given_up_keeps_its_slot(gate):
    python = provider(hold, slots=Slots(most=1, patience=0))
    ready = python.prepare(contract_of(hold))
    given_up = asyncio.create_task(ready.run(invocation()))
    await asyncio.to_thread(gate.begun.acquire, timeout=20)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    assert (await ready.run(invocation())).code == Code.UNAVAILABLE
    gate.go.set()
    await eventually(lambda: python.slots._taken.total() == 0, "the thread is given back")


async def test_only_a_loaded_packs_own_contract_may_be_stored():
    python = provider(same)
    python.check(contract_of(same))
    for parts in ({"input_schema": {}}, {"scope": "workspace"}, {"name": "other"}):
        with pytest.raises(Invalid, match="Python tools come with packs"):
            python.check(contract_of(same, **parts))
    with pytest.raises(Invalid, match="Python tools come with packs"):
        python.check(contract_of(same, python={"pack": "other", "function": "same"}))


async def test_a_tool_whose_pack_is_not_loaded_says_so():
    ready = provider(same).prepare(contract_of(same, python={"pack": "gone", "function": "same"}))
    failure = await ready.run(invocation())
    assert failure.code == Code.UNAVAILABLE
    assert "The pack gone" in failure.message
    assert ready.secrets == frozenset()


@tool
async def asks(context: Context) -> None:
    """Take a context."""


async def test_a_context_needs_the_gateways_desk():
    ready = provider(asks).prepare(contract_of(asks))
    with pytest.raises(LookupError):
        await ready.run(Invocation("exe_1", "w1", {}, {}))
    assert await run(asks, desk=FakeDesk()) == Success(None)
