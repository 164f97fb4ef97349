"""The security log: each attempt and each change once, in its own workspace, for those alone who guard it."""

import zlib

import pytest

from tests.support.crew import API, refused
from tests.support.fakes import START, refusing
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.security import SecurityKind, events_of
from toolcrib.kit.clock import iso
from toolcrib.kit.db import DatabaseUnavailable

LOG = f"{API}/security/log"


async def told(door, query=""):
    answered = await door("GET", f"{LOG}?limit=200&{query}")
    assert answered.status == 200, answered.body
    return answered.json["items"]


async def write(rig):
    await rig.gateway.stores.ledger.do_books()


def brief(items):
    return [(one["type"], one["code"], one["actor"], one["about"], one["count"]) for one in items]


async def test_an_attempt_that_was_allowed_and_one_that_was_denied_stand_there_once(crew, rig):
    tool = await crew.tool("tides.set")
    viewer, _ = await crew.member("vic", "viewer")
    assert (await crew.call(crew.owner, tool)).status == 200
    assert (await crew.call(viewer, tool)).status == 403
    [denied] = await told(crew.owner, "kind=refusal")
    [allowed] = await told(crew.owner, "kind=execution")

    assert (denied["type"], denied["verdict"], denied["code"], denied["about"]) == (
        "ToolExecutionDenied", "refused", "FORBIDDEN", tool,
    )  # fmt: skip
    assert denied["actor"].startswith("user:")
    assert (allowed["type"], allowed["verdict"], allowed["code"], allowed["count"]) == (
        "ToolExecutionRequested", "allowed", None, 1,
    )  # fmt: skip
    assert denied["execution_id"] != allowed["execution_id"]
    assert [one["execution_id"] for one in await told(crew.owner) if one["execution_id"]] == [
        denied["execution_id"], allowed["execution_id"],
    ]  # fmt: skip


async def test_a_call_that_was_let_through_and_failed_says_why(crew):
    tool = await crew.tool("tides.set", input_schema={"required": ["harbour"]})
    assert (await crew.call(crew.owner, tool)).status == 400
    [failed] = await told(crew.owner, "kind=execution")

    assert (failed["verdict"], failed["code"], failed["facts"]["status"]) == (
        "failed",
        "VALIDATION_ERROR",
        "failed",
    )


async def test_a_key_that_is_revoked_fails_in_its_own_workspace(crew, rig):
    clerk = await crew.key(crew.owner, "clerk")
    [key] = [one for one in (await crew.owner("GET", f"{API}/keys")).json["items"] if one["name"] == "clerk"]
    await crew.owner("DELETE", f"{API}/keys/{key['id']}")
    for _ in range(3):
        assert (await clerk("GET", f"{API}/me")).status == 401
    await crew.call(clerk, "tides.now")
    await write(rig)

    assert sorted(brief(await told(crew.owner, "kind=authentication"))) == [
        ("AuthenticationFailed", "UNAUTHORIZED", "agent:clerk", "/api/v1/me", 3),
        ("AuthenticationFailed", "UNAUTHORIZED", "agent:clerk", "/api/v1/tools/{tool}/execute", 1),
    ]
    assert await told(crew.operator, "kind=authentication") == []


async def test_an_expired_key_and_a_suspended_actor_too(crew, rig):
    later = await crew.key(crew.owner, "later", expires_at=iso(START + 60_000_000))
    clerk = await crew.key(crew.owner, "clerk")
    ann, person = await crew.member("ann")
    for name in ("agent:clerk", f"user:{person}"):
        assert (await crew.owner("POST", f"{API}/suspensions", {"kind": "actor", "name": name})).status == 201
    await rig.go(60)
    for who, status in ((later, 401), (clerk, 403), (ann, 403)):
        assert (await who("GET", f"{API}/tools")).status == status
    await write(rig)

    assert brief(await told(crew.owner, "kind=authentication")) == [
        ("AuthenticationFailed", "UNAUTHORIZED", "agent:later", "/api/v1/tools", 1)
    ]
    assert sorted(brief(await told(crew.owner, "kind=refusal"))) == [
        ("RequestRefused", "FORBIDDEN", "agent:clerk", "/api/v1/tools", 1),
        ("RequestRefused", "FORBIDDEN", f"user:{person}", "/api/v1/tools", 1),
    ]
    assert await told(crew.operator, "kind=refusal") == []


async def test_a_suspended_workspace_reads_later_who_came(crew, rig):
    await crew.operator("POST", f"{API}/workspaces/{crew.shop}/suspend")
    assert (await crew.owner("GET", f"{API}/me")).status == 403
    await write(rig)
    await crew.operator("POST", f"{API}/workspaces/{crew.shop}/resume")

    assert brief(await told(crew.owner, "kind=refusal")) == [
        ("RequestRefused", "FORBIDDEN", "user:owner", "/api/v1/me", 1)
    ]
    assert [(one["type"], one["actor"]) for one in await told(crew.owner, "kind=suspension")] == [
        ("WorkspaceResumed", "operator:user:owner"), ("WorkspaceSuspended", "operator:user:owner"),
    ]  # fmt: skip


async def test_what_the_operator_changes_in_a_workspace_is_told_as_the_operators(crew, rig):
    grant = (await crew.operator("POST", crew.grants, {"name": "pro"})).json["id"]
    await crew.operator("DELETE", f"{crew.grants}/{grant}")
    await crew.operator("PUT", f"{API}/workspaces/{crew.shop}", {"name": "store"})
    await crew.owner("PUT", f"{API}/workspaces/{crew.shop}", {"read_only": True})

    by_type = [(one["type"], one["actor"]) for one in await told(crew.owner)]
    assert by_type[:4] == [
        ("WorkspaceChanged", "user:owner"), ("WorkspaceChanged", "operator:user:owner"),
        ("GrantEnded", "operator:user:owner"), ("GrantGiven", "operator:user:owner"),
    ]  # fmt: skip


async def test_strangers_are_the_operators_alone(crew, rig):
    guessed = crew.owner.key.rpartition("_")[0] + "_" + "0" * 64
    forged = crew.owner.as_(f"{guessed}{zlib.crc32(guessed.encode()):08x}")
    nobodies = (crew.owner.as_(""), crew.owner.as_("tcb_nonsense"), crew.owner.as_("jwt:acme:zoe"), forged)
    answers = [await one("GET", f"{API}/me") for one in nobodies]
    assert {(one.status, one.body) for one in answers} == {(401, answers[0].body)}
    await write(rig)

    assert brief(await told(crew.operator, "kind=authentication")) == [
        ("AuthenticationFailed", "UNAUTHORIZED", None, "/api/v1/me", 4)
    ]
    assert await told(crew.owner, "kind=authentication") == []
    second = await crew.key(crew.operator, "second", actor_type="user", role="admin")
    assert await told(second, "kind=authentication") == []


async def test_a_revoked_key_is_answered_as_an_unknown_one(crew, rig):
    clerk = await crew.key(crew.owner, "clerk")
    [key] = [one for one in (await crew.owner("GET", f"{API}/keys")).json["items"] if one["name"] == "clerk"]
    await crew.owner("DELETE", f"{API}/keys/{key['id']}")
    known, unknown = await clerk("GET", LOG), await crew.owner.as_("tcb_nonsense")("GET", LOG)

    assert (known.status, known.headers, known.body) == (unknown.status, unknown.headers, unknown.body)
    assert known.status == 401


async def test_what_a_member_may_not_do_is_counted(crew, rig):
    ann, person = await crew.member("ann")
    assert (await ann("GET", f"{API}/keys")).status == 403
    assert (await ann("GET", f"{API}/tools/none.such")).status == 404
    assert (await ann("POST", f"{API}/tools", raw=b"{")).status == 400
    assert (await ann("POST", f"{API}/secrets", raw=b"{")).status == 400
    assert (await ann("GET", f"{API}/tools?limit=0")).status == 400
    assert (await crew.call(ann, "none.such")).status == 404
    await write(rig)
    actor = f"user:{person}"

    assert sorted(brief(await told(crew.owner, "kind=refusal"))) == [
        ("RequestRefused", "FORBIDDEN", actor, "/api/v1/keys", 1),
        ("RequestRefused", "NOT_FOUND", actor, "/api/v1/tools/{tool}", 1),
        ("RequestRefused", "NOT_FOUND", actor, "?", 1),
        ("RequestRefused", "VALIDATION_ERROR", actor, "/api/v1/secrets", 1),
        ("RequestRefused", "VALIDATION_ERROR", actor, "/api/v1/tools", 1),
    ]


async def test_who_names_a_foreign_workspace_stands_in_their_own(crew, rig):
    clerk = await crew.key(crew.owner, "clerk")
    naming = {"X-Toolcrib-Workspace": crew.home}
    assert (await clerk("GET", f"{API}/me", headers=naming)).status == 404
    bad = await clerk("GET", f"{API}/me", headers={"X-Toolcrib-Workspace": "x" * 200})
    assert bad.status == 400
    await write(rig)

    assert brief(await told(crew.owner, "kind=refusal")) == [
        ("RequestRefused", "NOT_FOUND", "agent:clerk", "/api/v1/me", 1)
    ]
    assert brief(await told(crew.operator, "kind=refusal")) == [
        ("RequestRefused", "VALIDATION_ERROR", None, "/api/v1/me", 1)
    ]


async def test_an_invitation_without_a_persons_token_is_a_strangers(crew, rig):
    assert (await crew.owner("POST", f"{API}/invitations/accept", {"token": "x"})).status == 401
    assert (await crew.person("zoe")("POST", f"{API}/invitations/accept", {"token": "x"})).status == 404
    await write(rig)

    assert brief(await told(crew.operator, "kind=authentication")) == [
        ("AuthenticationFailed", "UNAUTHORIZED", None, "/api/v1/invitations/accept", 1)
    ]
    assert brief(await told(crew.operator, "kind=refusal")) == [
        ("RequestRefused", "NOT_FOUND", None, "/api/v1/invitations/accept", 1)
    ]


async def test_every_change_stands_there_once_under_its_kind_and_in_its_workspace(crew, rig):
    await crew.tool("tides.set")
    await crew.owner("POST", f"{API}/secrets", {"name": "S", "value": "a-secret-value"})
    await crew.key(crew.owner, "clerk")
    await crew.member("ann")
    await crew.operator("POST", crew.grants, {"name": "pro"})
    await crew.owner("POST", f"{API}/suspensions", {"kind": "host", "name": "a.example"})
    await crew.owner("PUT", f"{API}/workspaces/{crew.shop}", {"share_with_admin": True})
    await crew.operator("GET", f"{API}/tools", headers={"X-Toolcrib-Workspace": crew.shop})
    expected = {
        "secret": ["SecretSet"], "key": ["KeyCreated", "KeyCreated"], "member": ["MemberAdded"], "grant": ["GrantGiven"],
        "suspension": ["Suspended"], "workspace": ["WorkspaceChanged"], "operator": ["OperatorVisited"], "approval": [],
        "authentication": [], "refusal": [], "execution": [],
    }  # fmt: skip

    found = {kind: [one["type"] for one in await told(crew.owner, f"kind={kind}")] for kind in SecurityKind}
    assert found == expected
    whole = await told(crew.owner)
    assert sorted(one["type"] for one in whole) == sorted(
        type_ for types in expected.values() for type_ in types
    )
    assert {one["verdict"] for one in whole} == {None}
    home = await told(crew.operator)
    assert sorted(one["type"] for one in home) == ["KeyCreated", "WorkspaceCreated"]


def test_every_event_has_one_kind_or_none():
    """A new event must be given a kind, or stand here."""
    elsewhere = {
        EventType.EXECUTION_COMPLETED, EventType.EXECUTION_CANCELLED, EventType.EXECUTION_INTERRUPTED, EventType.CANCEL_REQUESTED,
        EventType.OUTCOME_LEARNED, EventType.TOOL_REGISTERED, EventType.TOOL_UPDATED, EventType.TOOL_DELETED, EventType.TOOL_ENABLED,
        EventType.TOOL_DISABLED,
    }  # fmt: skip
    listed = [type_ for kind in SecurityKind for type_ in events_of(kind)]

    assert len(listed) == len(set(listed))
    assert set(listed) | elsewhere == set(EventType)
    assert not set(listed) & elsewhere
    assert set(events_of(None)) == set(listed)


async def test_nobody_but_owners_and_admins_reads_it(crew):
    admin, _ = await crew.member("ada", "admin")
    service = await crew.key(crew.owner, "robot", actor_type="service", role="admin")
    for who in (crew.owner, admin, service, crew.operator):
        assert (await who("GET", LOG)).status == 200
    member, _ = await crew.member("ann")
    viewer, _ = await crew.member("vic", "viewer")
    agent = await crew.key(crew.owner, "clerk", role="owner")
    limited = await crew.key(crew.owner, "few", actor_type="user", role="admin", tools=["a"])
    for who in (member, viewer, agent, limited):
        assert refused(await who("GET", LOG))[:2] == (403, "FORBIDDEN")
    await crew.owner("PUT", f"{API}/workspaces/{crew.shop}", {"share_with_admin": True})
    visiting = await crew.operator("GET", LOG, headers={"X-Toolcrib-Workspace": crew.shop})
    assert visiting.status == 403


async def test_filters_narrow_both_sources(crew, rig):
    tool = await crew.tool("tides.set")
    listed = (await crew.owner("GET", f"{API}/tools/{tool}")).json
    ann, person = await crew.member("ann")
    await crew.call(ann, tool)
    await crew.call(ann, "none.such")
    await write(rig)
    await rig.go(120)
    await crew.call(crew.owner, "none.such")
    await crew.call(crew.owner, tool)
    await write(rig)
    between = iso(START + 60_000_000)
    ann_, owner = f"user:{person}", "user:owner"

    for query, found in (
        (f"actor={ann_}", [(ann_, tool), (ann_, "?")]), (f"tool={tool}", [(owner, tool), (ann_, tool)]),
        (f"tool={listed['id']}&actor={ann_}", [(ann_, tool)]), ("tool=%3F", [(owner, "?"), (ann_, "?")]),
        (f"tool=%3F&from={between}", [(owner, "?")]), (f"tool=%3F&to={between}", [(ann_, "?")]),
        (f"kind=execution&from={between}", [(owner, tool)]), (f"kind=execution&to={between}&tool={tool}", [(ann_, tool)]),
    ):  # fmt: skip
        assert [(one["actor"], one["about"]) for one in await told(crew.owner, query)] == found, query


@pytest.mark.parametrize(
    "query",
    [
        "kind=nothing", "limit=0", "limit=201", "from=yesterday", "surprise=1", "type=KeyCreated", "cursor=AA", "cursor=%21", "cursor=",
        "cursor=WzEsMl0", "cursor=WyJhIixudWxsLG51bGxd", "cursor=Wy0xLG51bGwsbnVsbF0", "cursor=WzEsWzEsMl0sbnVsbF0",
        "cursor=WzEsWzEsMiwzLDRdLG51bGxd", "cursor=WzEsWyJhIiwiIiwiIiwiIl0sbnVsbF0",
    ],
)  # fmt: skip
async def test_a_wrong_query_is_400(door, query):
    answered = await door("GET", f"{LOG}?{query}")
    assert refused(answered)[:2] == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_neither_miss_nor_repeat_while_more_happens(crew, rig, limit):
    tool = await crew.tool("tides.set")
    clerk = await crew.key(crew.owner, "clerk")
    for _ in range(4):
        for wanted in (tool, "none.such", "none.other"):
            await crew.call(clerk, wanted)
        await clerk("GET", f"{API}/keys")
        await crew.owner.as_("")("GET", f"{API}/me")
        await write(rig)
        await rig.go(45)
    for door in (crew.owner, crew.operator):
        before = await told(door)
        seen, cursor = [], ""
        while cursor is not None:
            page = (await door("GET", f"{LOG}?limit={limit}{cursor}")).json
            assert len(page["items"]) <= limit
            seen += page["items"]
            cursor = None if page["next"] is None else f"&cursor={page['next']}"
            await crew.call(clerk, tool)
            await clerk("GET", f"{API}/secrets/none/uses")
            await crew.owner.as_("")("GET", f"{API}/packs")
            await write(rig)
        assert seen == before
        assert [one["at"] for one in seen] == sorted((one["at"] for one in seen), reverse=True)
    assert len(before) >= 4


async def test_a_database_that_is_away_is_503(rig, door):
    await door("GET", LOG)
    rig.tap.reading.append(refusing(DatabaseUnavailable("away")))
    assert refused(await door("GET", LOG))[:2] == (503, "UNAVAILABLE")
