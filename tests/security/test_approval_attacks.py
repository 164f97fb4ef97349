"""T19, T23, T26 and what else a caller, a colleague or another workspace could try on a call that waits for a person."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.security.approvers import (
    API,
    Shop,
    approve,
    ask,
    deny,
    held,
    open_corp,
    shop_of,
    shown,
    unheard,
)
from tests.security.errors import error_of, is_plain
from tests.security.house import new_name
from tests.support.until import until


@pytest.fixture(scope="module")
def corps(stage, tmp_path_factory, request):
    with contextlib.ExitStack() as stack:
        opened = {}

        def of(database):
            if database not in opened:
                url = (
                    request.getfixturevalue("postgres").fresh_database() if database == "postgresql" else None
                )
                opened[database] = stack.enter_context(
                    open_corp(tmp_path_factory.mktemp(database), stage, url)
                )
            return opened[database]

        yield of


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request, corps) -> Shop:
    return staffed(shop_of(corps(request.param), new_name()))


def staffed(shop: Shop) -> Shop:
    shop.cast["owner"] = shop.owner
    shop.key("agent", actor_type="agent")
    shop.key("admin", role="admin")
    return shop


def void(reply, *changed):
    error = error_of(reply)
    assert (reply.status, error["code"], error["details"].get("reason")) == (409, "CONFLICT", "void"), (
        reply.body
    )
    assert set(error["details"]["changed"]) == set(changed) or not changed, reply.body
    return True


def ended(reply):
    error = error_of(reply)
    return (error["code"], error["details"].get("reason")) == ("CONFLICT", "ended")


def test_an_approval_runs_its_own_call_and_once(shop):
    path = unheard()
    tool, agent = shop.tool(path), shop.cast["agent"]
    first, second = held(agent, tool, {"n": "first"}), held(agent, tool, {"n": "second"})

    done = approve(shop.owner, second)

    assert (done.status, done.json["execution_id"]) == (200, shown(shop.owner, second)["execution_id"])
    assert [b"second" in one.target + one.body for one in shop.house.stage.at(path)] == [True]
    assert all(ended(approve(shop.owner, second)) for _ in range(3))
    assert ended(deny(shop.owner, second))
    assert (shop.ran(path), shown(shop.owner, first)["state"]) == (1, "pending")
    kept = agent.call("GET", f"{API}/tools/executions/{done.json['execution_id']}").json
    assert (kept["status"], kept["approval_id"]) == ("succeeded", second)


@pytest.mark.parametrize("more", [
    {"approval_id": "{one}"}, {"approved": True}, {"approval": {"id": "{one}"}}, {"digest": "x"}, {"state": "granted"}, {"approvalId": "{one}"},
])  # fmt: skip
def test_a_caller_passes_no_approval(shop, more):
    path = unheard()
    tool, agent = shop.tool(path), shop.cast["agent"]
    one = held(agent, tool, {"n": 1})
    named = {
        name: value.replace("{one}", one) if isinstance(value, str) else value for name, value in more.items()
    }

    assert error_of(ask(agent, tool, {"n": 1}, **named))["code"] == "VALIDATION_ERROR"
    for header in ("X-Approval-Id", "X-Approved"):
        assert ask(agent, tool, {"n": 1}, headers={header: one}).status == 202
    assert shop.ran(path) == 0


@pytest.mark.parametrize("query", ["?approved=true", "?state=granted", "?digest=x", "?decided_by=user:owner", "?second=false", "?dry_run=false", "?workspace_id=default"])  # fmt: skip
def test_a_query_agrees_to_nothing(shop, query):
    path = unheard()
    one = held(shop.cast["agent"], shop.tool(path))
    for verb in ("approve", "deny"):
        reply = shop.cast["agent"].call(
            "POST", f"{API}/approvals/{one}/{verb}{query}", {} if verb == "deny" else None
        )
        assert reply.status in (400, 403), reply.body
    assert (shop.ran(path), shown(shop.owner, one)["state"]) == (0, "pending")


@pytest.mark.parametrize("body", [
    b'{"note":1}', b'{"note":["x"]}', b'{"note":{"a":1}}', b'{"note":true}', b"[]", b'"x"', b"1", b'{"note":"a","note":"b"}', b'{"note":"\\ud800"}',
    b'{"note":NaN}', b'{"note":"' + b"x" * 1_001 + b'"}', b'{"note":"' + b"x" * 2_000_000 + b'"}', b"{", b'{"state":"granted"}', b'{"note":"\\u0000"}',
])  # fmt: skip
def test_a_note_that_is_none_is_refused(shop, body):
    one = held(shop.cast["agent"], shop.tool(unheard()))

    reply = shop.owner.call("POST", f"{API}/approvals/{one}/deny", raw=body)

    assert reply.status in (400, 413), (reply.status, reply.body[:300])
    assert is_plain(reply) or reply.status == 413
    assert shown(shop.owner, one)["state"] == "pending"
    assert deny(shop.owner, one, "n" * 1_000).json["note"] == "n" * 1_000


@pytest.mark.parametrize("rule", [
    {"tool": "a\x00b"}, {"tool": 1}, {"tool": ["x"]}, {"tool": ""}, {"tool": "x" * 129}, {"effects": ["all"]}, {"effects": "write"}, {"effects": ["write"] * 4}, {},
    {"tool": "x", "second": "yes"}, {"tool": "x", "second": 1}, {"tool": "x", "when": []}, {"tool": "x", "when": {"$ref": "http://127.0.0.1:9/x"}},
    {"tool": "x", "when": {"pattern": "("}}, {"tool": "x", "when": {"type": "odd"}}, {"tool": "x", "name": "other"}, {"tool": "x", "when": {"enum": ["x" * 70_000]}},
])  # fmt: skip
def test_a_rule_that_is_none_is_refused(shop, rule):
    reply = shop.owner.call("PUT", f"{API}/approval-rules/odd", rule)

    assert error_of(reply)["code"] == "VALIDATION_ERROR", reply.body
    assert shop.owner.call("GET", f"{API}/approval-rules").json["items"] == []


@pytest.mark.parametrize("name", ["a%00b", "..%2f..", "%E2%80%AEx", "a%20b", "x" * 257, "%20"])
def test_a_rules_name_that_is_none_is_refused(shop, name):
    reply = shop.owner.call("PUT", f"{API}/approval-rules/{name}", {"tool": "x"})

    assert reply.status in (400, 404), reply.body
    assert is_plain(reply)


def test_a_rule_by_another_name_of_a_tool_holds_its_calls_or_is_refused(shop):
    plain = shop.house.tool(
        unheard(), client=shop.owner, effects="write", aliases=[new_name()], api={"method": "POST"}
    )
    meant = shop.owner.call("GET", f"{API}/tools/{plain}").json
    for named in (meant["id"], meant["config"]["aliases"][0]):
        made = shop.owner.call("PUT", f"{API}/approval-rules/named", {"tool": named})
        assert made.status == 400 or ask(shop.cast["agent"], plain).status == 202, (named, made.body)


# What may happen to a call between the asking and the yes; each is told the shop, the tool, and the agent.
def _edit(shop, tool, path):
    config = shop.house.config(path, name=tool, effects="destructive", version="1.0.1", api={"method": "PUT"})
    assert shop.owner.call("PUT", f"{API}/tools/{tool}", config).status == 200


def _delete(shop, tool, path):
    assert shop.owner.call("DELETE", f"{API}/tools/{tool}").status == 204


def _replace(shop, tool, path):
    """Another of the same name takes its place."""
    _delete(shop, tool, path)
    shop.tool(path, name=tool, description="another")


def _disable(shop, tool, path):
    assert shop.owner.call("PUT", f"{API}/tools/{tool}/enablement", {"enabled": False}).status == 200


def _revoke(shop, tool, path):
    assert shop.owner.call("DELETE", f"{API}/keys/{shop.ids['agent']}").status == 204


def _rotate(shop, tool, path):
    assert (
        shop.owner.call("POST", f"{API}/keys/{shop.ids['agent']}/rotate", {"overlap_seconds": 0}).status
        == 201
    )


def _suspend(shop, tool, path):
    assert (
        shop.owner.call("POST", f"{API}/suspensions", {"kind": "actor", "name": "agent:agent"}).status == 201
    )


def _new_rule(shop, tool, path):
    shop.rule("more", tool=tool, second=True)


def _read_only(shop, tool, path):
    assert shop.owner.call("PUT", f"{API}/workspaces/{shop.id}", {"read_only": True}).status == 200


def _grant(shop, tool, path):
    made = shop.house.client.call(
        "POST", f"{API}/workspaces/{shop.id}/grants", {"name": "pro", "actor_id": "agent:agent"}
    )
    assert made.status == 201, made.body


@pytest.mark.parametrize(
    "meanwhile",
    [_edit, _delete, _replace, _disable, _revoke, _rotate, _suspend, _new_rule, _read_only, _grant],
)
def test_what_changes_meanwhile_voids_it(shop, meanwhile):
    path = unheard()
    tool = shop.tool(path)
    one, control = held(shop.cast["agent"], tool), held(shop.cast["agent"], tool)
    assert approve(shop.owner, control).status == 200
    meanwhile(shop, tool, path)

    reply = approve(shop.owner, one)

    assert void(reply)
    assert shop.ran(path) == 1
    assert shown(shop.owner, one)["state"] == "void"
    assert ended(approve(shop.owner, one))


def test_a_suspended_workspace_lets_nothing_run(shop):
    path = unheard()
    one = held(shop.cast["agent"], shop.tool(path))
    place = f"{API}/workspaces/{shop.id}"
    assert shop.house.client.call("POST", f"{place}/suspend").status in (200, 204)
    assert approve(shop.owner, one).status in (401, 403)
    assert shop.ran(path) == 0
    assert shop.house.client.call("POST", f"{place}/resume").status in (200, 204)
    assert approve(shop.owner, one).status == 200


@pytest.mark.parametrize("change", [{"role": "member"}, {"role": "viewer"}, {"read_only": True}, None])
def test_whoever_is_no_admin_any_more_agrees_to_nothing(shop, change):
    path, place = unheard(), f"{API}/workspaces/{shop.id}/members"
    bob, one = shop.person("bob", "admin"), held(shop.cast["agent"], shop.tool(path))
    assert bob.call("GET", f"{API}/approvals/{one}").json["request"] is not None
    member = f"{place}/{shop.ids['bob']}"
    done = shop.owner.call("DELETE", member) if change is None else shop.owner.call("PUT", member, change)
    assert done.status in (200, 204), done.body

    assert approve(bob, one).status in (401, 403)
    assert deny(bob, one).status in (401, 403)
    assert (shop.ran(path), shown(shop.owner, one)["state"]) == (0, "pending")


def test_a_key_of_a_key_of_whoever_asked_is_no_second_person(shop):
    path, admin = unheard(), shop.cast["admin"]
    tool, bob = shop.tool(path), shop.person("bob", "admin")
    shop.rule("two", tool=tool, second=True)
    puppet = shop.key("puppet", by=admin, role="admin")
    deeper = shop.key("deeper", by=puppet, role="admin")
    one = held(admin, tool)

    for who in (admin, puppet, deeper):
        assert error_of(approve(who, one))["code"] == "FORBIDDEN"
    assert shop.ran(path) == 0
    assert approve(bob, one).status == 200


def test_one_of_many_at_once_lets_it_run(shop):
    path = unheard()
    tool = shop.tool(path)
    with ThreadPoolExecutor(12) as pool:
        for n in range(1, 6):
            one = held(shop.cast["agent"], tool)
            doing = [pool.submit(approve, (shop.owner, shop.cast["admin"])[k % 2], one) for k in range(10)]
            replies = [one.result() for one in doing]
            assert sorted(reply.status for reply in replies) == [200, *[409] * 9]
            assert shop.ran(path) == n


def test_of_a_yes_a_no_and_a_cancel_one_counts(shop):
    path, outcomes = unheard(), set()
    tool = shop.tool(path)
    with ThreadPoolExecutor(3) as pool:
        for _ in range(12):
            reply = ask(shop.cast["agent"], tool).json
            one, before = reply["approval_id"], shop.ran(path)
            cancel = f"{API}/tools/executions/{reply['execution_id']}/cancel"
            doing = [
                pool.submit(approve, shop.owner, one),
                pool.submit(deny, shop.cast["admin"], one),
                pool.submit(shop.owner.call, "POST", cancel),
            ]
            yes, no, taken = (one.result() for one in doing)
            state = shown(shop.owner, one)["state"]
            outcomes.add(state)
            ran = (
                yes.status == 200 or yes.json.get("status") == "cancelled"
            )  # it may be cancelled while it runs
            assert (ran, no.status == 200) == (state == "granted", state == "denied"), (yes.body, no.body)
            assert taken.status in (200, 409)
            assert shop.ran(path) - before <= (state == "granted")
    assert outcomes <= {"granted", "denied", "withdrawn"}


def test_so_many_calls_of_one_wait_and_no_more(shop):
    tool, agent = shop.tool(unheard()), shop.cast["agent"]
    first = held(agent, tool)
    for _ in range(99):
        held(agent, tool)

    refused = ask(agent, tool)

    assert (refused.status, error_of(refused)["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["retry-after"]) > 0
    assert ask(shop.cast["admin"], tool).status == 202
    assert ask(agent, tool, dry_run=True).status == 200
    assert deny(shop.owner, first).status == 200
    assert ask(agent, tool).status == 202


def test_a_repeated_key_tells_of_the_same_call_whatever_became_of_it(shop):
    path = unheard()
    tool, agent = shop.tool(path), shop.cast["agent"]
    for decide, status in ((approve, 200), (deny, 403)):
        key = {"Idempotency-Key": new_name()}
        first = ask(agent, tool, {"n": 1}, headers=key)
        waiting = ask(agent, tool, {"n": 1}, headers=key)
        assert (waiting.status, waiting.json["approval_id"]) == (202, first.json["approval_id"])
        assert waiting.headers["idempotency-replayed"] == "true"
        assert error_of(ask(agent, tool, {"n": 2}, headers=key))["details"]["reason"] == "arguments_differ"
        assert decide(shop.owner, first.json["approval_id"]).status == 200
        later = ask(agent, tool, {"n": 1}, headers=key)
        assert (later.status, later.json["execution_id"]) == (status, first.json["execution_id"]), later.body
    assert shop.ran(path) == 1


def test_a_call_that_is_not_waited_for_waits_as_well(shop):
    path = unheard()
    tool = shop.tool(path)
    reply = ask(shop.cast["agent"], tool, headers={"Prefer": "respond-async"})
    assert (reply.status, reply.json["status"], shop.ran(path)) == (202, "awaiting_approval", 0)
    done = approve(shop.owner, reply.json["approval_id"], headers={"Prefer": "respond-async"})
    assert done.status in (200, 202), done.body
    until(lambda: shop.ran(path) == 1, "it has run")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hasty(request, stage, tmp_path_factory):
    """Approvals hold there for a second."""
    url = request.getfixturevalue("postgres").fresh_database() if request.param == "postgresql" else None
    with open_corp(tmp_path_factory.mktemp("hasty"), stage, url, TOOLCRIB_APPROVAL_SECONDS="1") as house:
        yield staffed(shop_of(house, "hasty"))


def test_after_its_time_nobody_agrees(hasty):
    path = unheard()
    tool, agent = hasty.tool(path), hasty.cast["agent"]
    assert approve(hasty.owner, held(agent, tool)).status == 200
    key = {"Idempotency-Key": new_name()}
    one = held(agent, tool, {"n": 1}, headers=key)
    time.sleep(1.2)

    assert ended(approve(hasty.owner, one))
    assert hasty.ran(path) == 1
    until(lambda: shown(hasty.owner, one)["state"] == "expired", "the house ends it")
    assert ended(approve(hasty.owner, one))
    assert ended(deny(hasty.owner, one))
    again = ask(agent, tool, {"n": 1}, headers=key)
    assert error_of(again)["details"]["reason"] == "expired"
    assert hasty.ran(path) == 1


DISGUISED = {
    "bidi override": "pay \u202e0001\u202c now", "bidi isolate": "a\u2066b\u2069", "tags": "ok\U000e0041\U000e0042", "zero width": "pay\u200bpal", "mark": "\ufeffx",
    "soft hyphen": "pay\u00adpal", "ansi": "ok\x1b[2K\x1b[1Ano", "backspace": "no\x08\x08ok", "homoglyph": "p\u0430ypal.com", "greek": "g\u03bfogle",
    "filler": "a\u3164b", "half filler": "a\uffa0b", "selectors": "a\U000e0101\U000e0120", "joiner": "a\u034fb", "line": "a\u2028b", "private": "a\ue000b",
}  # fmt: skip


def test_what_looks_like_something_else_is_flagged(shop):
    given = {"texts": DISGUISED, "plain": "Zürich, 12 €", "other": "Привет, мир", "lines": "a\nb\tc"}
    one = held(shop.cast["agent"], shop.tool(unheard()), given)

    request = shown(shop.owner, one)["request"]

    assert request["input"] == given
    flagged = {
        pointer.removeprefix("/input/") for pointer in request["disguised"] if pointer.startswith("/input/")
    }
    assert flagged == {f"texts/{name}" for name in DISGUISED}


def test_decoys_hide_nothing(shop):
    """A hundred odd texts before the one that matters."""
    given = {f"decoy-{n:03}": "\u200bx" for n in range(150)} | {"to": "p\u0430ypal"}
    one = held(shop.cast["agent"], shop.tool(unheard()), given)

    disguised = shown(shop.owner, one)["request"]["disguised"]

    assert "/input/to" in disguised or "" in disguised, "it says that there are more"


def test_a_large_argument_is_shown_whole(shop):
    given = {"text": "".join(f"{n:06} " for n in range(28_600)) + "END"}
    path = unheard()
    one = held(shop.cast["agent"], shop.tool(path, api={"max_request": 1_000_000}), given)

    request = shown(shop.owner, one)["request"]

    assert len(given["text"]) > 200_000
    assert request["input"] == given
    assert approve(shop.owner, one).status == 200
    assert b"END" in shop.house.stage.at(path)[0].body


def test_another_workspace_is_told_of_none(shop):
    path = unheard()
    one = held(shop.cast["agent"], shop.tool(path))
    nobodys = one[:-6] + "000000"
    for who in (shop.house.stranger, shop.house.client):
        for method, verb, body in (("GET", "", None), ("POST", "/approve", None), ("POST", "/deny", {})):
            found, unknown = (
                who.call(method, f"{API}/approvals/{each}{verb}", body) for each in (one, nobodys)
            )
            assert (found.status, found.body) == (404, unknown.body)
    assert (shop.ran(path), shown(shop.owner, one)["state"]) == (0, "pending")
