"""The context of a run: what it hands through, what it refuses, and the way out."""

import asyncio
import datetime as dt
from typing import Any

import pytest

from tests.unit.providers.http.fakes import FakeClient
from tests.unit.providers.python.fakes import PRINCIPAL, FakeDesk, run
from toolcrib import CallFailed, Context, RequestFailed, tool
from toolcrib.contracts.context import Progress, ToolBrief
from toolcrib.contracts.errors import NotFound
from toolcrib.contracts.execution import Result, Status, Subject
from toolcrib.contracts.provider import Success
from toolcrib.kit.http import EgressDenied, HttpError, HttpFailed, HttpReply, HttpTimeout

SEEN: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_seen():
    SEEN.clear()


@tool(secrets=["KEY"])
async def look(context: Context) -> None:
    """Look around."""
    SEEN.extend([
        context.principal, context.workspace, context.subject, context.execution_id, context.settings, context.secret("KEY"),
        context.deadline, context.clock.now(), context.clock.monotonic(), await context.list_tools(),
    ])  # fmt: skip
    with pytest.raises(KeyError, match="OTHER is not among the secrets"):
        context.secret("OTHER")


async def test_a_context_hands_through_what_the_run_is_about():
    assert await run(look, KEY="v") == Success(None)
    assert [
        PRINCIPAL, "w1", Subject("view", "v1"), "exe_1", {"BASE": "here"}, "v", 20.0,
        dt.datetime(2027, 1, 15, 8, tzinfo=dt.UTC), 1_000.0, [ToolBrief("a.b", None, "d", {}, None)],
    ] == SEEN  # fmt: skip


@tool
async def relay(context: Context, tool: str, input: dict[str, Any] | None = None) -> Any:  # noqa: A002 the contract's word
    """Call another."""
    try:
        return await context.call(tool, input)
    except CallFailed as failed:
        return [failed.tool, failed.code, failed.execution_id, failed.status, failed.details]


async def test_another_tool_is_called_with_plain_input():
    desk = FakeDesk()
    assert await run(relay, {"tool": "a.b", "input": {"n": 1}}, desk=desk) == Success({"ok": True})
    assert await run(relay, {"tool": "a.b"}, desk=desk) == Success({"ok": True})
    assert desk.called == [("a.b", {"n": 1}, 7), ("a.b", {}, 2)]


async def test_a_call_that_failed_says_how():
    error = {"code": "CLOSED", "message": "m", "details": {"a": 1}, "retryable": False}
    desk = FakeDesk(Result("exe_2", Status.FAILED, None, error, 0))
    assert await run(relay, {"tool": "a.b"}, desk=desk) == Success(
        ["a.b", "CLOSED", "exe_2", "failed", {"a": 1}]
    )


@pytest.mark.parametrize("status", [Status.AWAITING_APPROVAL, Status.RUNNING])
async def test_a_call_that_is_not_done_yet_is_no_answer(status):
    desk = FakeDesk(Result("exe_9", status, None, None, 0.0))
    told = await run(relay, {"tool": "a.b"}, desk=desk)
    assert told == Success(["a.b", "CONFLICT", "exe_9", status.value, {}])


async def test_a_call_that_was_none_says_why():
    desk = FakeDesk(NotFound("There is no such tool."))
    assert await run(relay, {"tool": "a.b"}, desk=desk) == Success(["a.b", "NOT_FOUND", None, None, {}])


@tool
async def odd(context: Context) -> None:
    """Call with what is no JSON."""
    with pytest.raises(TypeError, match=r"the input for a\.b is no JSON"):
        await context.call("a.b", {"x": object()})


async def test_an_input_that_is_no_json_is_not_sent():
    desk = FakeDesk()
    assert await run(odd, desk=desk) == Success(None)
    assert desk.called == []


@tool
def blocking(context: Context) -> float:
    """Tell how far it is, from a thread."""
    context.progress(1, 2, "half")
    for wish in (lambda: context.call("a.b"), context.list_tools):
        with pytest.raises(RuntimeError, match="works in async tools only"):
            asyncio.run(wish())
    return context.deadline


async def test_a_sync_tool_may_use_what_does_not_wait():
    desk = FakeDesk()
    assert await run(blocking, desk=desk) == Success(20.0)
    assert desk.heard == [Progress(1, 2, "half")]


@tool(secrets=["KEY"])
async def boast(context: Context) -> None:
    """Tell a secret on the way."""
    context.progress(1, message=f"have {context.secret('KEY')}")


async def test_progress_tells_no_secret():
    desk = FakeDesk()
    await run(boast, desk=desk, KEY="correct-horse-battery")
    await asyncio.sleep(0)
    assert desk.heard == [Progress(1, None, "have [secret:KEY]")]


@tool(secrets=["KEY"])
async def chatter(context: Context) -> None:
    """Write log lines."""
    context.log.info("began", step=1)
    context.log.warning("odd", value=context.secret("KEY"))
    context.log.error("broke", value=object(), execution_id="forged")


@tool(secrets=["KEY"])
async def careless(context: Context) -> None:
    """Write what no log should hold as it is."""
    line = f"asked with {context.secret('KEY')}\n2026-01-01 forged"
    context.log.info(line, room="r", event="e", level="l")
    context.log.warning("\x1b[2J", **{"a\nb": 1})


async def test_log_lines_carry_the_execution_and_no_secret(capsys):
    await run(chatter, KEY="correct-horse-battery")
    first, second, third = capsys.readouterr().err.splitlines()
    assert 'began step=1 execution_id="exe_1" tool="chatter"' in first
    assert 'value="[secret:KEY]"' in second
    assert 'broke execution_id="exe_1" tool="chatter"' in third


async def test_what_a_line_says_holds_no_secret_and_begins_no_other_line(capsys):
    assert await run(careless, KEY="correct-horse-battery") == Success(None)
    first, second = capsys.readouterr().err.splitlines()
    assert '"asked with [secret:KEY]\\n2026-01-01 forged" room_="r" event_="e" level_="l"' in first
    assert '"\\u001b[2J" "a\\nb"=1' in second


@tool
async def fetch(context: Context, method: str, url: str, more: dict[str, Any]) -> Any:
    """Send a request."""
    try:
        answer = await context.http.request(method, url, **more)
        return [answer.status, dict(answer.headers), answer.json()]
    except RequestFailed as failed:
        return [failed.code.value, failed.reason, failed.sent]


async def sent(more: dict[str, Any], method: str = "post", url: str = "https://x.example/a") -> Any:
    client = FakeClient(HttpReply(201, {"x": "y"}, b'{"a":1}'))
    outcome = await run(fetch, {"method": method, "url": url, "more": more}, client=client)
    assert outcome == Success([201, {"x": "y"}, {"a": 1}])
    assert client.pools == ["w1"]
    return client.sent[0]


async def test_a_request_is_sent_as_it_is_asked_for():
    request = await sent({"params": {"q": ["a b", 1]}, "headers": {"X-A": "1"}, "json": {"n": 1}})
    assert (request.method, request.url, request.body) == (
        "POST",
        "https://x.example/a?q=a+b&q=1",
        b'{"n":1}',
    )
    assert request.headers == (("X-A", "1"), ("Content-Type", "application/json"))
    assert request.timeout == 20


async def test_a_request_keeps_its_own_type_query_and_timeout():
    request = await sent(
        {"json": 1, "params": {"b": 2}, "headers": {"content-type": "x/y"}, "timeout": 3}, url="https://x.example/?a=1"
    )  # fmt: skip
    assert (request.url, request.headers, request.timeout) == (
        "https://x.example/?a=1&b=2", (("content-type", "x/y"),), 3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (EgressDenied(), ["EGRESS_DENIED", None, False]),
        (HttpTimeout(sent=True), ["UPSTREAM_TIMEOUT", None, True]),
        (HttpFailed("reset", sent=False), ["UPSTREAM_ERROR", "reset", False]),
        (HttpError("odd", sent=True), ["UPSTREAM_ERROR", None, True]),
        (HttpReply(200, {}, b"<html>"), ["UPSTREAM_ERROR", "invalid_json", True]),
        (HttpReply(302, {"location": "https://y.example/"}, b""), ["UPSTREAM_ERROR", "redirect", True]),
    ],
)
async def test_a_request_without_a_usable_answer_says_why(error, expected):
    given = {"method": "GET", "url": "https://x.example/", "more": {}}
    assert await run(fetch, given, client=FakeClient(error)) == Success(expected)
