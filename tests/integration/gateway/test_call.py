"""The route of a call: what each refusal is, that it is recorded with its event, and what becomes of each outcome."""

from dataclasses import replace

import pytest

from tests.support.fakes import refusing
from toolcrib.contracts.errors import NotFound, Unauthorized, Unavailable
from toolcrib.contracts.execution import Call, Status, Subject
from toolcrib.contracts.principal import ActorType, Principal, Role
from toolcrib.contracts.provider import Failure, Success
from toolcrib.contracts.secret import texts
from toolcrib.kit.db import DatabaseUnavailable

HARBOUR = {
    "type": "object",
    "properties": {"harbour": {"type": "string"}},
    "required": ["harbour"],
    "additionalProperties": False,
}


async def last_event(rig):
    event = (await rig.events())[-1]
    return event["type"], event["about"], event["facts"]


async def recorded(rig, result):
    found = await rig.find(result.execution_id)
    return found.status, found.error_code


async def refused(rig, result, status, code):
    """The answer, the row and the event agree, and nothing ran."""
    assert (result.status, result.error["code"], result.output) == (status, code, None)
    assert await recorded(rig, result) == (status, code)
    kind = "ToolExecutionDenied" if status is Status.DENIED else "ToolExecutionFailed"
    event = (await rig.events())[-1]
    assert (event["type"], event["execution_id"]) == (kind, result.execution_id)
    assert event["facts"] == f'{{"status":"{status.value}","error_code":"{code}"}}'
    assert rig.provider.ran == []


async def test_a_call_that_succeeds_is_recorded_with_input_and_output(rig):
    tool = await rig.register()
    result = await rig.call(tool, {"a": 1}, subject=Subject("view", "v1"), exception_id="x1")
    assert (result.status, result.output, result.error) == (Status.SUCCEEDED, {"a": 1}, None)
    found = await rig.find(result.execution_id)
    assert (found.status, found.tool, found.input_payload, found.output_payload) == (
        Status.SUCCEEDED,
        tool,
        {"a": 1},
        {"a": 1},
    )
    assert (found.actor_type, found.actor_id, found.subject, found.exception_id) == (
        "user",
        "user:owner",
        Subject("view", "v1"),
        "x1",
    )
    assert [event["type"] for event in await rig.events()][-2:] == [
        "ToolExecutionRequested",
        "ToolExecutionCompleted",
    ]


async def test_the_tool_runs_only_after_its_row_is_durable(rig):
    seen = []

    async def look(invocation):
        seen.extend(await rig.rows(f"SELECT status FROM executions WHERE id = '{invocation.execution_id}'"))
        return Success(None)

    rig.provider.behaviour = look
    await rig.call(await rig.register())
    assert [row["status"] for row in seen] == ["running"]


async def test_a_call_is_found_by_the_tools_id_as_well(sqlite_rig):
    tool = await sqlite_rig.gateway.tools.get(sqlite_rig.owner, await sqlite_rig.register())
    assert (await sqlite_rig.call(tool.tool.id)).error is None


async def test_the_time_spent_is_told_and_recorded(sqlite_rig):
    rig = sqlite_rig

    async def slow(_):
        rig.clock.go(1.5)
        return Success(None)

    rig.provider.behaviour = slow
    result = await rig.call(await rig.register())
    assert result.execution_time_ms == 1500
    assert (await rig.find(result.execution_id)).execution_time_us == 1_500_000


async def test_invalid_input_is_a_failed_execution_that_names_every_fault(rig):
    tool = await rig.register(input_schema=HARBOUR)
    result = await rig.call(tool, {"port": 1})
    await refused(rig, result, Status.FAILED, "VALIDATION_ERROR")
    assert {fault["path"] for fault in result.error["details"]["errors"]} == {"", "/port"}


async def test_input_larger_than_the_contract_takes_is_refused_before_it_is_looked_at(rig):
    tool = await rig.register(api={"base_url": "https://u.example", "max_request": 10}, input_schema=HARBOUR)
    result = await rig.call(tool, {"harbour": "x" * 100}, size=111)
    await refused(rig, result, Status.FAILED, "VALIDATION_ERROR")
    assert "larger than the 10 bytes" in result.error["message"]


async def test_a_disabled_tool_is_denied(rig):
    tool = await rig.register(enabled=False)
    result = await rig.call(tool)
    await refused(rig, result, Status.DENIED, "TOOL_DISABLED")
    assert result.error["details"] == {"rule": "enabled"}


async def test_a_viewer_is_denied(rig):
    viewer = await rig.principal(role=Role.VIEWER)
    result = await rig.call(await rig.register(), by=viewer)
    await refused(rig, result, Status.DENIED, "FORBIDDEN")


async def test_a_key_for_other_tools_is_denied(rig):
    agent = await rig.principal(actor_type=ActorType.AGENT, tools=("other.tool",))
    result = await rig.call(await rig.register(), by=agent)
    await refused(rig, result, Status.DENIED, "FORBIDDEN")
    assert result.error["details"] == {"rule": "key"}


async def test_bad_input_is_told_before_policy(sqlite_rig):
    tool = await sqlite_rig.register(input_schema=HARBOUR, enabled=False)
    await refused(sqlite_rig, await sqlite_rig.call(tool), Status.FAILED, "VALIDATION_ERROR")


async def test_a_secret_that_is_not_set_ends_the_call_before_any_run(rig):
    auth = {"method": "bearer", "secret_ref": "${TIDE_KEY}"}
    tool = await rig.register(api={"base_url": "https://u.example", "auth": auth})
    result = await rig.call(tool)
    await refused(rig, result, Status.FAILED, "SECRET_NOT_FOUND")
    assert result.error["details"] == {"name": "TIDE_KEY"}


async def test_a_secret_reaches_its_run_and_stands_in_no_row(rig):
    auth = {"method": "bearer", "secret_ref": "${TIDE_KEY}"}
    tool = await rig.register(api={"base_url": "https://u.example", "auth": auth})
    await rig.gateway.secrets.set(rig.owner, "TIDE_KEY", "s3cr3t-value-1")
    result = await rig.call(tool, {"note": "my s3cr3t-value-1 here"})
    assert dict(texts(rig.provider.ran[0].secrets)) == {"TIDE_KEY": "s3cr3t-value-1"}
    assert rig.provider.ran[0].input == {"note": "my s3cr3t-value-1 here"}
    assert "s3cr3t" not in str((await rig.find(result.execution_id)).input_payload)


async def test_an_unknown_tool_is_not_found_and_no_execution(rig):
    with pytest.raises(NotFound):
        await rig.call("no.such")
    assert await rig.rows("SELECT * FROM executions") == []


async def test_a_tool_of_another_workspace_is_not_found_in_the_same_words(rig):
    other = await rig.workspace()
    theirs = await rig.register()
    with pytest.raises(NotFound) as foreign:
        await rig.call(theirs, by=other)
    with pytest.raises(NotFound) as unknown:
        await rig.call("no.such", by=other)
    assert (foreign.value.message, foreign.value.details) == (unknown.value.message, unknown.value.details)


async def test_a_principal_of_no_workspace_is_nobody(rig):
    with pytest.raises(Unauthorized):
        await rig.call("t", by=Principal("nowhere", ActorType.USER, "user:x", Role.OWNER, "k"))


async def test_a_revoked_key_calls_nothing_more(rig):
    tool, key = await rig.register(), await rig.principal()
    await rig.gateway.keys.revoke(rig.owner, key.key_id)
    with pytest.raises(Unauthorized):
        await rig.call(tool, by=key)


async def test_a_declared_error_keeps_its_code_and_status(rig):
    tool = await rig.register(errors=[{"code": "OTHER"}, {"code": "NO_HARBOUR", "http_status": 404}])
    rig.provider.answers(Failure("NO_HARBOUR", "no", {"h": "x"}, http_status=404))
    result = await rig.call(tool)
    assert (result.status, result.http_status) == (Status.FAILED, 404)
    assert result.error == {"code": "NO_HARBOUR", "message": "no", "details": {"h": "x"}, "retryable": False}
    assert await recorded(rig, result) == (Status.FAILED, "NO_HARBOUR")
    assert (await last_event(rig))[0] == "ToolExecutionFailed"


async def test_an_error_that_is_not_declared_is_told_as_that(rig):
    rig.provider.answers(Failure("SURPRISE", "secret text of the upstream"))
    result = await rig.call(await rig.register())
    assert (result.error["code"], result.error["details"]) == ("UNDECLARED_ERROR", {"code": "SURPRISE"})
    assert await recorded(rig, result) == (Status.FAILED, "UNDECLARED_ERROR")
    assert "secret text" not in str(await rig.rows("SELECT * FROM executions"))


async def test_an_error_of_the_house_needs_no_declaration(sqlite_rig):
    sqlite_rig.provider.answers(Failure("UPSTREAM_TIMEOUT", "late", retryable=True))
    result = await sqlite_rig.call(await sqlite_rig.register())
    assert (result.error["code"], result.error["retryable"]) == ("UPSTREAM_TIMEOUT", True)


async def test_output_that_does_not_fit_is_not_given_out(rig):
    tool = await rig.register(output_schema={"type": "object", "properties": {"height": {"type": "number"}}})
    rig.provider.answers(Success({"height": "high"}))
    result = await rig.call(tool)
    assert (result.status, result.output, result.error["code"]) == (Status.FAILED, None, "INVALID_OUTPUT")
    assert [fault["path"] for fault in result.error["details"]["errors"]] == ["/height"]
    assert await recorded(rig, result) == (Status.FAILED, "INVALID_OUTPUT")
    assert "high" not in str(await rig.rows("SELECT * FROM bodies WHERE part = 'output'"))


async def test_output_that_fits_is_given_out(sqlite_rig):
    tool = await sqlite_rig.register(output_schema={"type": "object", "required": ["height"]})
    sqlite_rig.provider.answers(Success({"height": 1}))
    assert (await sqlite_rig.call(tool)).output == {"height": 1}


async def test_a_provider_that_raises_closes_its_execution_and_tells_nothing_inner(rig, capsys):
    rig.provider.raises(RuntimeError("password is hunter2"))
    result = await rig.call(await rig.register())
    assert (result.status, result.error["code"]) == (Status.FAILED, "INTERNAL_ERROR")
    assert result.execution_id in result.error["message"]
    assert await recorded(rig, result) == (Status.FAILED, "INTERNAL_ERROR")
    assert (
        "hunter2"
        not in str(result) + str(await rig.rows("SELECT * FROM executions")) + capsys.readouterr().err
    )


async def test_output_that_is_not_json_closes_its_execution(rig):
    rig.provider.answers(Success(object()))
    result = await rig.call(await rig.register())
    assert (result.status, result.error["code"]) == (Status.FAILED, "INTERNAL_ERROR")
    assert await recorded(rig, result) == (Status.FAILED, "INTERNAL_ERROR")


async def test_a_message_that_no_column_takes_still_closes_the_call(rig):
    rig.provider.answers(Failure("UPSTREAM_ERROR", "a\0b"))
    result = await rig.call(await rig.register())
    assert await recorded(rig, result) == (Status.FAILED, "UPSTREAM_ERROR")


async def test_a_call_refused_by_the_database_does_not_run(rig):
    tool = await rig.register()
    rig.tap.before.append(refusing(DatabaseUnavailable("away")))
    with pytest.raises(Unavailable):
        await rig.call(tool)
    assert rig.provider.ran == []
    assert await rig.rows("SELECT * FROM executions") == []


async def test_facts_that_cannot_be_read_are_no_refusal(rig):
    second = await rig.beside()
    second.tap.reading.append(refusing(DatabaseUnavailable("away")))
    with pytest.raises(Unavailable):
        await second.call("t")


async def test_an_outcome_that_cannot_be_recorded_names_its_execution(rig):
    tool = await rig.register()

    async def break_then_answer(_):
        rig.tap.before.append(refusing(DatabaseUnavailable("away")))
        return Success(1)

    rig.provider.behaviour = break_then_answer
    with pytest.raises(Unavailable) as lost:
        await rig.call(tool)
    (row,) = await rig.rows("SELECT id FROM executions")
    assert lost.value.details == {"execution_id": row["id"]}
    await rig.gateway.stores.ledger.keep()
    assert (await rig.find(row["id"])).output_payload == 1


async def test_a_call_that_others_gave_up_meanwhile_is_answered_as_interrupted(rig):
    tool = await rig.register()

    async def give_up_behind_its_back(invocation):
        await rig.sql(
            "UPDATE executions SET status = 'interrupted' WHERE id = :id", id=invocation.execution_id
        )
        return Success("done")

    rig.provider.behaviour = give_up_behind_its_back
    result = await rig.call(tool)
    assert (result.status, result.output, result.error["code"]) == (Status.INTERRUPTED, None, "UNAVAILABLE")
    assert (await last_event(rig))[0] == "OutcomeLearned"
    assert await rig.rows("SELECT * FROM bodies WHERE part = 'output'") == []


async def test_a_request_that_never_became_a_call_is_counted_under_a_tool_that_is_there(sqlite_rig):
    tool, calls = await sqlite_rig.register(), sqlite_rig.gateway.calls
    elsewhere = replace(sqlite_rig.owner, workspace_id="elsewhere")
    for who, named in ((sqlite_rig.owner, tool), (sqlite_rig.owner, "made.up"), (elsewhere, tool)):
        calls.count_refusal(who, "NOT_FOUND", named)
    await sqlite_rig.gateway.stores.ledger.do_books()
    assert sorted(row["tool"] for row in await sqlite_rig.rows("SELECT tool FROM refusals")) == [
        "?",
        "?",
        tool,
    ]


async def test_a_tool_is_made_ready_once(sqlite_rig):
    tool = await sqlite_rig.register()
    for _ in range(3):
        await sqlite_rig.gateway.calls.call_tool(sqlite_rig.owner, Call(tool, {}))
    assert sqlite_rig.provider.prepared == 1
