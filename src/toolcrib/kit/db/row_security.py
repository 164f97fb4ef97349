"""The second wall, on PostgreSQL: forced row security on every declared table, and a role that it binds.

A transaction names its workspaces and takes the role as it begins, both until its end, so a transaction-mode pooler may
stand between. Without a name it sees nothing. Role and policies are made by whoever owns the tables.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import MetaData, Table

from .query import Query
from .scope import HOUSE, holder

REFUSED = "TC001"
"""The SQLSTATE of what these statements refuse; their messages say what to run."""
_ROLE = "coalesce(nullif({given}, ''), current_database() || '_app')"
# A form that no index answers and that the planner takes for true of nearly all rows: it finds rows as if the policy were
# not there. With `= ANY` it read a whole workspace to settle one call.
_NAMED = "array_position((SELECT CAST(nullif(current_setting('app.workspaces', true), '') AS text[])), {}) IS NOT NULL"
_VERSION = "alembic_version"
_NAMED_ROLE = "current_setting('app.role', true)"


def enter(workspaces: Sequence[str], role: str) -> str:
    """What follows a BEGIN in the same message: the transaction names its workspaces and takes the role. A process that
    hangs inside a transaction must not hold its locks for ever.
    """
    named = ",".join('"{}"'.format(name.replace("\\", "\\\\").replace('"', '\\"')) for name in workspaces)
    return (
        f"SELECT set_config('app.workspaces', {_literal(f'{{{named}}}')}, true), "
        "set_config('idle_in_transaction_session_timeout', '3000', true), "
        f"set_config('role', {_ROLE.format(given=_literal(role))}, true)"
    )


def as_owner(role: str) -> str:
    """The same for work on the tables themselves, as the user of the connection; `app.role` names the role."""
    return (
        f"SELECT set_config('app.role', {_literal(role)}, true), "
        "set_config('idle_in_transaction_session_timeout', '30000', true)"
    )


def raised(metadata: MetaData) -> Iterator[str]:
    """The statements that make the wall, whatever of it stands already. `app.role` names the role, or is empty."""
    yield _make_role()
    for table in metadata.sorted_tables:
        yield _walled(table.name, *_policies(table))
    yield _walled(_VERSION, f"CREATE POLICY read_by_all ON {_VERSION} USING (true) WITH CHECK (true);")
    yield _grant([table.name for table in metadata.sorted_tables])


LOWERED = """
DO $$
DECLARE ours text;
BEGIN
  FOR ours IN SELECT tablename FROM pg_policies
    WHERE schemaname = current_schema() AND policyname IN ('named_scope', 'read_by_all') LOOP
    EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', ours);
  END LOOP;
END $$"""
"""Lets the owner see all rows for the rest of a migration; `raised` forces what is left of it again."""
NAMES = Query(
    postgresql=f"SELECT quote_ident({_ROLE.format(given=_NAMED_ROLE)}) AS role, quote_ident(session_user) AS login"
)
FAULTS = Query(
    postgresql="""
WITH wanted AS (SELECT name, to_regclass(quote_ident(name)) AS id FROM unnest(CAST(:tables AS text[])) AS w(name)),
found AS (SELECT w.name, c.relowner, c.relrowsecurity AND c.relforcerowsecurity AS forced
          FROM wanted w JOIN pg_class c ON c.oid = w.id)
SELECT format('the role %I may read past row security, as %I may; take that from it, or name another role',
              current_user, rolname) AS fault
  FROM pg_roles WHERE (rolsuper OR rolbypassrls) AND pg_has_role(current_user, oid, 'MEMBER')
UNION ALL
SELECT format('the role %I owns the table %I, so row security does not bind it; name another role', current_user, name)
  FROM found WHERE pg_has_role(current_user, relowner, 'MEMBER')
UNION ALL
SELECT format('the table %I has no forced row security; as its owner run: toolcrib migrate', name)
  FROM found WHERE NOT forced
UNION ALL
SELECT format('the role %I does not find the table %I; set the search_path of the database to its schema', current_user, name)
  FROM wanted WHERE id IS NULL
LIMIT 1
"""
)


def _literal(value: str) -> str:
    """A text as hexadecimal digits, which no setting of a server reads as anything else."""
    return f"convert_from(decode('{value.encode('utf-8', 'surrogatepass').hex()}', 'hex'), 'UTF8')"


def _make_role() -> str:
    return f"""
DO $$
DECLARE
  app text := {_ROLE.format(given=_NAMED_ROLE)};
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = app) THEN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolcreaterole OR rolsuper)) THEN
      RAISE EXCEPTION USING ERRCODE = '{REFUSED}', MESSAGE = format(
        '%I may not create the role %I, which row security binds; as a superuser run: CREATE ROLE %2$I NOLOGIN; GRANT %2$I TO %1$I;',
        current_user, app);
    END IF;
    EXECUTE format('CREATE ROLE %I NOLOGIN', app);
    EXECUTE format('GRANT %I TO %I', app, current_user);
  END IF;
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), app);
END $$"""  # noqa: S608 constants


def _walled(table: str, *policies: str) -> str:
    """What stands there goes first, as a policy cannot be replaced and a stranger's would let more in."""
    return f"""
DO $$
DECLARE old text;
BEGIN
  FOR old IN SELECT policyname FROM pg_policies WHERE schemaname = current_schema() AND tablename = '{table}' LOOP
    EXECUTE format('DROP POLICY %I ON {table}', old);
  END LOOP;
  ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
  ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
  {" ".join(policies)}
END $$"""  # noqa: S608 names are ours


def _policies(table: Table) -> Iterator[str]:
    held, house = holder(table), _NAMED.format(f"'{HOUSE}'")
    scope = _NAMED.format(held.column) if held.column else house
    yield f"CREATE POLICY named_scope ON {table.name} USING ({scope}) WITH CHECK ({scope});"
    if held.house_reads:
        yield f"CREATE POLICY house_reads ON {table.name} FOR SELECT USING ({house} AND ({held.house_reads}));"


def _grant(tables: list[str]) -> str:
    return f"""
DO $$
DECLARE app text := {_ROLE.format(given=_NAMED_ROLE)};
BEGIN
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(tables)} TO %I', app);
  GRANT SELECT ON {_VERSION} TO public;
END $$"""
