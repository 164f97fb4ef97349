"""What neither way touches: each refusal says why, and the database stays as it was."""

import re

import pytest

from tests.integration.migrations.databases import bring_up, execute, migrate, schema, tables, version
from toolcrib.migrations import fresh, upgrade

OLDER = f"this program needs {fresh.HEAD}: back it up, then run `toolcrib migrate`"
NEWER = f"which is newer than {fresh.HEAD}, the newest this program knows: start the newer Toolcrib again"


@pytest.mark.parametrize(("found", "said"), [("0000", OLDER), ("9999", NEWER), ("stray", OLDER)])
def test_bringing_up_another_version_is_refused_with_what_to_do(database_url, found, said):
    bring_up(database_url)
    execute(database_url, f"UPDATE alembic_version SET version_num = '{found}'")
    before = schema(database_url)
    with pytest.raises(fresh.OtherSchema, match=re.escape(f"the database has schema {found}, {said}")):
        bring_up(database_url)
    assert (schema(database_url), version(database_url)) == (before, [found])


def test_a_database_without_its_version_is_not_taken_for_an_empty_one(database_url):
    bring_up(database_url)
    execute(database_url, "DELETE FROM alembic_version")
    with pytest.raises(fresh.OtherSchema, match="the database has schema none"):
        bring_up(database_url)
    assert version(database_url) == []


def test_migrating_a_newer_database_is_refused(database_url):
    bring_up(database_url)
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(upgrade.NotMigrated, match=r"'9999'.* If a newer Toolcrib made this database"):
        migrate(database_url)
    assert version(database_url) == ["9999"]


def test_a_migration_that_meets_a_strangers_table_leaves_it_alone(database_url):
    execute(database_url, "CREATE TABLE keys (theirs TEXT)")
    with pytest.raises(upgrade.NotMigrated, match=r"refused or does not answer: .*; nothing was changed"):
        migrate(database_url)
    assert tables(database_url) == ["keys"]


def test_migrating_a_server_that_is_away_is_refused():
    with pytest.raises(upgrade.NotMigrated, match="ConnectionRefusedError; nothing was changed"):
        migrate("postgresql://nobody@127.0.0.1:1/none")
