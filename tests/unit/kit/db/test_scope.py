"""Whose rows a table holds, and statements that say for which workspace."""

import pytest
from sqlalchemy import Column, MetaData, Table, Text, bindparam, select

from toolcrib.kit.db import Query, held_by
from toolcrib.kit.db.row_security import raised
from toolcrib.kit.db.scope import Unscoped, check_scoped, holder

tables = MetaData()
things = Table("things", tables, Column("workspace_id", Text), Column("name", Text))
others = Table("others", tables, Column("workspace_id", Text), Column("thing", Text))
places = Table("places", tables, Column("id", Text), info=held_by("id"))
clocks = Table("clocks", tables, Column("now", Text), info=held_by(None))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM things WHERE workspace_id = ?",
        "SELECT name FROM things WHERE things.workspace_id IN (SELECT value FROM json_each(?))",
        "SELECT name FROM things WHERE (workspace_id, name) IN (SELECT a, b FROM json_each(?))",
        "SELECT name FROM things JOIN others ON others.workspace_id = things.workspace_id WHERE things.workspace_id = ?",
        "SELECT name FROM things JOIN others USING (workspace_id) WHERE things.workspace_id = ?",
        "INSERT INTO things (workspace_id, name) VALUES (?, ?) ON CONFLICT (workspace_id) DO UPDATE SET name = ?",
        "INSERT INTO things (name, workspace_id) SELECT * FROM unnest(?)",
        "UPDATE things SET name = ? WHERE workspace_id = ? RETURNING name",
        "DELETE FROM things WHERE workspace_id = ? AND name IN (SELECT thing FROM others WHERE workspace_id = ?)",
        "SELECT id FROM places WHERE id = ?",
        "SELECT now FROM clocks",
        "SELECT a FROM strangers",
        "CREATE TABLE things (workspace_id TEXT)",
    ],
)
def test_a_statement_that_names_the_workspace_of_each_table_passes(sql):
    check_scoped(sql, tables)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT workspace_id, name FROM things",
        "select name from things where name = ?",
        "SELECT name FROM things ORDER BY workspace_id",
        "SELECT name FROM things JOIN others ON others.thing = things.name WHERE things.workspace_id = ?",
        "INSERT INTO things (name) VALUES (?)",
        "UPDATE things SET name = ? RETURNING workspace_id",
        "DELETE FROM things",
        "DELETE FROM things WHERE workspace_id = ? AND name IN (SELECT thing FROM others)",
        "SELECT id FROM places",
        "SELECT now FROM clocks JOIN things ON things.name = clocks.now",
    ],
)
def test_a_statement_that_does_not_is_refused(sql):
    with pytest.raises(Unscoped, match="no condition on"):
        check_scoped(sql, tables)


def test_a_query_is_looked_at_when_it_is_first_used():
    from toolcrib.ledger.tables import executions

    one = select(executions.c.id).where(executions.c.owner == bindparam("owner"))
    with pytest.raises(Unscoped):
        Query(one).bind("sqlite", {"owner": "prc_1"})
    assert Query(one, across="the test says so").bind("sqlite", {"owner": "prc_1"})[1] == ["prc_1"]


def test_a_table_that_does_not_say_whose_its_rows_are_gets_no_policy():
    strays = MetaData()
    stray = Table("strays", strays, Column("name", Text))
    with pytest.raises(Unscoped, match="the table strays has no column workspace_id: say by held_by"):
        list(raised(strays))
    assert holder(things).column == "workspace_id"
    stray.info.update(held_by(None))
    assert any("strays" in statement for statement in raised(strays))
