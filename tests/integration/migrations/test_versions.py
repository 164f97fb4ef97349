"""A database of another version is refused by `serve`, by name and with the next step; `migrate` says what it can do."""

import pytest

from tests.acceptance.shell import Shell
from tests.integration.migrations.databases import bring_up, execute, migrate, schema, tables, version
from tests.support.server import prepare_server
from toolcrib.migrations import fresh


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            "0000",
            "the database has schema 0000, this program needs 0001: back it up, then run `toolcrib migrate`",
        ),
        ("9999", "the database has schema 9999, which is newer than 0001"),
        ("somebody's", "the database has schema somebody's, this program needs 0001"),
    ],
)
def test_serve_refuses_a_database_of_another_version(database_url, tmp_path, found, said):
    bring_up(database_url)
    quoted = found.replace("'", "''")
    execute(database_url, f"UPDATE alembic_version SET version_num = '{quoted}'")
    server = prepare_server(tmp_path / "data", database_url=database_url)
    server.spawn()
    assert server.wait() == 1
    assert said.replace("0001", fresh.HEAD) in server.stderr
    assert "Traceback" not in server.stderr
    assert version(database_url) == [found]


def test_migrate_leaves_a_newer_database_alone_and_says_so(database_url, tmp_path):
    bring_up(database_url)
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    before = schema(database_url)
    done = Shell(tmp_path, {"TOOLCRIB_DATABASE_URL": database_url}).run("migrate")
    assert (done.exit, "9999" in done.err, "newer Toolcrib" in done.err) == (1, True, True)
    assert schema(database_url) == before


def test_migrate_brings_up_an_empty_database_and_serve_takes_it(database_url, tmp_path):
    done = Shell(tmp_path, {"TOOLCRIB_DATABASE_URL": database_url}).run("migrate")
    assert (done.exit, done.out) == (0, f"the database has schema {fresh.HEAD}, the newest\n")
    server = prepare_server(tmp_path / "data", database_url=database_url)
    try:
        server.start()
    finally:
        assert server.stop() == 0


def test_migrate_refuses_a_sqlite_database_that_a_server_holds(serve, tmp_path):
    server = serve()
    done = Shell(tmp_path, {"TOOLCRIB_DATA_DIR": str(server.data_dir)}).run("migrate")
    assert done.exit == 5
    assert f"is in use by process {server.pid}" in done.err


def test_migrate_says_when_the_database_is_away(tmp_path):
    done = Shell(tmp_path, {"TOOLCRIB_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}).run("migrate")
    assert (done.exit, "nothing was changed" in done.err, "Traceback" in done.err) == (1, True, False)


def test_migrate_says_json_when_asked(database_url, tmp_path):
    migrate(database_url)
    done = Shell(tmp_path, {"TOOLCRIB_DATABASE_URL": database_url}).run("migrate", "--json")
    assert done.json == {"schema": fresh.HEAD}
    assert "alembic_version" in tables(database_url)
