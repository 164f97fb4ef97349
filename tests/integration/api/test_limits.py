"""Routes of limits: who sets what, how a refusal looks on the wire, and that explain tells of it beforehand."""

import asyncio

import pytest

from tests.support.crew import API, refused
from toolcrib.gateway.places import Places


@pytest.fixture
def place(crew):
    return f"{API}/workspaces/{crew.shop}/limits"


async def explained(who, tool):
    return (await who("GET", f"{API}/tools/{tool}/explain")).json


class TestSetting:
    async def test_what_is_set_is_listed_until_it_is_removed(self, crew, place):
        made = await crew.owner("PUT", f"{place}/actor/agent:bot", {"per_minute": 60, "concurrency": 2})
        wanted = {
            "kind": "actor", "name": "agent:bot", "per_minute": 60, "burst": 10, "per_day": None, "per_month": None, "concurrency": 2,
        }  # fmt: skip
        assert (made.status, made.json) == (200, wanted)
        assert (await crew.owner("GET", place)).json == {"items": [wanted], "next": None}
        changed = await crew.owner("PUT", f"{place}/actor/agent:bot", {"per_day": 5})
        assert (changed.json["per_day"], changed.json["burst"], changed.json["per_minute"]) == (5, None, None)
        gone = await crew.owner("DELETE", f"{place}/actor/agent:bot")
        assert (gone.status, (await crew.owner("DELETE", f"{place}/actor/agent:bot")).status) == (204, 404)
        assert (await crew.owner("GET", place)).json["items"] == []

    async def test_they_are_paged_by_kind_and_name(self, crew, place):
        wanted = [("actor", "agent:a"), ("actor", "agent:b"), ("host", "h.example"), ("workspace", "*")]
        for kind, name in reversed(wanted):
            await crew.owner("PUT", f"{place}/{kind}/{name}", {"per_day": 5})
        found, cursor = [], ""
        for _ in wanted:
            page = (await crew.owner("GET", f"{place}?limit=1{cursor}")).json
            found += [(one["kind"], one["name"]) for one in page["items"]]
            cursor = f"&cursor={page['next']}"
        assert (found, page["next"]) == (wanted, None)

    async def test_admins_set_them_everybody_reads_them_and_no_agent_changes_them(self, crew, place):
        admin, _ = await crew.member("ann", "admin")
        member, _ = await crew.member("bob")
        bot = await crew.key(crew.owner, "bot")
        assert (await admin("PUT", f"{place}/workspace/*", {"per_day": 5})).status == 200
        for who in (member, bot):
            assert len((await who("GET", place)).json["items"]) == 1
            assert refused(await who("PUT", f"{place}/workspace/*", {"per_day": 9})) == (
                403,
                "FORBIDDEN",
                None,
            )
            assert refused(await who("DELETE", f"{place}/workspace/*")) == (403, "FORBIDDEN", None)

    async def test_the_ceiling_is_the_operators_and_nothing_else_of_another_workspace(self, crew, place):
        assert refused(await crew.owner("PUT", f"{place}/ceiling/*", {"per_day": 9})) == (
            403,
            "FORBIDDEN",
            None,
        )
        assert (await crew.operator("PUT", f"{place}/ceiling/*", {"per_day": 9})).status == 200
        assert refused(await crew.owner("DELETE", f"{place}/ceiling/*")) == (403, "FORBIDDEN", None)
        assert [one["kind"] for one in (await crew.owner("GET", place)).json["items"]] == ["ceiling"]
        assert len((await crew.operator("GET", place)).json["items"]) == 1
        assert (await crew.operator("PUT", f"{place}/tool/a", {"per_day": 9})).status == 404
        assert (await crew.operator("DELETE", f"{place}/ceiling/*")).status == 204

    async def test_those_of_another_workspace_are_not_there(self, crew):
        home = (await crew.operator("GET", f"{API}/me")).json["workspace_id"]
        for method, path, body in (
            ("GET", "", None), ("PUT", "/workspace/*", {"per_day": 1}), ("PUT", "/ceiling/*", {"per_day": 1}), ("DELETE", "/workspace/*", None),
        ):  # fmt: skip
            answers = [
                (await crew.owner(method, f"{API}/workspaces/{other}/limits{path}", body)).body
                for other in (home, "0123456789")
            ]
            assert answers[0] == answers[1]

    @pytest.mark.parametrize(
        ("path", "body", "where"),
        [
            ("workspace/*", {}, ""),
            ("workspace/*", {"burst": 5}, "/burst"),
            ("workspace/*", {"per_day": 0}, "/per_day"),
            ("workspace/*", {"per_minute": 60_000_001}, "/per_minute"),
            ("workspace/*", {"per_day": 1.5}, "/per_day"),
            ("workspace/*", {"per_hour": 5}, "/per_hour"),
            ("workspace/all", {"per_day": 5}, "/path/name"),
            ("ceiling/all", {"per_day": 5}, "/path/name"),
            ("tool/Not%20A%20Name", {"per_day": 5}, "/path/name"),
            ("actor/bot", {"per_day": 5}, "/path/name"),
            ("planet/earth", {"per_day": 5}, "/path/kind"),
        ],
    )
    async def test_what_cannot_be_meant_is_refused_with_its_place(self, sqlite_crew, path, body, where):
        place = f"{API}/workspaces/{sqlite_crew.shop}/limits"
        reply = await sqlite_crew.owner("PUT", f"{place}/{path}", body)
        assert refused(reply) == (400, "VALIDATION_ERROR", None)
        assert where in {fault["path"] for fault in reply.json["error"]["details"]["errors"]}

    async def test_changes_stand_in_the_audit(self, crew, place):
        await crew.owner("PUT", f"{place}/tool/a.tool", {"per_day": 5})
        await crew.owner("DELETE", f"{place}/tool/a.tool")
        removed, made = (await crew.owner("GET", f"{API}/audit?limit=2")).json["items"]
        assert (made["type"], made["about"]) == ("LimitSet", "a.tool")
        assert made["facts"] == {"kind": "tool", "burst": 1, "per_day": 5}
        assert (removed["type"], removed["facts"]) == ("LimitRemoved", {"kind": "tool"})


class TestRefusing:
    async def test_a_call_over_a_limit_is_429_and_says_when_to_come_back(self, crew, place):
        tool = await crew.tool("a.tool")
        await crew.owner("PUT", f"{place}/tool/{tool}", {"per_minute": 1, "burst": 1})
        assert (await crew.call(crew.owner, tool)).status == 200
        reply = await crew.call(crew.owner, tool)
        error = reply.json["error"]
        assert (reply.status, error["code"], error["retryable"]) == (429, "RATE_LIMITED", True)
        assert {**error["details"], "retry_after": 0} == {
            "limit": "rate", "kind": "tool", "name": tool, "retry_after": 0,
        }  # fmt: skip
        assert reply.headers["retry-after"] == str(error["details"]["retry_after"])
        assert 1 <= int(reply.headers["retry-after"]) <= 60

    async def test_a_caller_with_nothing_left_is_refused_before_the_body_is_read(self, crew, place):
        tool = await crew.tool("a.tool")
        await crew.owner("PUT", f"{place}/workspace/*", {"per_day": 1})
        execute = f"{API}/tools/{tool}/execute"
        for status in (200, 429):
            assert (await crew.call(crew.owner, tool)).status == status
        assert (await crew.owner("POST", execute, raw=b"no json")).status == 429
        await crew.owner("DELETE", f"{place}/workspace/*")
        assert (await crew.owner("POST", execute, raw=b"no json")).status == 400

    async def test_what_every_room_says_of_a_used_up_limit(self, crew, place):
        """Explain tells of it with its remedy; a list shows the tool as before."""
        tool = await crew.tool("a.tool")
        before = await explained(crew.owner, tool)
        assert (before["allowed"], before["reasons"][-1]["rule"], before["reasons"][-1]["holds"]) == (
            True, "limits", True,
        )  # fmt: skip
        await crew.owner("PUT", f"{place}/tool/{tool}", {"per_day": 1})
        assert (await explained(crew.owner, tool))["allowed"]
        await crew.call(crew.owner, tool)
        await crew.call(crew.owner, tool)
        told = await explained(crew.owner, tool)
        assert (told["allowed"], told["code"], told["rule"]) == (False, "RATE_LIMITED", "limits")
        assert "1 calls a day" in told["message"]
        assert "ask an admin" in told["reasons"][-1]["remedy"]
        assert (await crew.owner("GET", f"{API}/tools/{tool}")).json["allowed"]
        await crew.operator("PUT", f"{place}/ceiling/*", {"per_day": 1})
        await crew.owner("DELETE", f"{place}/tool/{tool}")
        await crew.call(crew.owner, tool)
        await crew.call(crew.owner, tool)
        assert "ask the operator" in (await explained(crew.owner, tool))["reasons"][-1]["remedy"]

    async def test_a_tool_that_policy_refuses_is_explained_by_that_rule(self, crew, place):
        tool = await crew.tool("a.tool")
        await crew.owner("PUT", f"{place}/tool/{tool}", {"per_day": 1})
        await crew.call(crew.owner, tool)
        await crew.owner("PUT", f"{API}/tools/{tool}/enablement", {"enabled": False})
        told = await explained(crew.owner, tool)
        assert (told["code"], told["rule"]) == ("TOOL_DISABLED", "enabled")


class TestShares:
    async def test_a_workspace_alone_has_half_of_the_places_and_others_still_find_some(self, crew, rig):
        rig.gateway.admission.places.__init__(8)
        tool = await crew.tool("a.tool")
        for_all = await rig.register("for.all", scope="global", kind="http")
        hanging = rig.provider.hangs()
        flood = [asyncio.create_task(crew.call(crew.owner, tool)) for _ in range(12)]
        while sum(task.done() for task in flood) < 8:
            await asyncio.sleep(0.01)
        turned = [task.result() for task in flood if task.done()]
        assert {refused(reply) for reply in turned} == {(429, "RATE_LIMITED", None)}
        assert {reply.json["error"]["details"]["kind"] for reply in turned} == {"server"}
        change = await crew.owner("PUT", f"{API}/tools/{tool}/enablement", {"enabled": True})
        assert refused(change) == (429, "RATE_LIMITED", None)
        other = asyncio.create_task(rig.call(for_all))
        hanging.go.set()
        assert (await other).error is None
        assert {(await task).status for task in flood} == {200, 429}
        assert (await crew.call(crew.owner, tool)).status == 200

    async def test_streams_have_shares_too(self, sqlite_crew, sqlite_rig):
        sqlite_rig.gateway.history._streams = Places(0)
        made = await sqlite_crew.call(sqlite_crew.owner, await sqlite_crew.tool("a.tool"))
        own = f"{API}/tools/executions/{made.json['execution_id']}/events"
        for path in (f"{API}/events", own):
            reply = await sqlite_crew.owner("GET", path, headers={"accept": "text/event-stream"})
            assert refused(reply) == (429, "RATE_LIMITED", None)
            assert reply.headers["retry-after"] == "1"
