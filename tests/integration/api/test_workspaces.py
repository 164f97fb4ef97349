"""Routes of workspaces: made, shown, changed, shared and suspended, by whom and by nobody else."""

import asyncio

import pytest

from tests.support.crew import API, refused

WORKSPACES = f"{API}/workspaces"
UNKNOWN = "0" * 10
WEEK = 7 * 86_400


def naming(workspace):
    return {"X-Toolcrib-Workspace": workspace}


async def test_me_tells_who_holds_a_key(crew):
    me = (await crew.owner("GET", f"{API}/me")).json

    assert me["workspace_id"] == crew.shop
    assert (me["workspace"], me["actor_type"], me["actor_id"]) == ("shop", "user", "user:owner")
    assert (me["role"], me["operator"], me["read_only"]) == ("owner", False, False)
    assert (me["on_behalf_of"], me["tools"], me["grants"]) == (None, None, [])
    assert "house:write" not in me["permissions"]
    assert "workspace:write" in me["permissions"]


async def test_me_of_the_operator_says_so(crew):
    me = (await crew.operator("GET", f"{API}/me")).json

    assert me["operator"] is True
    assert "house:write" in me["permissions"]


async def test_me_of_a_limited_key_names_its_tools_and_only_reads(crew):
    limited = await crew.key(crew.owner, "clerk", actor_type="user", role="admin", tools=["b", "a"])
    me = (await limited("GET", f"{API}/me")).json

    assert me["tools"] == ["a", "b"]
    assert me["permissions"] == ["executions:read", "tools:read", "workspace:read"]


async def test_the_operator_makes_a_workspace_whose_key_is_its_owners(crew):
    made = await crew.operator("POST", WORKSPACES, {"name": "Harbour 2"})
    assert made.status == 201
    me = (await crew.owner.as_(made.json["key"])("GET", f"{API}/me")).json

    assert (me["workspace_id"], me["workspace"], me["role"]) == (made.json["id"], "Harbour 2", "owner")


async def test_nobody_else_makes_one(crew):
    ann, _ = await crew.member("ann", "owner")
    admin = await crew.key(crew.operator, "second", actor_type="user", role="admin")
    agent = await crew.key(crew.operator, "robot", role="owner")
    for who in (crew.owner, ann, admin, agent):
        assert refused(await who("POST", WORKSPACES, {"name": "more"}))[:2] == (403, "FORBIDDEN")


@pytest.mark.parametrize("name", ["shop", "default", "global"])
async def test_a_taken_name_is_409(sqlite_crew, name):
    crew = sqlite_crew
    answered = await crew.operator("POST", WORKSPACES, {"name": name})

    assert refused(answered) == (409, "CONFLICT", "name_taken")


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": "a/b"}, {"name": " a"}, {"name": "x" * 65}, {"name": "a\n"}, {"name": 1},
     {"name": "ok", "id": "mine"}, {"name": "ok", "key": "k"}, {"name": "ok", "read_only": True}],
)  # fmt: skip
async def test_a_workspace_that_cannot_be_is_400(sqlite_crew, body):
    assert refused(await sqlite_crew.operator("POST", WORKSPACES, body))[:2] == (400, "VALIDATION_ERROR")


async def test_of_eight_who_take_a_name_at_once_one_has_it(crew):
    asked = (crew.operator("POST", WORKSPACES, {"name": "race"}) for _ in range(8))
    answers = await asyncio.gather(*asked)

    assert sorted(reply.status for reply in answers) == [201] + [409] * 7


async def test_of_two_workspaces_that_are_given_one_name_at_once_one_has_it(crew):
    other = (await crew.operator("POST", WORKSPACES, {"name": "other"})).json
    places = (crew.shop, other["id"])
    asked = (crew.operator("PUT", f"{WORKSPACES}/{one}", {"name": "same"}) for one in places)
    answers = await asyncio.gather(*asked)

    assert sorted(reply.status for reply in answers) == [200, 409]
    assert [refused(r) for r in answers if r.status == 409] == [(409, "CONFLICT", "name_taken")]


async def test_the_operator_sees_all_workspaces_in_pages_and_others_their_own(crew):
    ids = sorted([crew.home, crew.shop])
    first = (await crew.operator("GET", f"{WORKSPACES}?limit=1")).json
    second = (await crew.operator("GET", f"{WORKSPACES}?limit=1&cursor={first['next']}")).json
    own = (await crew.owner("GET", WORKSPACES)).json

    assert [item["id"] for page in (first, second) for item in page["items"]] == ids
    assert second["next"] is None
    assert [item["id"] for item in own["items"]] == [crew.shop]


async def test_a_person_sees_the_workspaces_that_they_are_members_of_in_pages(crew):
    ann, _ = await crew.member("ann")
    body = {"issuer": "acme", "subject": "ann", "name": "Ann"}
    await crew.operator("POST", f"{WORKSPACES}/{crew.home}/members", body)
    first = (await ann("GET", f"{WORKSPACES}?limit=1", headers=naming("shop"))).json
    second = (await ann("GET", f"{WORKSPACES}?limit=1&cursor={first['next']}", headers=naming("shop"))).json

    assert [item["id"] for page in (first, second) for item in page["items"]] == sorted(
        [crew.home, crew.shop]
    )


async def test_an_owner_changes_the_workspace_and_reads_it_back(crew):
    place = f"{WORKSPACES}/{crew.shop}"
    name = (await crew.owner("GET", place)).json["name"]
    changed = await crew.owner("PUT", place, {"name": name, "read_only": True})
    shown = (await crew.owner("GET", place)).json

    assert changed.json == shown
    assert (shown["name"], shown["read_only"], shown["suspended"]) == (name, True, False)
    assert (shown["share_with_admin"], shown["shared_until"]) == (False, None)
    assert (await crew.owner("PUT", place, {})).json == shown


async def test_only_an_owner_does(crew):
    admin, _ = await crew.member("ann", "admin")

    assert refused(await admin("PUT", f"{WORKSPACES}/{crew.shop}", {"name": "mine"}))[:2] == (
        403,
        "FORBIDDEN",
    )


async def test_an_owner_cannot_learn_which_names_are_taken(crew):
    for name in ("default", "Shop 2"):
        answered = await crew.owner("PUT", f"{WORKSPACES}/{crew.shop}", {"name": name})
        assert refused(answered)[:2] == (403, "FORBIDDEN")


async def test_the_operator_names_opens_and_closes_another_workspace_and_does_not_share_it(crew):
    place = f"{WORKSPACES}/{crew.shop}"
    assert (await crew.operator("PUT", place, {"name": "Shop 2"})).json["name"] == "Shop 2"
    assert (await crew.operator("PUT", place, {"read_only": True})).json["read_only"] is True
    refusal = refused(await crew.operator("PUT", place, {"share_with_admin": True}))
    assert refusal[:2] == (403, "FORBIDDEN")


async def test_the_operators_own_workspace_keeps_its_name_and_nobody_takes_it(crew):
    for place, name in ((crew.home, "other"), (crew.shop, "default")):
        answered = await crew.operator("PUT", f"{WORKSPACES}/{place}", {"name": name})
        assert refused(answered) == (409, "CONFLICT", "name_taken")
    assert (await crew.operator("PUT", f"{WORKSPACES}/{crew.home}", {"name": "default"})).status == 200


@pytest.mark.parametrize("field", ["id", "created_at", "suspended", "shared_until", "suspended_at"])
async def test_what_a_workspace_does_not_say_of_itself_is_400(sqlite_crew, field):
    answered = await sqlite_crew.owner("PUT", f"{WORKSPACES}/{sqlite_crew.shop}", {field: True})

    assert refused(answered)[:2] == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None), ("PUT", "", {"name": "x"}), ("PUT", "", {"read_only": True}), ("POST", "/suspend", None), ("POST", "/resume", None),
        ("GET", "/members", None), ("POST", "/members", {"issuer": "a", "subject": "b", "name": "c"}),
        ("PUT", "/members/x", {"name": "c"}), ("DELETE", "/members/x", None), ("GET", "/invitations", None),
        ("POST", "/invitations", {"name": "c"}), ("DELETE", "/invitations/x", None), ("GET", "/grants", None),
        ("POST", "/grants", {"name": "pro"}), ("DELETE", "/grants/x", None),
    ],
)  # fmt: skip
async def test_a_foreign_workspace_is_an_unknown_one(crew, method, path, body):
    viewer = await crew.key(crew.owner, "v", actor_type="user", role="viewer")
    ann, _ = await crew.member("ann", "owner")
    for who in (crew.owner, viewer, ann):
        foreign = await who(method, f"{WORKSPACES}/{crew.home}{path}", body)
        unknown = await who(method, f"{WORKSPACES}/{UNKNOWN}{path}", body)
        assert (foreign.status, foreign.body) == (unknown.status, unknown.body)
        assert refused(foreign)[:2] == (404, "NOT_FOUND")
    own = await crew.owner(method, f"{WORKSPACES}/{crew.shop}{path}", body)
    assert own.status in {200, 201, 204, 403} or own.body != unknown.body


async def test_the_operator_finds_no_workspace_by_its_name_or_of_the_house(crew):
    for place in (UNKNOWN, "shop", "global", "house"):
        for path in ("", "/grants"):
            answered = await crew.operator("GET", f"{WORKSPACES}/{place}{path}")
            assert refused(answered)[:2] == (404, "NOT_FOUND")


async def test_a_suspended_workspace_lets_nobody_in_until_it_is_resumed(crew):
    ann, _ = await crew.member("ann", "owner")
    agent = await crew.key(crew.owner, "bot")
    everybody = (crew.owner, ann, agent)
    suspended = await crew.operator("POST", f"{WORKSPACES}/{crew.shop}/suspend")
    assert suspended.json["suspended"] is True
    for who in everybody:
        for method, path in (("GET", "/me"), ("GET", "/tools"), ("POST", "/tools/x/execute")):
            answered = await who(method, API + path, {} if method == "POST" else None)
            assert refused(answered) == (403, "FORBIDDEN", "suspended")
    assert (await crew.operator("POST", f"{WORKSPACES}/{crew.shop}/resume")).json["suspended"] is False
    for who in everybody:
        assert (await who("GET", f"{API}/me")).status == 200


async def test_only_the_operator_suspends_and_never_its_own(crew):
    assert refused(await crew.owner("POST", f"{WORKSPACES}/{crew.shop}/suspend"))[:2] == (403, "FORBIDDEN")
    own = await crew.operator("POST", f"{WORKSPACES}/{crew.home}/suspend")
    assert refused(own) == (409, "CONFLICT", "own_workspace")


class TestVisits:
    async def share(self, crew, *, shared=True):
        place = f"{WORKSPACES}/{crew.shop}"
        return (await crew.owner("PUT", place, {"share_with_admin": shared})).json

    async def test_the_operator_reads_a_shared_workspace_by_id_or_name(self, crew, rig):
        tool = await crew.tool("tides.next", effects="read")
        shared = await self.share(crew)
        assert shared["share_with_admin"] is True
        assert shared["shared_until"] is not None
        for named in (crew.shop, "shop"):
            listed = await crew.operator("GET", f"{API}/tools", headers=naming(named))
            assert [item["name"] for item in listed.json["tools"]] == [tool]
        me = (await crew.operator("GET", f"{API}/me", headers=naming("shop"))).json
        assert (me["workspace_id"], me["actor_id"], me["operator"]) == (
            crew.shop,
            "operator:user:owner",
            False,
        )
        assert me["permissions"] == ["executions:read", "secrets:read", "tools:read", "workspace:read"]

    async def test_and_changes_and_calls_nothing(self, crew):
        await self.share(crew)
        reading = await crew.tool("tides.now", effects="read")
        for method, path, body in (
            ("POST", "/keys", {"name": "mine"}), ("GET", "/keys", None), ("POST", "/secrets", {"name": "S", "value": "secret-value"}),
            ("DELETE", f"/tools/{reading}", None), ("PUT", f"/tools/{reading}/enablement", {"enabled": False}),
            ("GET", f"/workspaces/{crew.shop}/members", None), ("PUT", f"/workspaces/{crew.shop}", {"share_with_admin": True}),
            ("POST", "/workspaces", {"name": "another"}), ("POST", f"/workspaces/{crew.home}/suspend", None), ("GET", "/suspensions", None),
        ):  # fmt: skip
            answered = await crew.operator(method, API + path, body, headers=naming("shop"))
            assert answered.status in {403, 404}, (method, path)
        called = await crew.call(crew.operator, reading, naming("shop"))
        assert called.json["status"] == "denied"

    async def test_the_workspace_reads_in_its_audit_who_looked_in_once_an_hour(self, crew, rig):
        await self.share(crew)
        for _ in range(3):
            await crew.operator("GET", f"{API}/tools", headers=naming("shop"))
        seen = (await crew.owner("GET", f"{API}/audit?type=OperatorVisited")).json["items"]
        assert [(one["actor_id"], one["about"]) for one in seen] == [("operator:user:owner", crew.shop)]
        await rig.go(3_601)
        await crew.operator("GET", f"{API}/tools", headers=naming("shop"))
        assert len((await crew.owner("GET", f"{API}/audit?type=OperatorVisited")).json["items"]) == 2

    async def test_one_that_does_not_share_itself_is_an_unknown_one(self, crew):
        foreign = await crew.operator("GET", f"{API}/tools", headers=naming(crew.shop))
        unknown = await crew.operator("GET", f"{API}/tools", headers=naming(UNKNOWN))
        assert (foreign.status, foreign.body) == (unknown.status, unknown.body)
        assert foreign.status == 404
        assert (await crew.owner("GET", f"{API}/audit?type=OperatorVisited")).json["items"] == []

    async def test_sharing_ends_with_the_owners_word_and_by_itself(self, crew, rig):
        await self.share(crew)
        await self.share(crew, shared=False)
        assert (await crew.operator("GET", f"{API}/me", headers=naming("shop"))).status == 404
        await self.share(crew)
        await rig.go(WEEK - 1)
        assert (await crew.operator("GET", f"{API}/me", headers=naming("shop"))).status == 200
        await rig.go(1)
        assert (await crew.operator("GET", f"{API}/me", headers=naming("shop"))).status == 404
        assert (await crew.owner("GET", f"{WORKSPACES}/{crew.shop}")).json["share_with_admin"] is False

    async def test_nobody_but_the_operator_looks_in(self, crew):
        await self.share(crew)
        for wanted in (
            {"actor_type": "user", "role": "admin"}, {"actor_type": "agent", "role": "owner"}, {"actor_type": "user", "role": "owner", "tools": []}
        ):  # fmt: skip
            name = f"k{len(str(wanted))}"
            who = await crew.key(crew.operator, name, **wanted)
            assert (await who("GET", f"{API}/me", headers=naming("shop"))).status == 404

    async def test_whoever_names_the_own_workspace_is_at_home(self, crew):
        for named in (crew.home, "default"):
            assert (await crew.operator("GET", f"{API}/me", headers=naming(named))).json["operator"] is True
        for named in (crew.shop, "shop"):
            assert (await crew.owner("GET", f"{API}/me", headers=naming(named))).json["role"] == "owner"
        assert (await crew.owner("GET", f"{API}/me", headers=naming("default"))).status == 404


@pytest.mark.parametrize("named", ["", " ", "x" * 129, "a\x7f", "\x85"])
async def test_a_name_that_is_none_is_400(sqlite_crew, named):
    answered = await sqlite_crew.operator("GET", f"{API}/me", headers=naming(named))

    assert refused(answered)[:2] == (400, "VALIDATION_ERROR")
    assert answered.json["error"]["details"]["errors"][0]["path"] == "/headers/X-Toolcrib-Workspace"


async def test_a_person_of_several_workspaces_names_one(crew):
    ann, _ = await crew.member("ann", "viewer")
    assert (await ann("GET", f"{API}/me")).json["workspace_id"] == crew.shop
    body = {"issuer": "acme", "subject": "ann", "name": "Ann", "role": "admin"}
    await crew.operator("POST", f"{WORKSPACES}/{crew.home}/members", body)
    unnamed = await ann("GET", f"{API}/me")
    assert refused(unnamed) == (400, "VALIDATION_ERROR", "workspace_needed")
    for named, role in (
        (crew.shop, "viewer"),
        ("shop", "viewer"),
        (crew.home, "admin"),
        ("default", "admin"),
    ):
        assert (await ann("GET", f"{API}/me", headers=naming(named))).json["role"] == role
    other = (await crew.operator("POST", WORKSPACES, {"name": "other"})).json
    foreign = await ann("GET", f"{API}/me", headers=naming(other["id"]))
    assert (foreign.status, foreign.body) == (
        (u := await ann("GET", f"{API}/me", headers=naming(UNKNOWN))).status,
        u.body,
    )
    assert foreign.status == 404


async def test_a_person_who_is_a_member_of_nothing_is_a_stranger(crew):
    assert refused(await crew.person("eve")("GET", f"{API}/me"))[:2] == (401, "UNAUTHORIZED")
