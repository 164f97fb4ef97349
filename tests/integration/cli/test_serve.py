"""`toolcrib serve` from its first word to its last, and every start that is refused."""

import base64
import contextlib
import importlib.metadata
import os
import secrets
import socket
from pathlib import Path

import pytest

from tests.integration.cli.typed import client, place, served, typed
from tests.integration.migrations.databases import bring_up, execute
from toolcrib.app.settings import Settings
from toolcrib.app.wiring import open_engine
from toolcrib.migrations import fresh


def test_a_server_says_where_it_listens_serves_and_ends_when_told(tmp_path):
    env, statuses = place(tmp_path), []
    done = served(env=env, meanwhile=lambda: statuses.append(client(env).call("GET", "/api/v1/keys").status))
    version, data = importlib.metadata.version("toolcrib"), tmp_path / "data"
    assert (done.exit_code, statuses) == (0, [200])
    assert done.stdout.splitlines() == [
        f"Toolcrib {version} listens on http://127.0.0.1:{env['TOOLCRIB_PORT']}; data in {data}",
        f"First start. The owner's API key is in {data / 'owner.key'}",
        "stopped",
    ]


def test_a_later_start_speaks_of_no_key(tmp_path):
    env = place(tmp_path)
    served(env=env)
    again = served(env=env)
    assert (again.exit_code, again.stdout.splitlines()[1:]) == (0, ["stopped"])


def test_a_demo_that_may_not_reach_its_upstream_says_so_and_the_server_serves(tmp_path):
    env, listed = place(tmp_path), []
    done = served(
        "--demo", env=env, meanwhile=lambda: listed.append(client(env).call("GET", "/api/v1/tools").json)
    )
    assert done.exit_code == 0
    assert "Demo: TOOLCRIB_EGRESS_ALLOW does not allow 127.0.0.1:8010" in done.stdout
    assert listed == [{"tools": [], "next": None}]


@pytest.mark.parametrize(
    ("change", "exit_code", "said"),
    [
        ({"TOOLCRIB_HOST": "0.0.0.0"}, 2, "UNSAFE_SETTING TOOLCRIB_HOST is not a loopback address"),
        ({"TOOLCRIB_EGRESS_ALLOW": "0.0.0.0/0"}, 2, "UNSAFE_SETTING TOOLCRIB_EGRESS_ALLOW"),
        ({"TOOLCRIB_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, 7, "next: toolcrib doctor looks closer"),
    ],
    ids=["host", "egress", "database away"],
)
def test_a_setting_that_cannot_be_is_refused_in_words(tmp_path, change, exit_code, said):
    refused = typed("serve", env=place(tmp_path, **change))
    assert (refused.exit_code, refused.stdout) == (exit_code, "")
    assert said in refused.stderr


def test_a_taken_port_is_named_and_nothing_is_opened(tmp_path):
    env = place(tmp_path)
    with socket.create_server(("127.0.0.1", int(env["TOOLCRIB_PORT"]))):
        refused = typed("serve", env=env)
    assert refused.exit_code == 5
    assert f"cannot listen on 127.0.0.1, port {env['TOOLCRIB_PORT']}" in refused.stderr
    assert "next: stop what listens there, or set TOOLCRIB_PORT to another port" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_an_address_of_another_machine_is_refused_without_a_next_step(tmp_path):
    env = place(tmp_path, TOOLCRIB_HOST="192.0.2.1", TOOLCRIB_ENV="production")
    refused = typed("serve", env=env)
    assert (refused.exit_code, "next:" in refused.stderr) == (5, False)
    assert "cannot listen on 192.0.2.1" in refused.stderr


def test_a_database_that_is_in_use_is_refused_with_the_other_process(tmp_path):
    env = place(tmp_path)
    with held(env):
        refused = typed("serve", env=env)
    assert refused.exit_code == 5
    assert (
        f"CONFLICT {tmp_path / 'data' / 'toolcrib.db'} is in use by process {os.getpid()}" in refused.stderr
    )


def test_a_root_key_that_is_not_the_databases_is_refused(tmp_path):
    env = place(tmp_path)
    served(env=env)
    (tmp_path / "data" / "root.key").write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    refused = typed("serve", env=env)
    assert (refused.exit_code, refused.stdout) == (7, "")
    assert "UNAVAILABLE" in refused.stderr
    assert "root key" in refused.stderr
    assert "next: set TOOLCRIB_ROOT_KEY, or TOOLCRIB_ROOT_KEY_FILE, to the key" in refused.stderr


def test_a_pack_that_breaks_is_to_be_mended_not_its_setting(tmp_path, monkeypatch):
    (tmp_path / "broken_pack.py").write_text("raise RuntimeError('no')")
    monkeypatch.syspath_prepend(str(tmp_path))
    refused = typed("serve", env=place(tmp_path, TOOLCRIB_PACKS="broken_pack:pack"))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "next: mend the pack, or take it out of TOOLCRIB_PACKS\n" in refused.stderr


def test_a_newer_database_is_refused_and_stays_as_it_is(database_url, tmp_path):
    bring_up(database_url)
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    refused = typed("serve", env=place(tmp_path, TOOLCRIB_DATABASE_URL=database_url))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"OTHER_SCHEMA the database has schema 9999, which is newer than {fresh.HEAD}" in refused.stderr


@contextlib.contextmanager
def held(env):
    """The database of this environment's settings, open."""
    import asyncio

    settings = Settings.read(env)
    Path(settings.data_dir).mkdir()
    engine = open_engine(settings)
    try:
        yield
    finally:
        asyncio.run(engine.close())


def test_a_setting_that_nobody_reads_is_told(tmp_path):
    done = served(env=place(tmp_path, TOOLCRIB_PROT="80", TOOLCRIB_XYZZY="1"))
    assert done.exit_code == 0
    assert "TOOLCRIB_PROT is no setting of this server; did you mean TOOLCRIB_PORT?" in done.stderr
    assert "TOOLCRIB_XYZZY is no setting of this server\n" in done.stderr


def test_production_does_not_start_with_a_misspelled_setting_and_knows_a_service_of_its_name(tmp_path):
    beside = {
        "TOOLCRIB_SERVICE_HOST": "10.0.0.1",
        "TOOLCRIB_SERVICE_PORT": "8000",
        "TOOLCRIB_SERVICE_PORT_HTTP": "8000",
        "TOOLCRIB_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "TOOLCRIB_PORT_8000_TCP_ADDR": "10.0.0.1",
        "TOOLCRIB_PORT_8000_TCP_PORT": "8000",
        "TOOLCRIB_PORT_8000_TCP_PROTO": "tcp",
        "TOOLCRIB_WORKSPACE": "default",
    }
    done = served(env=place(tmp_path, TOOLCRIB_ENV="production", **beside))
    assert done.exit_code == 0
    assert done.stderr.count("is no setting of this server\n") == 7
    refused = typed("serve", env=place(tmp_path, TOOLCRIB_ENV="production", TOOLCRIB_PROT="80"))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "UNSAFE_SETTING TOOLCRIB_PROT is no setting of this server; did you mean TOOLCRIB_PORT?" in (
        refused.stderr
    )
