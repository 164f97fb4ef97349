"""Workspaces, members, grants, suspensions and whose they are, as a person at a shell sees them."""

import json

import pytest

from tests.integration.cli.typed import typed
from tests.support.server import start_server
from toolcrib.cli.exits import Exit

STAND_IN = {"description": "A stand-in.", "kind": "dummy", "input_schema": {}, "dummy": {"output": {}}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with start_server(tmp_path_factory.mktemp("people") / "data") as started:
        assert started.client.call("POST", "/api/v1/tools", STAND_IN | {"name": "tides.next"}).status == 201
        yield started


@pytest.fixture
def run(server):
    env = {"TOOLCRIB_DATA_DIR": str(server.data_dir), "TOOLCRIB_PORT": str(server.port)}
    return lambda *arguments, **more: typed(*arguments, env=env | more)


def told(done):
    assert done.exit_code == Exit.OK, done.output
    return dict(line.split(None, 1) for line in done.stdout.splitlines())


def answer(done):
    assert done.exit_code == Exit.OK, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def harbour(server):
    made = server.client.call("POST", "/api/v1/workspaces", {"name": "harbour one"}).json
    return {"TOOLCRIB_API_KEY": made["key"], "id": made["id"]}


def test_me_is_told(run, harbour):
    me = told(run("me"))
    assert me["workspace"].startswith("default (")
    assert (me["actor"], me["role"], me["operator"], me["access"]) == (
        "user:owner (user)",
        "owner",
        "yes",
        "read and write",
    )
    key = answer(run("keys", "create", "clerk", "--tool", "tides.next", "--json"))["key"]
    assert told(run("me", TOOLCRIB_API_KEY=key))["tools"] == "tides.next"


def test_a_workspace_is_made_changed_suspended_and_listed(run, harbour):
    made = told(run("workspaces", "create", "shop"))
    assert told(run("workspaces", "show", "shop"))["id"] == made["id"]
    own = {"TOOLCRIB_API_KEY": made["key"]}
    assert told(run("workspaces", "set", "--read-only", "--share", **own))["access"] == "read-only"
    assert told(run("workspaces", "set", "shop", "--name", "shop2"))["name"] == "shop2"
    assert told(run("workspaces", "suspend", "shop2"))["state"] == "suspended"
    assert run("me", **own).exit_code == Exit.DENIED
    assert told(run("workspaces", "resume", made["id"]))["state"] == "ok"
    listed = run("workspaces", "list").stdout
    assert "shop2" in listed
    assert "shop2" not in run("workspaces", "list", TOOLCRIB_API_KEY=harbour["TOOLCRIB_API_KEY"]).stdout


def test_one_that_is_not_there_is_not_found_on_any_page(run):
    done = run("workspaces", "show", "no such")
    assert done.exit_code == Exit.MISSING
    assert "toolcrib workspaces list" in done.stderr


def test_the_operator_names_a_workspace_that_shares_itself(run, harbour):
    own = {"TOOLCRIB_API_KEY": harbour["TOOLCRIB_API_KEY"]}
    assert run("me", "--workspace", "harbour one").exit_code == Exit.MISSING
    told(run("workspaces", "set", "--share", **own))
    for given in (("me", "--workspace", "harbour one"), ("--workspace", harbour["id"], "me")):
        assert told(run(*given))["actor"] == "operator:user:owner (user)"
    assert told(run("me", TOOLCRIB_WORKSPACE="harbour one"))["role"] == "viewer"


def test_members_are_added_changed_invited_and_removed(run):
    added = told(
        run(
            "members",
            "add",
            "ann",
            "--issuer",
            "https://id.example",
            "--name",
            "Ann",
            "--role",
            "admin",
            "--read-only",
        )
    )
    assert (added["name"], added["role"], added["access"]) == ("Ann", "admin", "read-only")
    assert (
        told(run("members", "set", added["id"], "--role", "viewer", "--read-write"))["access"]
        == "read and write"
    )
    assert added["id"] in run("members", "list").stdout
    again = run("members", "add", "ann", "--issuer", "https://id.example")
    assert (again.exit_code, "toolcrib members set" in again.stderr) == (Exit.CLASH, True)
    invited = run("members", "invite", "Bob", "--role", "viewer")
    assert told(invited)["token"].startswith("tci_")
    assert "not shown again" in invited.stderr
    assert run("members", "remove", added["id"]).stdout == f"removed {added['id']}\n"
    assert "toolcrib members invite" in run("members", "list").stderr


def test_grants_are_given_and_ended(run, harbour):
    given = run(
        "grants",
        "give",
        "pro",
        "--of",
        "harbour one",
        "--actor",
        "agent:bot",
        "--expires-at",
        "2090-01-01T00:00:00Z",
    )
    grant = given.stdout.split()[-1]
    listed = run("grants", "list", TOOLCRIB_API_KEY=harbour["TOOLCRIB_API_KEY"]).stdout
    assert grant in listed
    assert "agent:bot" in listed
    assert run("grants", "end", grant, "--of", harbour["id"]).stdout == f"ended {grant}\n"
    assert "no grants" in run("grants", "list", "--of", "harbour one").stderr


def test_an_actor_is_suspended_and_let_in_again(run):
    key = answer(run("keys", "create", "wild", "--json"))["key"]
    assert run("suspensions", "add", "agent:wild").stdout == "suspended agent:wild\n"
    assert "agent:wild" in run("suspensions", "list").stdout
    assert run("me", TOOLCRIB_API_KEY=key).exit_code == Exit.DENIED
    assert "suspended" in run("tools", "explain", "tides.next", "--principal", "agent:wild").stderr
    assert run("suspensions", "lift", "agent:wild").exit_code == Exit.OK
    assert "nothing is suspended" in run("suspensions", "list").stderr
    assert run("suspensions", "add", "--host", "API.example").stdout == "suspended api.example\n"
    assert run("suspensions", "lift", "--host", "api.example").exit_code == Exit.OK


def test_a_key_is_rotated_with_an_overlap(run):
    made = answer(run("keys", "create", "turns", "--json"))
    turned = told(run("keys", "rotate", made["id"], "--overlap", "3600"))
    for key in (made["key"], turned["key"]):
        assert told(run("me", TOOLCRIB_API_KEY=key))["actor"] == "agent:turns (agent)"


def test_a_key_on_behalf_needs_a_person(run):
    done = run("keys", "create", "mine", "--on-behalf-of-me")
    assert (done.exit_code, "signed in" in done.stderr) == (Exit.DENIED, True)


def test_why_a_tool_is_not_allowed_is_told_rule_by_rule(run):
    run("keys", "create", "looks", "--actor-type", "user", "--role", "viewer")
    mine = run("tools", "explain", "tides.next", "--subject", "company:1")
    assert mine.stderr == "allowed\n"
    done = run("tools", "explain", "tides.next", "--principal", "user:looks")
    assert done.stderr == "not allowed: FORBIDDEN by the rule role\n"
    assert "A viewer may not call tools." in done.stdout


class TestHosts:
    def test_they_are_named_shown_and_taken_back(self, run):
        assert run("workspaces", "hosts").stderr == "all that the operator allows\n"
        named = run("workspaces", "hosts", "--host", "API.example.com", "--host", "*.corp.example:8443")
        assert named.stdout.splitlines() == ["*.corp.example:8443", "api.example.com"]
        assert answer(run("workspaces", "hosts", "--json")) == {
            "hosts": ["*.corp.example:8443", "api.example.com"]
        }
        taken = run("workspaces", "hosts", "--any-host")
        assert (taken.stdout, taken.stderr) == ("", "all that the operator allows\n")
        assert answer(run("workspaces", "hosts", "--json")) == {"hosts": None}

    def test_what_cannot_be_is_a_usage_error(self, run):
        both = run("workspaces", "hosts", "--host", "a.example", "--any-host")
        assert (both.exit_code, "keep one" in both.stderr) == (Exit.USAGE, True)
        bad = run("workspaces", "hosts", "--host", "https://a.example")
        assert (bad.exit_code, "/hosts/0" in bad.stderr) == (Exit.USAGE, True)


def test_limits_are_set_listed_and_removed(run, harbour):
    own = {"TOOLCRIB_API_KEY": harbour["TOOLCRIB_API_KEY"]}
    assert "no limits" in run("limits", "list", **own).output
    made = run(
        "limits", "set", "actor", "agent:clerk", "-a", "per_minute=60", "--allow", "concurrency=2", **own
    )
    assert made.stdout == "actor agent:clerk: 60 a minute, 10 at once, 2 under way\n"
    ceiling = run("limits", "set", "ceiling", "-a", "per_day=9", "--of", "harbour one")
    assert ceiling.stdout == "ceiling *: 9 a day\n"
    listed = run("limits", "list", **own).stdout
    assert "actor" in listed
    assert "9 a day" in listed
    assert run("limits", "remove", "actor", "agent:clerk", **own).stdout == "removed actor agent:clerk\n"
    assert run("limits", "remove", "ceiling", **own).exit_code == Exit.DENIED
    assert run("limits", "remove", "ceiling", "--of", "harbour one").exit_code == Exit.OK


@pytest.mark.parametrize("allowed", ["per_day", "per_day=many", "=5"])
def test_a_limit_that_cannot_be_read_is_told_before_anything_is_asked(run, allowed):
    done = run("limits", "set", "workspace", "-a", allowed)
    assert done.exit_code == Exit.USAGE
    assert "WHAT=N" in done.output
