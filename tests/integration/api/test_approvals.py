"""Routes of approvals and of their rules: how a call that waits looks on the wire, who decides, and what is refused."""

import pytest

from tests.support.crew import API, refused

APPROVALS, RULES = f"{API}/approvals", f"{API}/approval-rules"


@pytest.fixture
async def bot(crew):
    """An agent in nobody's name."""
    return await crew.key(crew.owner, "bot")


async def asked(crew, by, tool="ship.sell", given=None, headers=None):
    """The answer to a call that waits."""
    if tool not in {one["name"] for one in (await crew.owner("GET", f"{API}/tools")).json["tools"]}:
        await crew.tool(tool, effects="destructive")
    body = {"input": given or {}, "dry_run": False}
    reply = await by("POST", f"{API}/tools/{tool}/execute", body, headers=headers)
    assert reply.status == 202, reply.body
    return reply


async def test_a_call_that_waits_is_202_and_is_agreed_to_as_it_would_have_been_answered(crew, bot):
    reply = await asked(crew, bot)
    answer = reply.json
    execution, approval = answer["execution_id"], answer["approval_id"]
    assert answer == {
        "success": False, "execution_id": execution, "status": "awaiting_approval", "output": None, "error": None,
        "execution_time_ms": 0.0, "approval_id": approval,
    }  # fmt: skip
    assert reply.headers["location"] == f"{API}/tools/executions/{execution}/result"
    waiting = await bot("GET", reply.headers["location"])
    assert (waiting.status, waiting.json["approval_id"]) == (202, approval)

    shown = (await crew.owner("GET", f"{APPROVALS}/{approval}")).json
    assert shown["request"]["input"] == {}
    assert (shown["request"]["subject"], shown["request"]["disguised"]) == (None, {})
    listed = (await crew.owner("GET", APPROVALS)).json["items"]
    assert listed == [{name: value for name, value in shown.items() if name != "request"}]
    assert (shown["requested_by_actor_id"], shown["state"], shown["decided_at"]) == (
        "agent:bot",
        "pending",
        None,
    )

    done = await crew.owner("POST", f"{APPROVALS}/{approval}/approve")
    assert (done.status, done.json["success"], done.json["execution_id"]) == (200, True, execution)
    assert "approval_id" not in done.json
    over = (await crew.owner("GET", f"{APPROVALS}/{approval}")).json
    assert (over["state"], over["decided_by"], over["request"]) == ("granted", "user:owner", None)
    assert over["decided_at"] is not None
    assert refused(await crew.owner("POST", f"{APPROVALS}/{approval}/approve")) == (409, "CONFLICT", "ended")
    record = (await bot("GET", f"{API}/tools/executions/{execution}")).json
    assert (record["status"], record["approval_id"]) == ("succeeded", approval)


async def test_who_agrees_may_say_to_what_and_says_nothing_else(crew, bot):
    approval = (await asked(crew, bot)).json["approval_id"]
    place = f"{APPROVALS}/{approval}/approve"
    for body in ({"approve": False}, {"input": {}}, {"digest": "short"}):
        assert refused(await crew.owner("POST", place, body))[:2] == (400, "VALIDATION_ERROR")
    assert (await crew.owner("POST", place, raw=b"{broken")).status == 400
    assert refused(await crew.owner("POST", place, {"digest": "0" * 64})) == (
        409,
        "CONFLICT",
        "arguments_differ",
    )
    digest = (await crew.owner("GET", f"{APPROVALS}/{approval}")).json["digest"]
    assert (await crew.owner("POST", place, {"digest": digest})).status == 200


async def test_what_the_call_is_about_is_shown(crew, bot):
    await crew.tool("ship.sell", effects="destructive")
    body = {"input": {}, "dry_run": False, "subject": {"type": "ship", "id": "s-1"}}
    approval = (await bot("POST", f"{API}/tools/ship.sell/execute", body)).json["approval_id"]
    shown = (await crew.owner("GET", f"{APPROVALS}/{approval}")).json
    assert shown["request"]["subject"] == {"type": "ship", "id": "s-1"}


async def test_agents_and_strangers_to_a_call_neither_agree_nor_see_it(crew, bot):
    approval = (await asked(crew, bot)).json["approval_id"]
    member, _ = await crew.member("ann")
    viewer, _ = await crew.member("vic", "viewer")
    other = await crew.key(crew.owner, "other")
    for who in (bot, other, member, viewer):
        for verb, body in (("approve", None), ("deny", {})):
            reply = await who("POST", f"{APPROVALS}/{approval}/{verb}", body)
            assert refused(reply) == (403, "FORBIDDEN", None)
    assert (await bot("GET", f"{APPROVALS}/{approval}")).json["request"] is not None
    for who in (other, member, viewer):
        assert (await who("GET", f"{APPROVALS}/{approval}")).json["request"] is None
    assert (await crew.owner("GET", f"{APPROVALS}/{approval}")).json["state"] == "pending"


async def test_a_call_of_another_workspace_is_not_there(crew, bot):
    approval = (await asked(crew, bot)).json["approval_id"]
    for method, rest, body in (("GET", "", None), ("POST", "/approve", None), ("POST", "/deny", {})):
        answers = [
            (await crew.operator(method, f"{APPROVALS}/{name}{rest}", body)) for name in (approval, "apr_0")
        ]
        assert (answers[0].status, answers[0].body) == (404, answers[1].body)
    assert (await crew.operator("GET", APPROVALS)).json["items"] == []


async def test_whoever_is_refused_reads_why(crew, bot):
    reply = (await asked(crew, bot)).json
    denied = await crew.owner("POST", f"{APPROVALS}/{reply['approval_id']}/deny", {"note": "Not this one."})
    assert (denied.status, denied.json["state"], denied.json["note"]) == (200, "denied", "Not this one.")
    result = await bot("GET", f"{API}/tools/executions/{reply['execution_id']}/result")
    assert refused(result) == (403, "FORBIDDEN", "denied")
    assert refused(await crew.owner("POST", f"{APPROVALS}/{reply['approval_id']}/deny", {})) == (
        409,
        "CONFLICT",
        "ended",
    )


async def test_a_call_that_waits_is_taken_back(crew, bot):
    reply = (await asked(crew, bot)).json
    done = await bot("POST", f"{API}/tools/executions/{reply['execution_id']}/cancel")
    assert (done.status, done.json["status"]) == (200, "cancelled")
    assert (await bot("GET", f"{APPROVALS}/{reply['approval_id']}")).json["state"] == "withdrawn"


@pytest.mark.parametrize(
    ("body", "where"),
    [({"note": "x" * 1_001}, "/note"), ({"note": "a\x00b"}, "/note"), ({"why": "x"}, "/why")],
)
async def test_a_note_is_short_and_every_database_takes_it(crew, bot, body, where):
    approval = (await asked(crew, bot)).json["approval_id"]
    reply = await crew.owner("POST", f"{APPROVALS}/{approval}/deny", body)
    assert refused(reply) == (400, "VALIDATION_ERROR", None)
    assert [fault["path"] for fault in reply.json["error"]["details"]["errors"]] == [where]


async def test_approvals_are_paged_newest_first_and_filtered_by_state(crew, bot):
    ids = [(await asked(crew, bot)).json["approval_id"] for _ in range(3)]
    await crew.owner("POST", f"{APPROVALS}/{ids[1]}/deny", {})
    first = (await crew.owner("GET", f"{APPROVALS}?limit=2")).json
    rest = (await crew.owner("GET", f"{APPROVALS}?limit=2&cursor={first['next']}")).json
    assert [one["approval_id"] for page in (first, rest) for one in page["items"]] == ids[::-1]
    assert rest["next"] is None
    pending = (await crew.owner("GET", f"{APPROVALS}?state=pending")).json["items"]
    assert [one["approval_id"] for one in pending] == [ids[2], ids[0]]
    assert (await crew.owner("GET", f"{APPROVALS}?state=lost")).status == 400


async def test_rules_are_set_listed_by_name_obeyed_and_removed(crew, bot):
    await crew.tool("note.write")
    wanted = [
        {"name": "a", "tool": "note.write", "effects": [], "when": None, "second": False},
        {
            "name": "b",
            "tool": None,
            "effects": ["write", "destructive"],
            "when": {"required": ["x"]},
            "second": True,
        },
    ]
    for rule in wanted:
        body = {name: value for name, value in rule.items() if name != "name"}
        made = await crew.owner("PUT", f"{RULES}/{rule['name']}", body)
        assert (made.status, made.json) == (200, rule)
    first = (await bot("GET", f"{RULES}?limit=1")).json
    rest = (await bot("GET", f"{RULES}?limit=1&cursor={first['next']}")).json
    assert (first["items"] + rest["items"], rest["next"]) == (wanted, None)

    reply = await bot("POST", f"{API}/tools/note.write/execute", {"input": {}})
    assert (reply.status, reply.json["status"]) == (202, "awaiting_approval")
    explained = (await bot("GET", f"{API}/tools/note.write/explain")).json
    assert (explained["allowed"], explained["needs_approval"], explained["rule"]) == (True, True, "approval")
    checked = (await bot("POST", f"{API}/tools/note.write/validate", {"input": {}})).json["decision"]
    assert (checked["allowed"], checked["needs_approval"], checked["code"]) == (True, True, None)

    assert (await crew.owner("DELETE", f"{RULES}/a")).status == 204
    assert (await crew.owner("DELETE", f"{RULES}/a")).status == 404
    assert (await bot("POST", f"{API}/tools/note.write/execute", {"input": {}})).status == 200
    explained = (await bot("GET", f"{API}/tools/note.write/explain")).json
    assert (explained["allowed"], explained["needs_approval"], explained["rule"]) == (True, False, None)
    types = [event["type"] for event in (await crew.owner("GET", f"{API}/audit?limit=9")).json["items"]]
    assert [name for name in types if name.startswith("ApprovalRule")] == [
        "ApprovalRuleRemoved",
        *["ApprovalRuleSet"] * 2,
    ]


async def test_admins_set_rules_everybody_reads_them_and_no_agent_changes_them(crew, bot):
    admin, _ = await crew.member("ann", "admin")
    member, _ = await crew.member("bob")
    assert (await admin("PUT", f"{RULES}/a", {"tool": "a.b"})).status == 200
    for who in (member, bot):
        assert len((await who("GET", RULES)).json["items"]) == 1
        assert refused(await who("PUT", f"{RULES}/a", {"tool": "a.b"})) == (403, "FORBIDDEN", None)
        assert refused(await who("DELETE", f"{RULES}/a")) == (403, "FORBIDDEN", None)
    assert (await crew.operator("GET", RULES)).json["items"] == []
    assert (await crew.operator("DELETE", f"{RULES}/a")).status == 404


@pytest.mark.parametrize(
    ("name", "body", "where"),
    [
        ("a", {}, ""),
        ("a", {"when": {"required": ["x"]}}, ""),
        ("a", {"tool": ""}, "/tool"),
        ("a", {"tool": "a\x00b"}, "/tool"),
        ("a", {"effects": ["burn"]}, "/effects/0"),
        ("a", {"effects": ["read"] * 4}, "/effects"),
        ("a", {"tool": "a.b", "when": {"type": "nope"}}, "/when/type"),
        ("a", {"tool": "a.b", "when": []}, "/when"),
        ("a", {"tool": "a.b", "by": "x"}, "/by"),
        ("not%20one", {"tool": "a.b"}, "/path/name"),
        ("%C3%A9", {"tool": "a.b"}, "/path/name"),
    ],
)
async def test_a_rule_that_cannot_be_meant_is_refused_with_its_place(sqlite_crew, name, body, where):
    reply = await sqlite_crew.owner("PUT", f"{RULES}/{name}", body)
    assert refused(reply) == (400, "VALIDATION_ERROR", None)
    assert where in {fault["path"] for fault in reply.json["error"]["details"]["errors"]}
