"""Calls that wait for a person: asked for, shown, agreed to, refused, over; and every way in which they are not."""

import asyncio
import json

import pytest

from tests.support.fakes import refusing
from tests.support.rig import config, open_rig
from toolcrib.contracts.approval import ApprovalState
from toolcrib.contracts.errors import Code, Conflict, Forbidden, NotFound, RateLimited, Unavailable
from toolcrib.contracts.execution import Call, Status, Subject
from toolcrib.contracts.principal import Role
from toolcrib.contracts.provider import Failure, Success
from toolcrib.contracts.secret import Secret
from toolcrib.gateway import Allowance, ApprovalRule, Limit
from toolcrib.kit.cipher import Cipher
from toolcrib.kit.db import DatabaseUnavailable

HIGH = {"effects": "destructive"}


async def asked(rig, name=None, given=None, *, by=None, **rest):
    """A call that waits, and its approval."""
    name = name or await rig.register(**HIGH)
    done = await rig.call(name, given or {"a": 1}, by=by, dry_run=False, **rest)
    assert done.status is Status.AWAITING_APPROVAL, done
    return done


async def state(rig, approval_id):
    return (await rig.gateway.approvals.get(rig.owner, approval_id))[0].state


async def refused(rig, approval_id, by=None, error=Conflict):
    with pytest.raises(error) as found:
        await rig.gateway.approvals.approve(by or rig.owner, approval_id)
    return found.value.details


async def test_a_call_of_high_impact_waits_and_runs_once_a_person_agrees(rig):
    done = await asked(rig)
    assert (done.output, done.error, rig.provider.ran) == (None, None, [])
    waiting = await rig.find(done.execution_id)
    assert (waiting.status, waiting.approval_id, waiting.finished_at) == (
        Status.AWAITING_APPROVAL,
        done.approval_id,
        None,
    )
    assert not waiting.is_final
    ran = await rig.gateway.approvals.approve(rig.owner, done.approval_id)
    assert (ran.status, ran.execution_id, ran.output) == (Status.SUCCEEDED, done.execution_id, {"a": 1})
    assert [one.execution_id for one in rig.provider.ran] == [done.execution_id]
    found = await rig.find(done.execution_id)
    assert (found.status, found.approval_id, found.output_payload) == (
        Status.SUCCEEDED,
        done.approval_id,
        {"a": 1},
    )
    told = [event for event in await rig.events() if event["execution_id"] == done.execution_id]
    assert [event["type"] for event in told] == [
        "ApprovalRequested",
        "ApprovalGranted",
        "ToolExecutionRequested",
        "ToolExecutionCompleted",
    ]
    assert [event["seq"] for event in told] == list(range(told[0]["seq"], told[0]["seq"] + 4))
    assert json.loads(told[1]["facts"])["approval_id"] == done.approval_id


async def test_one_approval_lets_one_call_run_once(rig):
    done = await asked(rig)
    await rig.gateway.approvals.approve(rig.owner, done.approval_id)
    assert await refused(rig, done.approval_id) == {"reason": "ended"}
    with pytest.raises(Conflict):
        await rig.gateway.approvals.deny(rig.owner, done.approval_id, None)
    assert len(rig.provider.ran) == 1


async def test_many_who_agree_at_once_let_it_run_once(rig):
    done = await asked(rig)
    tries = [rig.gateway.approvals.approve(rig.owner, done.approval_id) for _ in range(10)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(one).__name__ for one in answers) == ["Conflict"] * 9 + ["Result"]
    assert len(rig.provider.ran) == 1


async def test_a_refused_call_never_runs(rig):
    done = await asked(rig)
    denied = await rig.gateway.approvals.deny(rig.owner, done.approval_id, "not today")
    assert (denied.state, denied.note, denied.decided_by) == (ApprovalState.DENIED, "not today", "user:owner")
    assert denied.decided_at is not None
    told = await rig.gateway.history.result(rig.owner, done.execution_id)
    assert (told.status, told.error["code"], told.error["details"]) == (
        Status.DENIED,
        "FORBIDDEN",
        {"reason": "denied"},
    )
    assert await refused(rig, done.approval_id) == {"reason": "ended"}
    assert (await rig.events())[-1]["type"] == "ApprovalDenied"
    assert rig.provider.ran == []


async def test_a_note_is_kept_as_every_database_takes_it(rig):
    done = await asked(rig)
    denied = await rig.gateway.approvals.deny(rig.owner, done.approval_id, "no\x00 \ud800 way")
    assert denied.note == "no ? way"


async def test_nobody_agrees_after_its_time(rig):
    done = await asked(rig)
    await rig.sql("UPDATE approvals SET expires_at = created_at - 1")
    assert await refused(rig, done.approval_id) == {"reason": "void", "changed": ["seal"]}
    other = await asked(rig)
    await rig.sql("UPDATE approvals SET expires_at = 0 WHERE state = 'pending'")
    await rig.gateway.stores.ledger.do_books()
    assert await state(rig, other.approval_id) is ApprovalState.EXPIRED
    found = await rig.find(other.execution_id)
    assert (found.status, found.error_code, found.error["details"]) == (
        Status.EXPIRED,
        "CONFLICT",
        {"reason": "expired"},
    )
    event = (await rig.events())[-1]
    assert (event["type"], event["actor_id"]) == ("ApprovalExpired", "system")
    assert rig.provider.ran == []


async def test_the_time_of_an_approval_is_the_databases(rig_url):
    """The clock of a process, which stands still here, does not count; the keeper may come late."""
    async with open_rig(rig_url, approval_seconds=0) as rig:
        done = await asked(rig)
        assert await refused(rig, done.approval_id) == {"reason": "ended"}
        assert (await state(rig, done.approval_id), rig.provider.ran) == (ApprovalState.PENDING, [])


async def test_a_cancelled_call_is_withdrawn(rig):
    done = await asked(rig)
    ended = await rig.gateway.history.cancel(rig.owner, done.execution_id)
    assert (ended.status, ended.error["details"]) == (Status.CANCELLED, {"reason": "cancelled"})
    assert await state(rig, done.approval_id) is ApprovalState.WITHDRAWN
    assert (await rig.events())[-1]["type"] == "ToolExecutionCancelled"
    assert await refused(rig, done.approval_id) == {"reason": "ended"}
    await rig.gateway.approvals.withdraw(rig.owner, done.approval_id)  # too late, and no harm


async def test_a_call_is_shown_as_it_would_be_sent(sqlite_rig):
    rig = sqlite_rig

    async def preview(invocation):
        return Success({"dry_run": True, "request": invocation.input})

    rig.provider.shows = preview
    name = await rig.register(
        **HIGH,
        record="none",
        input_schema={
            "type": "object",
            "additionalProperties": True,
            "properties": {"pin": {"type": "string", "writeOnly": True}},
        },
    )
    given = {"pin": "4711-4712", "to": "al\u202eice"}
    done = await asked(rig, name, given, subject=Subject("door", "d1"))
    approval, request = await rig.gateway.approvals.get(rig.owner, done.approval_id)
    assert (approval.tool, approval.reasons, approval.second) == (name, ("its impact is high",), False)
    assert request.input == {"pin": "[REDACTED]", "to": "al\u202eice"}
    assert request.preview["request"]["to"] == "al\u202eice"
    assert "4711" not in json.dumps(request.preview)
    assert request.subject == Subject("door", "d1")
    assert set(request.disguised) == {"/input/to", "/preview/request/to"}
    assert request.struck == ("/input/pin", "/preview/request/pin")
    assert b"4711" not in (await rig.rows("SELECT sealed FROM approvals"))[0]["sealed"]


async def test_who_asks_does_not_choose_what_is_struck_out_of_the_preview(sqlite_rig):
    rig = sqlite_rig

    async def preview(invocation):
        return Success(
            {"dry_run": True, "request": {"method": "DELETE", "url": f"https://h/{invocation.input['id']}"}}
        )

    rig.provider.shows = preview
    name = await rig.register(**HIGH)
    done = await asked(
        rig, name, {"id": "1", "page_token": "DELETE", "password] x [": "request", "token": "long-enough-1"}
    )
    _, request = await rig.gateway.approvals.get(rig.owner, done.approval_id)
    assert request.preview == {"dry_run": True, "request": {"method": "DELETE", "url": "https://h/1"}}
    done = await asked(rig, name, {"id": "long-enough-1", "token": "long-enough-1"})
    _, request = await rig.gateway.approvals.get(rig.owner, done.approval_id)
    assert request.preview["request"]["url"] == "https://h/[secret:input]"


async def test_a_call_of_which_nothing_could_be_shown_is_not_asked_for(sqlite_rig):
    name = await sqlite_rig.register(**HIGH)
    given = {"tokens": [{"token": f"secret-number-{n:06}"} for n in range(3_000)]}
    done = await sqlite_rig.call(name, given, dry_run=False)
    assert (done.status, done.error["code"]) == (Status.FAILED, "VALIDATION_ERROR")
    assert "may be secret" in done.error["message"]


async def test_a_secret_from_beside_the_vault_is_covered_by_its_value(rig_url):
    values = {"KEY": Secret("KEY", "first-value")}

    class Beside:
        def of(self, _id, _name):
            return dict(values)

    api = {"base_url": "https://u.example", "auth": {"method": "bearer", "secret_ref": "${KEY}"}}
    async with open_rig(rig_url, beside=Beside()) as rig:
        done = await asked(rig, await rig.register(**HIGH, api=api))
        values["KEY"] = Secret("KEY", "second-value")
        await rig.raise_generation()
        assert await refused(rig, done.approval_id) == {"reason": "void", "changed": ["secrets"]}


async def test_who_says_what_they_looked_at_agrees_to_nothing_else(sqlite_rig):
    rig = sqlite_rig
    done = await asked(rig)
    approval, _ = await rig.gateway.approvals.get(rig.owner, done.approval_id)
    with pytest.raises(Conflict, match="something else"):
        await rig.gateway.approvals.approve(rig.owner, done.approval_id, "0" * 64)
    ran = await rig.gateway.approvals.approve(rig.owner, done.approval_id, approval.digest)
    assert ran.status is Status.SUCCEEDED


async def test_only_who_may_agree_and_who_asked_see_the_call(sqlite_rig):
    rig = sqlite_rig
    agent = await rig.principal(actor_type="agent")
    member = await rig.principal()
    done = await asked(rig, by=agent)
    assert (await rig.gateway.approvals.get(rig.owner, done.approval_id))[1] is not None
    assert (await rig.gateway.approvals.get(agent, done.approval_id))[1] is not None
    assert (await rig.gateway.approvals.get(member, done.approval_id))[1] is None
    await rig.gateway.approvals.approve(rig.owner, done.approval_id)
    assert (await rig.gateway.approvals.get(rig.owner, done.approval_id))[1] is None


async def test_other_workspaces_and_limited_keys_find_none(rig):
    other = await rig.workspace()
    done = await asked(rig)
    for who in (other, await rig.principal(tools=("some.other",))):
        with pytest.raises(NotFound, match="no such approval"):
            await rig.gateway.approvals.get(who, done.approval_id)
        with pytest.raises(NotFound):
            await rig.gateway.approvals.approve(who, done.approval_id)
        assert await rig.gateway.approvals.list(who, 10, None, None) == []
    with pytest.raises(NotFound):
        await rig.gateway.approvals.get(rig.owner, "apr_none")


async def test_a_list_goes_from_the_newest_on(rig):
    name = await rig.register(**HIGH)
    first, second, third = [await asked(rig, name) for _ in range(3)]
    await rig.gateway.approvals.deny(rig.owner, second.approval_id, None)
    listed = rig.gateway.approvals.list
    ids = [one.id for one in await listed(rig.owner, 10, None, None)]
    assert ids == [third.approval_id, second.approval_id, first.approval_id]
    assert [one.id for one in await listed(rig.owner, 10, ApprovalState.PENDING, None)] == [ids[0], ids[2]]
    assert [one.id for one in await listed(rig.owner, 1, None, ids[0])] == [ids[1]]
    limited = await rig.principal(tools=(name,))
    assert len(await listed(limited, 10, ApprovalState.PENDING, ids[0])) == 1


async def test_agents_services_and_limited_keys_agree_to_nothing(sqlite_rig):
    rig = sqlite_rig
    name = await rig.register(**HIGH)
    done = await asked(rig, name)
    for wanted in (
        {"actor_type": "agent", "role": "admin"},
        {"actor_type": "service", "role": "owner"},
        {"tools": (name,)},
        {"role": "viewer"},
        {"role": "admin"},
    ):
        who = await rig.principal(**wanted)
        await refused(rig, done.approval_id, who, Forbidden)
        if wanted.get("role") not in ("admin", "owner") or wanted.get("actor_type") == "agent":
            with pytest.raises(Forbidden):
                await rig.gateway.approvals.deny(who, done.approval_id, None)
    assert await state(rig, done.approval_id) is ApprovalState.PENDING
    admin = await rig.principal(role="admin")
    assert (await rig.gateway.approvals.deny(admin, done.approval_id, None)).state is ApprovalState.DENIED


async def test_where_nobody_is_named_an_owner_or_an_admin_agrees(sqlite_rig):
    rig = sqlite_rig
    name = await rig.register(**HIGH)
    for kind in ("agent", "service"):
        by = await rig.principal(actor_type=kind)
        done = await asked(rig, name, by=by)
        member = await rig.principal()
        await refused(rig, done.approval_id, member, Forbidden)
        admin = await rig.principal(role="admin")
        ran = await rig.gateway.approvals.approve(admin, done.approval_id)
        assert ran.status is Status.SUCCEEDED
        assert (await rig.find(done.execution_id)).actor_id == by.actor_id


async def test_a_member_agrees_to_its_own_call_alone(sqlite_rig):
    rig = sqlite_rig
    name = await rig.register(**HIGH)
    member = await rig.principal()
    done = await asked(rig, name, by=member)
    await refused(rig, done.approval_id, rig.owner, Forbidden)
    assert (await rig.gateway.approvals.approve(member, done.approval_id)).status is Status.SUCCEEDED


async def test_a_workspace_may_want_a_second_person(sqlite_rig):
    rig = sqlite_rig
    name = await rig.register()
    await rig.gateway.rules.set(rig.owner, ApprovalRule("twice", tool=name, second=True))
    admin = await rig.principal(role="admin")
    by_admin = await rig.principal(by=admin, role="admin")
    done = await asked(rig, name, by=admin)
    approval, _ = await rig.gateway.approvals.get(rig.owner, done.approval_id)
    assert (approval.second, approval.reasons) == (True, ("the rule twice of this workspace",))
    for who in (admin, by_admin, await rig.principal()):
        await refused(rig, done.approval_id, who, Forbidden)
    assert (await rig.gateway.approvals.approve(rig.owner, done.approval_id)).status is Status.SUCCEEDED


async def test_who_made_an_agents_key_is_no_second_person(sqlite_rig):
    rig = sqlite_rig
    name = await rig.register()
    await rig.gateway.rules.set(rig.owner, ApprovalRule("twice", tool=name, second=True))
    first, other = await rig.principal(role="admin"), await rig.principal(role="admin")
    agent = await rig.principal(by=first, actor_type="agent")
    done = await asked(rig, name, by=agent)
    await refused(rig, done.approval_id, first, Forbidden)
    assert (await rig.gateway.approvals.approve(other, done.approval_id)).status is Status.SUCCEEDED


async def test_a_secret_that_is_gone_voids_it(sqlite_rig):
    rig = sqlite_rig
    await rig.secret("KEY", "a value")
    api = {"base_url": "https://u.example", "auth": {"method": "bearer", "secret_ref": "${KEY}"}}
    done = await asked(rig, await rig.register(**HIGH, api=api))
    await rig.gateway.secrets.delete(rig.owner, "KEY")
    assert await refused(rig, done.approval_id) == {"reason": "void", "changed": ["secrets"]}


async def test_another_contract_voids_it_and_says_so(rig):
    name = await rig.register(**HIGH)
    done = await asked(rig, name)
    await rig.gateway.versions.update(rig.owner, name, config(name, **HIGH, version="2.0.0", title="New"))
    assert await refused(rig, done.approval_id) == {"reason": "void", "changed": ["tool", "request"]}
    found = await rig.find(done.execution_id)
    assert (found.status, found.error_code, found.error["details"]) == (
        Status.DENIED,
        "CONFLICT",
        {"reason": "void", "changed": ["tool", "request"]},
    )
    assert (await rig.gateway.approvals.get(rig.owner, done.approval_id))[0].note == "changed: tool, request"


async def test_a_call_that_does_not_wait_any_more_is_void(sqlite_rig):
    """Nobody has to agree to it now, so it is not what the person was asked."""
    rig = sqlite_rig
    name = await rig.register()
    await rig.gateway.rules.set(rig.owner, ApprovalRule("more", tool=name))
    done = await asked(rig, name)
    await rig.gateway.rules.remove(rig.owner, "more")
    assert await refused(rig, done.approval_id) == {"reason": "void", "changed": ["rules"]}


async def test_a_request_that_cannot_be_made_any_more_voids_it(sqlite_rig):
    rig = sqlite_rig
    answers = [Success({"dry_run": True}), Failure(Code.VALIDATION_ERROR, "no")]

    async def preview(_):
        return answers.pop(0)

    rig.provider.shows = preview
    done = await asked(rig)
    assert await refused(rig, done.approval_id) == {"reason": "void", "changed": ["request"]}


async def test_a_tool_that_is_gone_and_a_caller_who_is_void_it(sqlite_rig):
    rig = sqlite_rig
    name = await rig.register(**HIGH)
    done = await asked(rig, name)
    await rig.gateway.versions.delete(rig.owner, name)
    assert await refused(rig, done.approval_id) == {"reason": "void", "changed": ["tool"]}
    agent = await rig.principal(actor_type="agent")
    other, third = [await asked(rig, by=agent) for _ in range(2)]
    await rig.gateway.suspensions.suspend(rig.owner, "actor", agent.actor_id)
    assert await refused(rig, other.approval_id) == {"reason": "void", "changed": ["caller"]}
    await rig.gateway.suspensions.lift(rig.owner, "actor", agent.actor_id)
    await rig.gateway.keys.revoke(rig.owner, agent.key_id)
    assert await refused(rig, third.approval_id) == {"reason": "void", "changed": ["caller"]}


async def test_rules_say_which_calls_wait(rig):
    name, other = await rig.register(effects="write"), await rig.register(effects="read")
    rules = rig.gateway.rules
    above = {"required": ["sum"], "properties": {"sum": {"minimum": 100}}}
    await rules.set(rig.owner, ApprovalRule("large", effects=("write", "destructive"), when=above))
    await rules.set(rig.owner, ApprovalRule("other", tool="no.such"))
    assert (await rig.call(name, {"sum": 99})).status is Status.SUCCEEDED
    assert (await rig.call(name, {"sum": 100})).status is Status.AWAITING_APPROVAL
    assert (await rig.call(name, {"sum": 100}, dry_run=True)).status is Status.SUCCEEDED
    assert (await rig.call(other, {"sum": 100})).status is Status.SUCCEEDED
    assert [rule.name for rule in await rules.list(rig.owner, 10, None)] == ["large", "other"]
    assert [rule.name for rule in await rules.list(rig.owner, 10, "large")] == ["other"]
    await rules.remove(rig.owner, "large")
    assert (await rig.call(name, {"sum": 100})).status is Status.SUCCEEDED
    with pytest.raises(NotFound, match="no such rule"):
        await rules.remove(rig.owner, "large")
    assert [event["type"] for event in await rig.events()].count("ApprovalRuleSet") == 2
    with pytest.raises(Forbidden):
        await rules.set(await rig.principal(), ApprovalRule("mine", tool=name))


async def test_explain_and_validate_say_that_a_call_would_wait(sqlite_rig):
    rig = sqlite_rig
    high = {"when": {"required": ["force"]}}
    always, sometimes = await rig.register(**HIGH), await rig.register(impact=high)
    decision, reasons = await rig.gateway.tools.explain(rig.owner, always)
    assert (decision.allowed, type(decision).__name__) == (True, "NeedsApproval")
    assert [reason.rule for reason in reasons if not reason.holds] == ["approval"]
    decision, _ = await rig.gateway.tools.explain(rig.owner, sometimes)
    assert type(decision).__name__ == "Allow"
    found = await rig.gateway.tools.validate(rig.owner, Call(sometimes, {"force": True}))
    assert type(found.decision).__name__ == "NeedsApproval"
    found = await rig.gateway.tools.validate(rig.owner, Call(sometimes, {}))
    assert type(found.decision).__name__ == "Allow"


async def test_a_call_inside_of_another_one_cannot_wait(sqlite_rig):
    rig = sqlite_rig
    name = await rig.register(**HIGH)
    inner = await rig.gateway.calls.call_tool(rig.owner, Call(name, {}, depth=1, dry_run=False))
    assert (inner.status, inner.error["code"], inner.error["details"]) == (
        Status.DENIED,
        "FORBIDDEN",
        {"rule": "approval"},
    )
    assert "by itself" in inner.error["message"]


async def test_what_cannot_be_shown_is_not_asked_for(sqlite_rig):
    rig = sqlite_rig

    async def preview(_):
        return Failure(Code.AUTHORIZATION_REQUIRED, "An authorization is wanted.")

    rig.provider.shows = preview
    name = await rig.register(**HIGH)
    done = await rig.call(name, {}, dry_run=False)
    assert (done.status, done.error["code"]) == (Status.FAILED, "AUTHORIZATION_REQUIRED")
    assert await rig.rows("SELECT id FROM approvals") == []


async def test_a_repeated_key_finds_the_call_that_waits_and_then_its_answer(rig):
    name = await rig.register(**HIGH)
    first = await asked(rig, name, idempotency_key="k")
    again = await rig.call(name, {"a": 1}, dry_run=False, idempotency_key="k")
    assert (again.status, again.approval_id, again.replayed) == (
        Status.AWAITING_APPROVAL,
        first.approval_id,
        True,
    )
    await rig.gateway.approvals.approve(rig.owner, first.approval_id)
    after = await rig.call(name, {"a": 1}, dry_run=False, idempotency_key="k")
    assert (after.status, after.execution_id, after.replayed) == (Status.SUCCEEDED, first.execution_id, True)
    other = await rig.call(name, {"a": 2}, dry_run=False, idempotency_key="k")
    assert other.error["details"]["reason"] == "arguments_differ"
    assert len(rig.provider.ran) == 1


async def test_too_many_that_wait_are_refused(sqlite_rig, monkeypatch):
    rig = sqlite_rig
    name = await rig.register(**HIGH)
    monkeypatch.setattr("toolcrib.ledger.approvals.MOST_OF_ONE", 2)
    done = [await asked(rig, name) for _ in range(2)]
    with pytest.raises(RateLimited, match="wait for a person"):
        await rig.call(name, {}, dry_run=False)
    member = await rig.principal()
    await asked(rig, name, by=member)
    monkeypatch.setattr("toolcrib.ledger.approvals.MOST_PENDING", 3)
    with pytest.raises(RateLimited):
        await rig.call(name, {}, by=member, dry_run=False)
    await rig.gateway.approvals.deny(rig.owner, done[0].approval_id, None)
    await asked(rig, name)


async def test_of_many_at_once_no_more_wait_than_may(rig, monkeypatch):
    monkeypatch.setattr("toolcrib.ledger.approvals.MOST_OF_ONE", 3)
    name = await rig.register(**HIGH)
    calls = [rig.call(name, {}, dry_run=False, idempotency_key=f"k{n}") for n in range(10)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, RateLimited) for one in answers) == 7
    assert len(await rig.rows("SELECT id FROM approvals")) == 3
    (kept,) = await rig.rows("SELECT count(*) AS n FROM idempotency_keys")
    assert kept["n"] == 3, "who was refused keeps no key"
    waiting = next(n for n, one in enumerate(answers) if not isinstance(one, RateLimited))
    again = await rig.call(name, {}, dry_run=False, idempotency_key=f"k{waiting}")
    assert (again.approval_id, again.replayed) == (answers[waiting].approval_id, True)


async def test_a_workspace_has_so_many_rules(sqlite_rig, monkeypatch):
    monkeypatch.setattr("toolcrib.gateway.rules._MOST", 2)
    rules, owner = sqlite_rig.gateway.rules, sqlite_rig.owner
    for name in ("one", "two", "two"):
        await rules.set(owner, ApprovalRule(name, tool="no.such"))
    with pytest.raises(Conflict, match="at most 2"):
        await rules.set(owner, ApprovalRule("three", tool="no.such"))


async def test_limits_hold_where_a_call_runs_at_last(sqlite_rig):
    """An approval that meets a limit stays as it is: one may come back."""
    rig = sqlite_rig
    name = await rig.register(**HIGH)
    done, other = await asked(rig, name), await asked(rig, name)
    allowed = Limit("tool", name, Allowance(per_day=1))
    await rig.gateway.limits.set(rig.owner, rig.owner.workspace_id, allowed)
    await rig.gateway.approvals.approve(rig.owner, done.approval_id)
    with pytest.raises(RateLimited):
        await rig.gateway.approvals.approve(rig.owner, other.approval_id)
    assert await state(rig, other.approval_id) is ApprovalState.PENDING


@pytest.mark.parametrize("rig_url", ["postgresql"], indirect=True)  # only there are other processes
async def test_one_that_would_be_too_many_at_once_stays(rig):
    name = await rig.register(**HIGH)
    done, other = await asked(rig, name), await asked(rig, name)
    await rig.gateway.limits.set(
        rig.owner, rig.owner.workspace_id, Limit("tool", name, Allowance(concurrency=1))
    )
    hanging = rig.provider.hangs()
    running = asyncio.create_task(rig.gateway.approvals.approve(rig.owner, done.approval_id))
    await hanging.begun.wait()
    second = await rig.beside()
    with pytest.raises(RateLimited):
        await second.gateway.approvals.approve(rig.owner, other.approval_id)
    assert await state(rig, other.approval_id) is ApprovalState.PENDING
    hanging.go.set()
    assert (await running).status is Status.SUCCEEDED


async def test_a_database_that_is_away_says_so_and_nothing_is_lost(sqlite_rig):
    rig = sqlite_rig
    name = await rig.register(**HIGH)
    done = await asked(rig, name)
    away = DatabaseUnavailable("away")
    rig.tap.reading.append(refusing(away))
    with pytest.raises(Unavailable):
        await rig.gateway.approvals.get(rig.owner, done.approval_id)
    rig.tap.reading.append(refusing(away))
    with pytest.raises(Unavailable):
        await rig.call(name, {}, dry_run=False)
    rig.tap.before.append(refusing(away))
    with pytest.raises(Unavailable):
        await rig.gateway.approvals.approve(rig.owner, done.approval_id)
    rig.tap.before.append(refusing(away))
    with pytest.raises(Unavailable):
        await rig.gateway.approvals.deny(rig.owner, done.approval_id, None)
    assert (await rig.gateway.approvals.approve(rig.owner, done.approval_id)).status is Status.SUCCEEDED


async def test_a_yes_whose_commit_is_uncertain_runs_nothing_and_is_closed(sqlite_rig):
    rig = sqlite_rig
    done = await asked(rig)
    rig.tap.after.append(refusing(DatabaseUnavailable("cut off", uncertain=True)))
    with pytest.raises(Unavailable):
        await rig.gateway.approvals.approve(rig.owner, done.approval_id)
    await rig.gateway.stores.ledger.do_books()
    found = await rig.find(done.execution_id)
    assert (found.status, found.error_code, rig.provider.ran) == (Status.FAILED, "UNAVAILABLE", [])
    assert await refused(rig, done.approval_id) == {"reason": "ended"}


async def test_what_was_sealed_under_another_root_key_is_void(sqlite_rig):
    rig = sqlite_rig
    done = await asked(rig)
    rig.gateway.stores.vault._cipher = Cipher(bytes(32))
    assert (await rig.gateway.approvals.get(rig.owner, done.approval_id))[1] is None
    assert await refused(rig, done.approval_id) == {"reason": "void", "changed": ["seal"]}
    assert (await rig.find(done.execution_id)).status is Status.DENIED
    assert (await rig.events())[-1]["type"] == "ApprovalVoided"


async def test_of_two_that_find_it_changed_the_second_is_too_late(sqlite_rig):
    rig = sqlite_rig
    name = await rig.register(**HIGH)
    done = await asked(rig, name)
    await rig.gateway.tools.set_enabled(rig.owner, name, enabled=False)
    tries = [rig.gateway.approvals.approve(rig.owner, done.approval_id) for _ in range(2)]
    reasons = sorted(one.details["reason"] for one in await asyncio.gather(*tries, return_exceptions=True))
    assert reasons == ["ended", "void"]


async def test_who_lost_the_right_a_moment_ago_agrees_to_nothing(rig):
    """The snapshot of this process is old; the ledger's fence makes it look again."""
    name = await rig.register(**HIGH)
    agent = await rig.principal(actor_type="agent")
    admin = await rig.principal(role="admin")
    done = await asked(rig, name, by=agent)
    await rig.sql("UPDATE keys SET role = 'viewer', generation = 1000 WHERE id = :id", id=admin.key_id)
    await rig.sql(
        "UPDATE workspace_state SET generation = 1000 WHERE workspace_id = :id", id=rig.owner.workspace_id
    )
    await refused(rig, done.approval_id, admin, Forbidden)
    assert (await state(rig, done.approval_id), rig.provider.ran) == (ApprovalState.PENDING, [])


async def test_who_loses_the_right_just_before_the_commit_agrees_to_nothing(rig):
    agent, admin = await rig.principal(actor_type="agent"), await rig.principal(role="admin")
    done = await asked(rig, by=agent)

    async def demote() -> None:
        await rig.sql("UPDATE keys SET role = 'viewer', generation = 1000 WHERE id = :id", id=admin.key_id)
        of = rig.owner.workspace_id
        await rig.sql("UPDATE workspace_state SET generation = 1000 WHERE workspace_id = :id", id=of)

    rig.tap.before.append(demote)
    await refused(rig, done.approval_id, admin, Forbidden)
    assert (await state(rig, done.approval_id), rig.provider.ran) == (ApprovalState.PENDING, [])


async def test_what_this_process_has_not_heard_of_yet_voids_nothing(rig):
    """It knows the tool as disabled; another process has enabled it since, and the call was asked for there."""
    name = await rig.register(**HIGH)
    done = await asked(rig, name)
    await rig.gateway.tools.set_enabled(rig.owner, name, enabled=False)
    await rig.sql("UPDATE enablement SET enabled = 1, generation = 1000")
    await rig.sql(
        "UPDATE workspace_state SET generation = 1000 WHERE workspace_id = :id", id=rig.owner.workspace_id
    )
    assert (await rig.gateway.approvals.approve(rig.owner, done.approval_id)).status is Status.SUCCEEDED


async def test_who_may_not_agree_voids_nothing_either(sqlite_rig):
    rig = sqlite_rig
    agent = await rig.principal(actor_type="agent")
    done = await asked(rig, by=agent)
    await rig.gateway.keys.revoke(rig.owner, agent.key_id)
    await refused(rig, done.approval_id, await rig.principal(), Forbidden)
    assert await state(rig, done.approval_id) is ApprovalState.PENDING


async def test_a_role_without_a_permission_is_told_so(sqlite_rig):
    viewer = await sqlite_rig.principal(role=Role.VIEWER)
    done = await asked(sqlite_rig)
    details = await refused(sqlite_rig, done.approval_id, viewer, Forbidden)
    assert details == {"permission": "approvals:decide"}
