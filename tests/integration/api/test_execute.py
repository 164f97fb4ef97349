"""The hot route: one shape for every answer, each code with its status, nothing half-read ever runs."""

import asyncio

import pytest

from tests.support.fakes import refusing
from toolcrib.api.errors import STATUS
from toolcrib.contracts.errors import Code
from toolcrib.contracts.principal import ActorType
from toolcrib.contracts.provider import Failure, Success
from toolcrib.kit.db import DatabaseUnavailable

V1 = "/api/v1/tools/{}/execute"


def execute(door, tool, body, **rest):
    return door("POST", V1.format(tool), body, **rest)


async def counted(rig):
    await rig.gateway.stores.ledger.do_books()
    return [
        (row["workspace_id"] != "", row["code"], row["principal"], row["tool"])
        for row in await rig.rows("SELECT * FROM refusals")
    ]


@pytest.mark.parametrize("path", [V1, "/api/tools/{}/execute"])
async def test_a_call_answers_in_the_one_shape(rig, door, path):
    tool = await rig.register()
    status, headers, answer = await door("POST", path.format(tool), {"input": {"a": [1.5, None]}})
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert set(answer) == {"success", "execution_id", "status", "output", "error", "execution_time_ms"}
    assert (answer["success"], answer["status"], answer["output"], answer["error"]) == (
        True,
        "succeeded",
        {"a": [1.5, None]},
        None,
    )
    assert (await rig.find(answer["execution_id"])).tool == tool


async def test_a_refused_call_answers_in_the_same_shape(sqlite_rig, sqlite_door):
    tool = await sqlite_rig.register(enabled=False)
    status, _, answer = await execute(sqlite_door, tool, {"input": {}})
    assert status == 403
    assert (answer["success"], answer["status"], answer["output"], answer["error"]["code"]) == (
        False,
        "denied",
        None,
        "TOOL_DISABLED",
    )
    assert (await sqlite_rig.find(answer["execution_id"])).error_code == "TOOL_DISABLED"


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.UNAUTHORIZED])
async def test_each_code_of_an_outcome_has_its_status(sqlite_rig, sqlite_door, code):
    sqlite_rig.provider.answers(Failure(code, "so it is"))
    status, headers, answer = await execute(sqlite_door, await sqlite_rig.register(), {})
    assert (status, answer["error"]["code"], answer["error"]["message"]) == (STATUS[code], code, "so it is")
    assert ("retry-after" in headers) == (code is Code.UNAVAILABLE)


async def test_a_declared_error_has_its_own_status(sqlite_rig, sqlite_door):
    tool = await sqlite_rig.register(errors=[{"code": "NO_HARBOUR", "http_status": 451}])
    sqlite_rig.provider.answers(Failure("NO_HARBOUR", "no", http_status=451))
    status, _, answer = await execute(sqlite_door, tool, {})
    assert (status, answer["error"]["code"]) == (451, "NO_HARBOUR")


async def test_an_unknown_tool_is_404_and_counted(sqlite_rig, sqlite_door):
    status, _, answer = await execute(sqlite_door, "no.such", {})
    assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")
    assert await counted(sqlite_rig) == [(True, "NOT_FOUND", "user:owner", "?")]


@pytest.mark.parametrize("key", ["", "nonsense"])
async def test_without_a_credential_nobody_learns_whether_a_tool_exists(sqlite_rig, sqlite_door, key):
    tool = await sqlite_rig.register()
    known = await execute(sqlite_door.as_(key), tool, {})
    unknown = await execute(sqlite_door.as_(key), "no.such", {})
    assert (known.status, known.body, known.headers["www-authenticate"]) == (401, unknown.body, "Bearer")
    assert {row[:3] for row in await counted(sqlite_rig)} == {(False, "UNAUTHORIZED", "")}


@pytest.mark.parametrize("raw", [b"", b"{", b'{"input":{},"input":{}}', b"\xff"])
async def test_a_body_that_is_no_json_is_refused_after_the_credential_and_before_any_look_up(
    sqlite_rig, sqlite_door, raw
):
    status, _, answer = await execute(sqlite_door.as_(""), "no.such", None, raw=raw)
    assert (status, answer["error"]["code"]) == (401, "UNAUTHORIZED")
    status, _, answer = await execute(sqlite_door, "no.such", None, raw=raw)
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert (True, "VALIDATION_ERROR", "user:owner", "?") in await counted(sqlite_rig)


async def test_a_body_over_the_operators_limit_is_refused(sqlite_rig, sqlite_door):
    tool = await sqlite_rig.register()
    status, _, answer = await execute(sqlite_door, tool, {"input": {"a": "x" * 5_000}})
    assert status == 400
    assert "larger than 5000 bytes" in answer["error"]["message"]


async def test_a_body_that_breaks_off_runs_nothing(sqlite_rig, sqlite_door):
    tool = await sqlite_rig.register()
    half = [{"type": "http.request", "body": b'{"input":{}}', "more_body": True}]
    assert (await execute(sqlite_door, tool, None, messages=half)).status == 400
    assert sqlite_rig.provider.ran == []


async def test_an_unknown_field_is_refused_by_name(sqlite_rig, sqlite_door):
    status, _, answer = await execute(sqlite_door, await sqlite_rig.register(), {"inputs": {}})
    assert (status, answer["error"]["details"]) == (
        400,
        {
            "errors": [
                {"path": "/inputs", "message": "unknown field; what the tool takes goes inside `input`"}
            ]
        },
    )


async def test_an_agent_that_claims_to_be_a_person_is_refused(sqlite_rig, sqlite_door):
    key = await sqlite_rig.key(actor_type=ActorType.AGENT, name="bot")
    status, _, answer = await execute(
        sqlite_door.as_(key), await sqlite_rig.register(), {"input": {}, "actorType": "user"}
    )
    assert (status, answer["error"]["code"]) == (403, "FORBIDDEN")
    assert sqlite_rig.provider.ran == []


async def test_the_subject_and_the_exception_are_recorded(sqlite_rig, sqlite_door):
    body = {"input": {}, "subject": {"type": "view", "id": "v"}, "exceptionId": "x1"}
    answer = (await execute(sqlite_door, await sqlite_rig.register(), body)).json
    _, _, found = await sqlite_door("GET", f"/api/v1/tools/executions/{answer['execution_id']}")
    assert (found["subject"], found["exception_id"]) == ({"type": "view", "id": "v"}, "x1")


async def test_while_the_database_is_away_nothing_runs_and_the_caller_may_try_again(rig, door):
    tool = await rig.register()
    rig.tap.before.append(refusing(DatabaseUnavailable("away")))
    status, headers, answer = await execute(door, tool, {})
    assert (status, answer["error"]["code"], answer["error"]["retryable"]) == (503, "UNAVAILABLE", True)
    assert headers["retry-after"]
    assert rig.provider.ran == []


async def test_a_fault_of_ours_is_an_id_and_nothing_else(sqlite_rig, sqlite_door, capsys):
    tool = await sqlite_rig.register()
    sqlite_rig.tap.before.append(refusing(RuntimeError("hunter2")))
    status, _, answer = await execute(sqlite_door, tool, {})
    assert (status, answer["error"]["code"]) == (500, "INTERNAL_ERROR")
    reference = answer["error"]["details"]["reference"]
    logged = capsys.readouterr().err
    assert reference in logged
    assert "fakes.py:" in logged
    assert "hunter2" not in str(answer) + logged


async def test_only_post_executes(sqlite_rig, sqlite_door):
    tool = await sqlite_rig.register()
    for method in ("GET", "PUT", "DELETE"):
        assert (await sqlite_door(method, V1.format(tool))).status in {404, 405}
    assert sqlite_rig.provider.ran == []


async def test_a_cut_answer_says_so_and_no_other_does(sqlite_rig, sqlite_door):
    sqlite_rig.provider.answers(Success([{"id": 1, "name": "Maud"}, {"id": 2, "name": "Gjøa"}]))
    tool = await sqlite_rig.register()
    _, _, answer = await execute(sqlite_door, tool, {"input": {}, "select": ["name"], "limit": 1})
    assert (answer["output"], answer["truncated"]) == ([{"name": "Maud"}], True)
    _, _, answer = await execute(sqlite_door, tool, {"idsOnly": True})
    assert (answer["output"], "truncated" in answer) == ({"ids": [1, 2], "count": 2}, False)


async def test_a_dry_run_is_a_success_that_is_marked_in_the_ledger(sqlite_rig, sqlite_door):
    tool = await sqlite_rig.register(impact="high")
    status, _, answer = await execute(sqlite_door, tool, {"input": {}})
    assert (status, answer["success"], answer["output"]["dry_run"]) == (200, True, True)
    _, _, found = await sqlite_door("GET", f"/api/v1/tools/executions/{answer['execution_id']}")
    assert (found["dry_run"], found["status"]) == (True, "succeeded")
    _, _, answer = await execute(sqlite_door, tool, {"input": {}, "dryRun": False})
    assert (answer["status"], answer["output"]) == ("awaiting_approval", None)


async def test_a_call_that_a_stopping_server_ends_is_answered(rig, door):
    hanging, tool = rig.provider.hangs(), await rig.register()
    task = asyncio.create_task(door("POST", f"/api/v1/tools/{tool}/execute", {"input": {}}))
    await hanging.begun.wait()
    task.cancel()
    reply = await task
    assert (reply.status, reply.json["status"]) == (503, "interrupted")
