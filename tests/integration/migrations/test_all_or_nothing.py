"""However a bring-up ends, the database is empty or whole; and two at once are as one."""

import base64
import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.integration.migrations.databases import bring_up, migrate, schema, tables, version
from tests.support.server import prepare_server
from toolcrib.migrations import fresh

ROOT_KEY = base64.b64encode(secrets.token_bytes(32)).decode()
# Each program does its work up to the given number of statements, says so, and then waits to be killed.
STOPPING = """
import sys, time
at = int(sys.argv[2])
def reached(count=[0]):
    count[0] += 1
    if count[0] == at:
        print("half", flush=True)
        time.sleep(60)
"""
SERVE = (
    STOPPING
    + """
import asyncio
from tests.integration.migrations.databases import bring_up_here
from toolcrib.kit.db.sqlite import SqliteTx
from toolcrib.kit.db.postgres import PostgresTx
for kind in (SqliteTx, PostgresTx):
    def slowed(self, query, _run=kind.run, **values):
        reached()
        return _run(self, query, **values)
    kind.run = slowed
asyncio.run(bring_up_here(sys.argv[1]))
print("done", flush=True)
"""
)
MIGRATE = (
    STOPPING
    + """
from sqlalchemy import event
from sqlalchemy.engine import Engine
from toolcrib.migrations import upgrade
event.listen(Engine, "before_cursor_execute", lambda *_: reached())
upgrade.to_head(sys.argv[1])
print("done", flush=True)
"""
)


@pytest.mark.parametrize("program", [SERVE, MIGRATE], ids=["serve", "migrate"])
@pytest.mark.parametrize("statement", [1, 9, 20])
def test_a_bring_up_killed_in_the_middle_leaves_nothing(database_url, program, statement):
    with running(program, database_url, statement) as process:
        assert process.stdout.readline() == "half\n"
    assert tables(database_url) == []
    bring_up(database_url)
    assert version(database_url) == [fresh.HEAD]


@pytest.mark.parametrize("program", [SERVE, MIGRATE], ids=["serve", "migrate"])
def test_a_bring_up_killed_after_its_commit_leaves_everything(database_url, program):
    with running(program, database_url, 10_000) as process:
        assert process.stdout.readline() == "done\n"
    before = schema(database_url)
    bring_up(database_url)
    migrate(database_url)
    assert schema(database_url) == before


def test_many_that_bring_up_one_empty_postgresql_at_once_all_succeed(fresh_database):
    url = fresh_database()
    with contextlib.ExitStack() as all_at_once:
        started = [
            all_at_once.enter_context(running(program, url, 10_000)) for program in (SERVE, MIGRATE) * 3
        ]
        said = [process.stdout.readline() for process in started]
        exits = [process.wait(60) for process in started]
    assert (set(said), set(exits)) == ({"done\n"}, {0})
    assert version(url) == [fresh.HEAD]


def test_two_servers_that_start_on_one_empty_postgresql_both_serve(fresh_database, tmp_path):
    url = fresh_database()
    servers = [
        prepare_server(tmp_path / name, {"TOOLCRIB_ROOT_KEY": ROOT_KEY}, database_url=url)
        for name in ("a", "b")
    ]
    for server in servers:
        server.spawn()
    try:
        answers = [until_healthy(server) for server in servers]
    finally:
        exits = [server.stop() for server in servers]
    assert (answers, exits) == ([200, 200], [0, 0])
    assert [(server.data_dir / "owner.key").exists() for server in servers].count(True) == 1


def until_healthy(server) -> int:
    import time

    from tests.support.client import Client

    end = time.monotonic() + 30
    while time.monotonic() < end and server.exit_code is None:
        with contextlib.suppress(OSError):
            return Client(server.url).call("GET", "/health/ready").status
        time.sleep(0.05)
    raise AssertionError(f"exit {server.exit_code}: {server.stderr}")


@contextlib.contextmanager
def running(program: str, url: str, statement: int) -> Iterator["subprocess.Popen[str]"]:
    """The program as a process of its own, killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, url, str(statement)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path) or "."},
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
