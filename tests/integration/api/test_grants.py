"""Routes of grants, suspensions, rotation and explaining: what binds whom, and that lists, explain and calls agree."""

import itertools

import pytest

from tests.support.crew import API, refused

PAST, SOON = "2027-01-01T00:00:00Z", "2027-01-15T09:00:00Z"
KEYS, SUSPENSIONS = f"{API}/keys", f"{API}/suspensions"


async def explained(who, tool, query=""):
    return (await who("GET", f"{API}/tools/{tool}/explain{query}")).json


async def status_of(crew, who, tool):
    reply = await crew.call(who, tool)
    return reply.json.get("status", reply.status)


class TestGrants:
    async def test_a_tool_that_requires_one_is_called_while_it_is_held(self, crew, rig):
        tool = await crew.tool("rich.tool", requires={"grants": ["pro"]})
        assert await status_of(crew, crew.owner, tool) == "denied"
        made = (await crew.operator("POST", crew.grants, {"name": "pro", "expires_at": SOON})).json
        assert await status_of(crew, crew.owner, tool) == "succeeded"
        assert (await crew.owner("GET", f"{API}/me")).json["grants"] == ["pro"]
        await rig.go(3_600)
        assert await status_of(crew, crew.owner, tool) == "denied"
        ended = await crew.operator("DELETE", f"{crew.grants}/{made['id']}")
        assert (ended.status, (await crew.operator("DELETE", f"{crew.grants}/{made['id']}")).status) == (
            204,
            404,
        )

    async def test_one_of_an_actor_is_that_actors_alone(self, crew):
        tool = await crew.tool("rich.tool", requires={"grants": ["pro"]})
        bot, other = await crew.key(crew.owner, "bot"), await crew.key(crew.owner, "other")
        await crew.operator("POST", crew.grants, {"name": "pro", "actor_id": "agent:bot"})
        assert [await status_of(crew, who, tool) for who in (bot, other)] == ["succeeded", "denied"]

    async def test_an_agent_has_those_of_the_person_it_acts_for(self, crew):
        tool = await crew.tool("rich.tool", requires={"grants": ["pro"]})
        ann, member = await crew.member("ann")
        await crew.owner("PUT", f"{crew.members}/{member}", {"role": "admin"})
        bot = await crew.key(ann, "bot", on_behalf_of="me")
        assert await status_of(crew, bot, tool) == "denied"
        await crew.operator("POST", crew.grants, {"name": "pro", "actor_id": f"user:{member}"})
        assert await status_of(crew, bot, tool) == "succeeded"

    async def test_admins_read_them_and_the_operator_alone_writes(self, crew):
        made = (await crew.operator("POST", crew.grants, {"name": "pro"})).json
        admin, _ = await crew.member("ann", "admin")
        member, _ = await crew.member("bob")
        (item,) = (await admin("GET", crew.grants)).json["items"]
        assert (item["id"], item["name"], item["actor_id"], item["expires_at"]) == (
            made["id"],
            "pro",
            None,
            None,
        )
        assert item["created_by"] == "operator:user:owner"
        assert (await crew.operator("GET", crew.grants)).json["items"] == [item]
        assert refused(await member("GET", crew.grants))[:2] == (403, "FORBIDDEN")
        for who in (crew.owner, admin, member):
            assert refused(await who("POST", crew.grants, {"name": "max"}))[:2] == (403, "FORBIDDEN")
            assert refused(await who("DELETE", f"{crew.grants}/{made['id']}"))[:2] == (403, "FORBIDDEN")

    async def test_they_come_in_pages_without_those_that_were_taken_back(self, crew):
        ids = sorted(
            [(await crew.operator("POST", crew.grants, {"name": f"g{n}"})).json["id"] for n in range(4)]
        )
        await crew.operator("DELETE", f"{crew.grants}/{ids.pop()}")
        first = (await crew.owner("GET", f"{crew.grants}?limit=2")).json
        second = (await crew.owner("GET", f"{crew.grants}?limit=2&cursor={first['next']}")).json
        assert [one["id"] for page in (first, second) for one in page["items"]] == ids

    @pytest.mark.parametrize(
        ("body", "path"),
        [({}, "/name"), ({"name": "a b"}, "/name"), ({"name": "x", "expires_at": PAST}, "/expires_at"), ({"name": "x", "expires_at": "soon"}, "/expires_at"),
         ({"name": "x", "actor_id": ""}, "/actor_id"), ({"name": "x", "id": "mine"}, "/id"), ({"name": "x", "created_by": "me"}, "/created_by")],
    )  # fmt: skip
    async def test_one_that_cannot_be_is_400_and_says_where(self, sqlite_crew, body, path):
        answered = await sqlite_crew.operator("POST", sqlite_crew.grants, body)
        assert refused(answered)[:2] == (400, "VALIDATION_ERROR")
        assert [fault["path"] for fault in answered.json["error"]["details"]["errors"]] == [path]


class TestSuspensions:
    async def test_a_suspended_actor_is_refused_until_it_is_lifted(self, crew):
        bot = await crew.key(crew.owner, "bot")
        assert (await crew.owner("POST", SUSPENSIONS, {"name": "agent:bot"})).json == {
            "kind": "actor",
            "name": "agent:bot",
        }
        assert refused(await bot("GET", f"{API}/me")) == (403, "FORBIDDEN", "suspended")
        assert (await crew.owner("GET", SUSPENSIONS)).json == {
            "items": [{"kind": "actor", "name": "agent:bot"}],
            "next": None,
        }
        assert (await crew.owner("DELETE", f"{SUSPENSIONS}/actor/agent:bot")).status == 204
        assert (await crew.owner("DELETE", f"{SUSPENSIONS}/actor/agent:bot")).status == 404
        assert (await bot("GET", f"{API}/me")).status == 200
        assert (await crew.owner("GET", SUSPENSIONS)).json["items"] == []
        await crew.owner("POST", SUSPENSIONS, {"name": "agent:bot"})
        assert (await bot("GET", f"{API}/me")).status == 403

    async def test_a_suspended_host_is_called_by_no_tool_until_it_is_lifted(self, crew, rig):
        slow = await crew.tool("slow.tool", api={"base_url": "https://Api.Slow.example/v1"})
        other = await crew.tool("other.tool", api={"base_url": "https://slow.example"})
        made = await crew.owner("POST", SUSPENSIONS, {"kind": "host", "name": "API.slow.example."})
        assert made.json == {"kind": "host", "name": "api.slow.example"}
        ran = len(rig.provider.ran)
        called = await crew.call(crew.owner, slow)
        assert refused(called)[:2] == (403, "EGRESS_DENIED")
        assert called.json["error"]["details"]["rule"] == "host"
        assert len(rig.provider.ran) == ran
        assert await status_of(crew, crew.owner, other) == "succeeded"
        assert (await explained(crew.owner, slow))["rule"] == "host"
        listed = {
            one["name"]: one["allowed"] for one in (await crew.owner("GET", f"{API}/tools")).json["tools"]
        }
        assert listed == {slow: False, other: True}
        assert (await crew.owner("DELETE", f"{SUSPENSIONS}/host/api.slow.example")).status == 204
        assert await status_of(crew, crew.owner, slow) == "succeeded"

    async def test_who_acts_for_a_suspended_person_is_suspended(self, crew):
        ann, member = await crew.member("ann", "admin")
        bot = await crew.key(ann, "bot", on_behalf_of="me")
        await crew.owner("POST", SUSPENSIONS, {"name": f"user:{member}"})
        for who in (ann, bot):
            assert refused(await who("GET", f"{API}/me")) == (403, "FORBIDDEN", "suspended")

    async def test_nobody_suspends_themselves_or_the_wider_role(self, crew):
        ann, _ = await crew.member("ann", "admin")
        service = await crew.key(ann, "clerk", actor_type="service", role="admin", on_behalf_of="me")
        me = (await ann("GET", f"{API}/me")).json["actor_id"]
        for who, name in ((crew.owner, "user:owner"), (ann, me), (service, me), (service, "service:clerk")):
            assert refused(await who("POST", SUSPENSIONS, {"name": name})) == (409, "CONFLICT", "yourself")
        assert refused(await ann("POST", SUSPENSIONS, {"name": "user:owner"}))[:2] == (403, "FORBIDDEN")

    async def test_members_suspend_nobody_and_see_nothing_of_it(self, crew):
        bob, _ = await crew.member("bob")
        for method, path, body in (
            ("GET", "", None),
            ("POST", "", {"name": "agent:x"}),
            ("DELETE", "/actor/agent:x", None),
        ):
            assert refused(await bob(method, SUSPENSIONS + path, body))[:2] == (403, "FORBIDDEN")

    async def test_another_workspaces_suspension_is_none(self, crew):
        await crew.owner("POST", SUSPENSIONS, {"name": "agent:bot"})
        assert (await crew.operator("DELETE", f"{SUSPENSIONS}/actor/agent:bot")).status == 404
        assert (await crew.operator("DELETE", f"{SUSPENSIONS}/planet/agent:bot")).status == 404
        assert (await crew.operator("GET", SUSPENSIONS)).json["items"] == []

    @pytest.mark.parametrize(
        "body", [{}, {"kind": "planet", "name": "x"}, {"name": ""}, {"name": "x", "lifted_at": 1}]
    )
    async def test_one_that_cannot_be_is_400(self, sqlite_crew, body):
        assert refused(await sqlite_crew.owner("POST", SUSPENSIONS, body))[:2] == (400, "VALIDATION_ERROR")


class TestKeys:
    async def listed(self, crew, name):
        return [one for one in (await crew.owner("GET", KEYS)).json["items"] if one["name"] == name]

    async def test_a_rotated_key_is_the_same_actors_and_the_old_one_ends_after_the_overlap(self, crew, rig):
        made = (await crew.owner("POST", KEYS, {"name": "bot", "tools": ["a"], "role": "viewer"})).json
        old, place = crew.owner.as_(made["key"]), f"{KEYS}/{made['id']}/rotate"
        rotated = await crew.owner("POST", place, {"overlap_seconds": 60})
        assert (rotated.status, rotated.json["name"], rotated.json["warnings"]) == (201, "bot", [])
        new = crew.owner.as_(rotated.json["key"])
        mine = [(await who("GET", f"{API}/me")).json for who in (old, new)]
        assert mine[0] == mine[1]
        assert (mine[0]["actor_id"], mine[0]["tools"], mine[0]["role"]) == ("agent:bot", ["a"], "viewer")
        await rig.go(60)
        assert [(await who("GET", f"{API}/me")).status for who in (old, new)] == [401, 200]
        assert (await crew.owner("POST", place, {})).status == 404
        told = (await crew.owner("GET", f"{API}/audit?type=KeyRotated")).json["items"][0]
        assert (told["about"], told["facts"]) == (made["id"], {"name": "bot", "key_id": rotated.json["id"]})

    async def test_without_an_overlap_it_ends_at_once_and_a_foreign_one_is_unknown(self, crew):
        made = (await crew.owner("POST", KEYS, {"name": "bot"})).json
        assert (await crew.operator("POST", f"{KEYS}/{made['id']}/rotate", {})).status == 404
        await crew.owner("POST", f"{KEYS}/{made['id']}/rotate", {})
        assert (await crew.owner.as_(made["key"])("GET", f"{API}/me")).status == 401

    async def test_an_overlap_does_not_prolong_a_key_and_the_new_one_ends_when_it_would_have(self, crew):
        made = (await crew.owner("POST", KEYS, {"name": "bot", "expires_at": SOON})).json
        await crew.owner("POST", f"{KEYS}/{made['id']}/rotate", {"overlap_seconds": 604_800})
        assert [one["expires_at"] for one in await self.listed(crew, "bot")] == [
            "2027-01-15T09:00:00.000Z"
        ] * 2

    async def test_nobody_rotates_what_they_could_not_make(self, crew):
        ann, _ = await crew.member("ann", "admin")
        bob, _ = await crew.member("bob", "admin")
        service = await crew.key(crew.owner, "clerk", actor_type="service", role="admin")
        brief = await crew.key(crew.owner, "brief", actor_type="user", role="admin", expires_at=SOON)
        (owners,) = await self.listed(crew, "owner")
        await crew.key(ann, "annsbot", on_behalf_of="me")
        await crew.key(crew.owner, "plain", actor_type="user")
        (anns,), (plain,) = await self.listed(crew, "annsbot"), await self.listed(crew, "plain")
        for who, key in ((ann, owners), (bob, anns), (crew.owner, anns), (service, plain), (brief, plain)):
            assert refused(await who("POST", f"{KEYS}/{key['id']}/rotate", {}))[:2] == (403, "FORBIDDEN")
        assert (await ann("POST", f"{KEYS}/{anns['id']}/rotate", {})).status == 201
        assert (await bob("POST", f"{KEYS}/{plain['id']}/rotate", {})).status == 201

    @pytest.mark.parametrize(
        "body",
        [
            {"overlap_seconds": -1},
            {"overlap_seconds": 604_801},
            {"overlap_seconds": "1"},
            {"role": "owner"},
            {"key": "mine"},
        ],
    )
    async def test_a_rotation_that_cannot_be_is_400(self, sqlite_crew, body):
        assert refused(await sqlite_crew.owner("POST", f"{KEYS}/x/rotate", body))[:2] == (
            400,
            "VALIDATION_ERROR",
        )

    async def test_a_key_on_behalf_is_as_wide_as_the_narrower_of_both(self, crew):
        ann, member = await crew.member("ann", "admin")
        bot = await crew.key(ann, "bot", role="admin", on_behalf_of="me")
        clerk = await crew.key(ann, "clerk", role="viewer", on_behalf_of="me")
        tool, place = await crew.tool("tides.next"), f"{crew.members}/{member}"
        me = (await bot("GET", f"{API}/me")).json
        assert (me["actor_id"], me["on_behalf_of"], me["role"]) == ("agent:bot", f"user:{member}", "admin")
        assert (await clerk("GET", f"{API}/me")).json["role"] == "viewer"
        assert await status_of(crew, bot, tool) == "succeeded"
        (execution,) = (await crew.owner("GET", f"{API}/tools/executions?limit=1")).json["items"]
        assert (execution["requested_by_actor_id"], execution["on_behalf_of"]) == (
            "agent:bot",
            f"user:{member}",
        )
        await crew.owner("PUT", place, {"role": "viewer"})
        assert await status_of(crew, bot, tool) == "denied"
        await crew.owner("PUT", place, {"role": "admin", "read_only": True})
        assert await status_of(crew, bot, tool) == "denied"
        assert (await bot("GET", f"{API}/me")).json["read_only"] is True
        await crew.owner("PUT", place, {"read_only": False})
        assert await status_of(crew, bot, tool) == "succeeded"
        await crew.owner("DELETE", place)
        assert await status_of(crew, bot, tool) == 401
        await crew.member("ann", "admin")
        assert await status_of(crew, bot, tool) == 401, "it does not come back with the member"

    async def test_only_a_member_who_signed_in_makes_one_and_not_for_a_person(self, crew):
        ann, _ = await crew.member("ann", "admin")
        for who, body in ((crew.owner, {}), (ann, {"actor_type": "user"})):
            answered = await who("POST", KEYS, {"name": "bot", "on_behalf_of": "me", **body})
            assert refused(answered)[:2] == (403, "FORBIDDEN")
        for name in ("ann", "user:ann", None):
            body = {"name": "bot", "on_behalf_of": name} if name else {"name": "bot", "for_me": True}
            assert refused(await ann("POST", KEYS, body))[:2] == (400, "VALIDATION_ERROR")

    async def test_nobody_passes_for_a_member_by_the_name_of_a_key(self, crew):
        _, member = await crew.member("ann")
        answered = await crew.owner("POST", KEYS, {"name": member, "actor_type": "user"})
        assert refused(answered) == (409, "CONFLICT", "name_taken")
        assert (await crew.owner("POST", KEYS, {"name": member + "x", "actor_type": "user"})).status == 201

    async def test_a_person_makes_keys_no_wider_than_the_role_and_revokes_them(self, crew):
        ann, _ = await crew.member("ann", "admin")
        made = await ann("POST", KEYS, {"name": "bot", "role": "admin", "actor_type": "user"})
        assert made.status == 201
        assert refused(await ann("POST", KEYS, {"name": "up", "role": "owner"}))[:2] == (403, "FORBIDDEN")
        assert (await ann("DELETE", f"{KEYS}/{made.json['id']}")).status == 204
        bob, _ = await crew.member("bob")
        for method, path, body in (
            ("POST", "", {"name": "x"}),
            ("GET", "", None),
            ("DELETE", "/x", None),
            ("POST", "/x/rotate", {}),
        ):
            assert refused(await bob(method, KEYS + path, body))[:2] == (403, "FORBIDDEN")

    async def test_the_last_use_is_written_about_once_a_minute(self, crew, rig):
        bot = await crew.key(crew.owner, "bot")
        await bot("GET", f"{API}/me")
        assert (await self.listed(crew, "bot"))[0]["last_used_at"] is None
        await rig.gateway.uses.write()
        assert (await self.listed(crew, "bot"))[0]["last_used_at"] == "2027-01-15T08:00:00.000Z"

    async def test_a_key_that_is_over_says_where(self, sqlite_crew):
        answered = await sqlite_crew.owner("POST", KEYS, {"name": "k", "expires_at": PAST})
        assert answered.json["error"]["details"]["errors"][0]["path"] == "/expires_at"


class TestExplain:
    async def test_every_rule_stands_there_in_order_and_the_first_that_fails_is_named(self, crew):
        tool = await crew.tool("rich.tool", requires={"grants": ["pro"], "roles": ["admin"]})
        bot = await crew.key(crew.owner, "bot")
        told = await explained(bot, tool)
        names = [
            "scope",
            "suspended",
            "key",
            "read_only",
            "view",
            "view_reads",
            "role",
            "roles",
            "grants",
            "host",
            "workspace_hosts",
            "enabled",
            "sunset",
            "view_subject",
            "subject",
            "bound",
            "approval",
            "limits",
        ]
        assert [reason["rule"] for reason in told["reasons"]] == names
        assert (told["allowed"], told["code"], told["rule"]) == (False, "FORBIDDEN", "roles")
        assert told["message"].startswith("The tool rich.tool requires one of these roles: admin.")
        failing = {reason["rule"]: reason["remedy"] for reason in told["reasons"] if not reason["holds"]}
        assert failing == {
            "roles": "Ask an admin of the workspace for such a role.",
            "grants": "Ask the operator for the grant that is missing.",
        }

    async def test_what_is_allowed_has_nothing_to_say(self, crew):
        tool = await crew.tool("tides.next")
        told = await explained(crew.owner, tool, "?subject_type=company&subject_id=1")
        assert (told["allowed"], told["code"], told["rule"], told["message"]) == (True, None, None, None)
        assert all(reason["holds"] for reason in told["reasons"])

    @pytest.mark.parametrize("query", ["?subject_type=x", "?subject_id=1"])
    async def test_half_a_subject_is_400(self, sqlite_crew, query):
        tool = await sqlite_crew.tool("tides.next")
        answered = await sqlite_crew.owner("GET", f"{API}/tools/{tool}/explain{query}")
        assert refused(answered)[:2] == (400, "VALIDATION_ERROR")

    async def test_admins_ask_for_others_and_everybody_for_themselves(self, crew):
        tool = await crew.tool("rich.tool", requires={"roles": ["admin"]})
        ann, member = await crew.member("ann", "viewer")
        await crew.key(crew.owner, "bot")
        assert (await explained(crew.owner, tool, "?principal=agent:bot"))["rule"] == "roles"
        assert (await explained(crew.owner, tool, f"?principal=user:{member}"))["rule"] == "role"
        assert (await explained(ann, tool, f"?principal=user:{member}"))["rule"] == "role"
        assert refused(await ann("GET", f"{API}/tools/{tool}/explain?principal=agent:bot"))[:2] == (
            403,
            "FORBIDDEN",
        )
        for nobody in ("agent:none", "user:none", "system", member):
            asked = await crew.owner("GET", f"{API}/tools/{tool}/explain?principal={nobody}")
            assert asked.status == (200 if nobody == member else 404), nobody

    async def test_one_who_is_suspended_is_not_allowed(self, crew):
        tool = await crew.tool("tides.next")
        await crew.key(crew.owner, "bot")
        await crew.owner("POST", SUSPENSIONS, {"name": "agent:bot"})
        told = await explained(crew.owner, tool, "?principal=agent:bot")
        assert (told["allowed"], told["code"], told["rule"]) == (False, "FORBIDDEN", "suspended")

    async def test_a_tool_that_is_not_there_is_404(self, crew):
        tool = (await crew.operator("POST", f"{API}/tools", {"name": "a.b", "description": "x", "input_schema": {"type": "object"}, "api": {"base_url": "https://u.example"}})).json  # fmt: skip
        for name in ("no.such", tool["tool_id"]):
            assert (await crew.owner("GET", f"{API}/tools/{name}/explain")).status == 404


async def test_lists_explain_validate_and_calls_say_the_same(crew):
    """Every actor on every tool, in a workspace that is open and in one that is read-only."""
    ann, _ = await crew.member("ann", "admin")
    looker, _ = await crew.member("looker", "owner", read_only=True)
    viewer, _ = await crew.member("viewer", "viewer")
    await crew.operator("POST", crew.grants, {"name": "pro", "actor_id": "agent:bot"})
    actors = [
        crew.owner, ann, looker, viewer, await crew.key(crew.owner, "bot"), await crew.key(ann, "annsbot", on_behalf_of="me"),
        await crew.key(crew.owner, "clerk", tools=["t.write", "t.grants"]),
    ]  # fmt: skip
    tools = [
        await crew.tool("t.write"), await crew.tool("t.read", effects="read"), await crew.tool("t.grants", requires={"grants": ["pro"]}),
        await crew.tool("t.roles", requires={"roles": ["admin"]}), await crew.tool("t.off", effects="read"),
        await crew.tool("t.look", effects="read"),
    ]  # fmt: skip
    await crew.owner("PUT", f"{API}/tools/t.off/enablement", {"enabled": False})
    seen = []
    for read_only in (False, True):
        await crew.owner("PUT", f"{API}/workspaces/{crew.shop}", {"read_only": read_only})
        for who, tool in itertools.product(actors, tools):
            listed = {one["name"]: one["allowed"] for one in (await who("GET", f"{API}/tools")).json["tools"]}
            called = (await crew.call(who, tool)).json["status"] == "succeeded"
            told = await explained(who, tool)
            checked = (await who("POST", f"{API}/tools/{tool}/validate", {"input": {}})).json["decision"]
            one = (await who("GET", f"{API}/tools/{tool}")).json["allowed"]
            assert (listed.get(tool, False), told["allowed"], checked["allowed"], one) == (called,) * 4, tool
            assert (told["code"], told["rule"]) == (checked["code"], checked["rule"])
            seen.append(called)
            if read_only:
                assert not {"t.write", "t.grants", "t.roles"} & listed.keys()
    assert 0.3 <= sum(seen) / len(seen) <= 0.7
