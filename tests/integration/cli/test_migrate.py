"""`toolcrib migrate`: what it reaches, and what it leaves alone."""

import asyncio
import os

import pytest

from tests.integration.cli.typed import place, served, typed
from tests.integration.migrations.databases import bring_up, execute, schema, version
from toolcrib.app.settings import Settings
from toolcrib.app.wiring import open_engine
from toolcrib.migrations import fresh


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), f"the database has schema {fresh.HEAD}, the newest\n"),
        (("--json",), f'{{"schema":"{fresh.HEAD}"}}\n'),
    ],
    ids=["words", "json"],
)
def test_an_empty_database_reaches_the_newest_schema(database_url, tmp_path, arguments, said):
    done = typed("migrate", *arguments, env=place(tmp_path, TOOLCRIB_DATABASE_URL=database_url))
    assert (done.exit_code, done.stdout, done.stderr) == (0, said, "")
    assert version(database_url) == [fresh.HEAD]


def test_a_server_takes_what_migrate_made_in_the_data_directory(tmp_path):
    env = place(tmp_path)
    assert typed("migrate", env=env).exit_code == 0
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert "First start." in served(env=env).stdout


def test_an_unsafe_setting_is_refused_and_nothing_is_made(tmp_path):
    refused = typed("migrate", env=place(tmp_path, TOOLCRIB_ENV="sandbox"))
    assert refused.exit_code == 2
    assert "UNSAFE_SETTING TOOLCRIB_ENV must be development or production" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_database_in_use_is_refused_with_what_to_do(tmp_path):
    env = place(tmp_path)
    (tmp_path / "data").mkdir()
    engine = open_engine(Settings.read(env))
    try:
        refused = typed("migrate", env=env)
    finally:
        asyncio.run(engine.close())
    assert refused.exit_code == 5
    assert f"is in use by process {os.getpid()}" in refused.stderr
    assert "next: stop the server, then run toolcrib migrate again" in refused.stderr


def test_a_newer_database_is_left_alone(database_url, tmp_path):
    bring_up(database_url)
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    before = schema(database_url)
    refused = typed("migrate", env=place(tmp_path, TOOLCRIB_DATABASE_URL=database_url))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "NOT_MIGRATED" in refused.stderr
    assert "If a newer Toolcrib made this database, install that one." in refused.stderr
    assert (schema(database_url), version(database_url)) == (before, ["9999"])
