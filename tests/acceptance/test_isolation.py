"""`toolcrib doctor --isolation`, as an operator types it: before a good server, and before one that leaks."""

import itertools
from collections.abc import Iterator

import pytest

from tests.acceptance.shell import Shell
from tests.support.proxy import proxy_before
from tests.support.server import Server, start_server

LOST, SECONDS = 150, 100


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(
        tmp_path_factory.mktemp("isolation") / "data", {"TOOLCRIB_ENV": "production"}
    ) as started:
        yield started


@pytest.fixture(scope="module")
def shell(server: Server) -> Shell:
    return Shell.beside(server)


def isolation(done) -> dict:
    return {check["check"]: check for check in done.json["checks"]}["isolation"]


def test_workspaces_that_are_apart_are_found_apart_and_the_operators_own_is_left_alone(shell, server):
    before, others = shown(server), made(server)

    done = shell.run("doctor", "--isolation", "--json", seconds=SECONDS)

    assert (done.exit, isolation(done)["ok"]) == (0, True), done.err
    assert "no workspace can tell of the other" in isolation(done)["found"]
    assert "paths: " in done.err
    assert [one["suspended"] for one in made(server) if one not in others] == [True, True]
    assert shown(server) == before


def test_a_leak_is_told_and_ends_in_an_error(shell, server):
    numbers = itertools.count()

    def careless(path: str, body: bytes) -> bytes:
        return body if "/result" not in path else b'{"error":%d}' % next(numbers)

    with proxy_before(server.url, careless) as url:
        done = shell.having(TOOLCRIB_URL=url).run("doctor", "--isolation", "--json", seconds=SECONDS)

    assert done.exit == 1
    assert isolation(done)["ok"] is False
    assert "leaks: see above" in isolation(done)["found"]
    assert "leak: paths: GET /api/v1/tools/executions/{execution_id}/result as " in done.err


def test_who_is_not_the_operator_is_told_so(shell, server):
    key = server.client.call("POST", "/api/v1/keys", {"name": "member", "actor_type": "user"}).json["key"]

    done = shell.having(TOOLCRIB_API_KEY=key).run("doctor", "--isolation", "--json")

    assert done.exit == 3
    assert isolation(done)["found"] == "only the operator makes workspaces"
    assert isolation(done)["next_step"] == "use a key of an owner of the workspace `default`"


def test_a_server_that_is_lost_meanwhile_is_told(shell, server):
    asked = itertools.count()

    def failing(_: str, body: bytes) -> bytes | None:
        return body if next(asked) < LOST else None

    with proxy_before(server.url, failing) as url:
        done = shell.having(TOOLCRIB_URL=url).run("doctor", "--isolation", "--json")

    assert done.exit == 7
    assert isolation(done)["found"].startswith(f"no answer from {url}")


def test_without_a_well_server_it_is_not_begun(shell):
    done = shell.having(TOOLCRIB_PORT="1").run("doctor", "--isolation", "--json")

    assert done.exit == 7
    assert "isolation" not in {check["check"] for check in done.json["checks"]}


def made(server: Server) -> list[dict]:
    found = server.client.call("GET", "/api/v1/workspaces?limit=200").json["items"]
    return [one for one in found if one["name"].startswith("isolation-")]


def shown(server: Server) -> list[dict]:
    """What stands in the operator's own workspace."""
    lists = ("tools", "secrets", "tools/executions")
    return [server.client.call("GET", f"/api/v1/{one}").json for one in lists]
