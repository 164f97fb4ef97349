"""Who may be the URL's user, and which set-ups are refused by name: each message says what to run, and that helps."""

import re

import asyncpg
import pytest

from tests.integration.migrations.databases import migrate, schema
from tests.support import walls
from tests.support.postgres import LOOPBACK, superuser_url
from tests.support.rig import open_rig
from toolcrib.app.settings import Settings, UnsafeSetting
from toolcrib.app.wiring import House
from toolcrib.kit.db import DatabaseError, Query, UnsafeDatabase, metadata, row_security
from toolcrib.kit.db.postgres import PostgresEngine
from toolcrib.migrations import fresh, upgrade

WHO = Query(postgresql="SELECT current_user AS role, session_user AS login")


def as_role(url: str, role: str) -> str:
    return re.sub(r"//\w+@", f"//{role}@", url)


def database(url: str) -> str:
    return url.rpartition("/")[2]


@pytest.fixture
def roles(postgres):
    """Makes a role that is not there yet: `name` stands for the test's own database."""

    def made(name: str, options: str = "LOGIN") -> str:
        postgres.execute(f"CREATE ROLE {name} {options}")
        return name

    return made


async def start(url: str, role: str = "") -> PostgresEngine:
    engine = PostgresEngine(url, role=role, notify=False)
    try:
        await engine.set_up(fresh.bring_up)
    except BaseException:
        await engine.close()
        raise
    return engine


async def refusal(url: str, role: str = "") -> str:
    with pytest.raises(UnsafeDatabase) as refused:
        await start(url, role)
    return str(refused.value)


async def who(url: str, role: str = "") -> dict[str, str]:
    """As whom a server's transactions run, once it has started."""
    engine = await start(url, role)
    try:
        (row,) = await engine.transact((), lambda tx: tx.rows(WHO))
        return dict(row)
    finally:
        await engine.close()


async def test_who_may_create_roles_needs_nothing_done_before(postgres):
    url = postgres.fresh_database()
    assert await who(url) == {"role": f"{database(url)}_app", "login": "toolcrib"}


async def test_who_may_not_create_roles_is_told_what_to_run(postgres, roles):
    url = postgres.fresh_database()
    app, plain = f"{database(url)}_app", roles(f"{database(url)}_plain")
    postgres.execute(f"ALTER DATABASE {database(url)} OWNER TO {plain}")
    url = as_role(url, plain)
    told = await refusal(url)
    with pytest.raises(upgrade.NotMigrated) as not_migrated:
        migrate(url)
    assert told == str(not_migrated.value)
    assert told == (
        f"{plain} may not create the role {app}, which row security binds; "
        f"as a superuser run: CREATE ROLE {app} NOLOGIN; GRANT {app} TO {plain};"
    )
    postgres.execute(told.partition("run: ")[2])
    assert await who(url) == {"role": app, "login": plain}


async def test_whoever_migrates_need_not_be_who_serves(postgres, roles):
    url = postgres.fresh_database()
    app, serving = f"{database(url)}_app", roles(f"{database(url)}_serving")
    migrate(url)
    refused = await refusal(as_role(url, serving))
    assert refused.startswith(f"{serving} may not take the role {app}; as a superuser run: ")
    postgres.execute(f"GRANT {app} TO {serving}")
    assert await who(as_role(url, serving)) == {"role": app, "login": serving}
    async with open_rig(as_role(url, serving)) as rig:
        tool = await rig.register()
        assert (await rig.call(tool)).status == "succeeded"


async def test_a_role_that_is_named_is_taken(postgres, roles):
    url = postgres.fresh_database()
    named = roles(f"{database(url)}_named", "NOLOGIN")
    postgres.execute(f"GRANT {named} TO toolcrib")
    assert await who(url, named) == {"role": named, "login": "toolcrib"}


async def test_a_superuser_is_bound_by_the_role_it_takes(postgres):
    url = superuser_url(postgres.fresh_database())
    assert await who(url) == {"role": f"{database(url)}_app", "login": "postgres"}
    assert await walls.holes(url) == []


@pytest.mark.parametrize("options", ["SUPERUSER", "BYPASSRLS"])
async def test_a_role_that_reads_past_row_security_is_refused(postgres, roles, options):
    url = postgres.fresh_database()
    strong = roles(f"{database(url)}_strong", f"NOLOGIN {options}")
    weak = roles(f"{database(url)}_weak", "NOLOGIN")
    postgres.execute(f"GRANT {strong} TO {weak}", f"GRANT {weak} TO toolcrib")
    assert (await refusal(superuser_url(url), strong)).startswith(
        f"the role {strong} may read past row security, as "
    )
    assert f"the role {weak} may read past row security, as {strong} may" in await refusal(url, weak)
    postgres.execute(f"REVOKE {weak} FROM toolcrib")


async def test_a_role_that_owns_the_tables_is_refused(postgres):
    url = postgres.fresh_database()
    assert await who(url)
    assert re.match(
        "the role toolcrib owns the table [a-z_]+, so row security", await refusal(url, "toolcrib")
    )


async def test_a_role_that_is_gone_is_told_with_what_to_run(postgres):
    url = postgres.fresh_database()
    app = f"{database(url)}_app"
    assert await who(url)
    postgres.execute(f"DROP OWNED BY {app}; DROP ROLE {app}", database=database(url))
    told = await refusal(url)
    assert told.startswith(
        f"toolcrib may not take the role {app}; as a superuser run: CREATE ROLE {app} NOLOGIN"
    )
    migrate(url)
    assert (await who(url))["role"] == app


async def test_tables_in_a_schema_that_the_role_does_not_look_in_are_told(postgres):
    url = postgres.fresh_database()
    postgres.execute("CREATE SCHEMA toolcrib AUTHORIZATION toolcrib", database=database(url))
    assert re.match(
        rf"the role {database(url)}_app does not find the table [a-z_]+; set the search_path",
        await refusal(url),
    )
    postgres.execute(f"ALTER DATABASE {database(url)} SET search_path TO toolcrib")
    assert (await who(url))["role"] == f"{database(url)}_app"


async def test_a_database_from_before_the_wall_is_refused_and_migrated_to_what_a_new_one_is(postgres):
    old, new = postgres.fresh_database(), postgres.fresh_database()
    assert await who(old)
    assert await who(new)
    tables = await walls.tables(old)
    postgres.execute(
        *(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY" for table in tables),
        *(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY" for table in tables),
        *(f"DROP POLICY named_scope ON {table}" for table in tables if table != "alembic_version"),
        "CREATE POLICY strays ON keys USING (true)",
        f"DROP OWNED BY {database(old)}_app; DROP ROLE {database(old)}_app",
        database=database(old),
    )
    assert "may not take the role" in await refusal(old)
    migrate(old)
    assert schema(old) == schema(new)
    assert await who(old)


async def test_a_wall_that_somebody_took_down_is_told_by_the_server(postgres, tmp_path):
    url = postgres.fresh_database()
    assert await who(url)
    postgres.execute("ALTER TABLE secrets NO FORCE ROW LEVEL SECURITY", database=database(url))
    house = House(Settings(database_url=url, data_dir_text=str(tmp_path / "data")), "1", listens=False)
    with pytest.raises(UnsafeSetting) as refused:
        await house.start(fresh.bring_up)
    assert str(refused.value) == (
        "TOOLCRIB_DATABASE_URL: the table secrets has no forced row security; as its owner run: toolcrib migrate"
    )
    await house.stop()


async def test_a_database_that_is_away_is_not_called_unsafe():
    with pytest.raises(DatabaseError) as away:
        await start(f"postgresql://toolcrib@{LOOPBACK}:1/none")
    assert not isinstance(away.value, UnsafeDatabase)


async def test_a_revision_sees_all_rows_and_the_wall_stands_again_after_it(postgres):
    url = postgres.fresh_database()
    async with open_rig(url):
        pass
    owner = await asyncpg.connect(url)
    assert await owner.fetchval("SELECT count(*) FROM keys") == 0
    async with owner.transaction():
        await owner.execute(row_security.LOWERED)
        assert await owner.fetchval("SELECT count(*) FROM keys") == 1
        for statement in row_security.raised(metadata):
            await owner.execute(statement)
        assert await owner.fetchval("SELECT count(*) FROM keys") == 0
    await owner.close()
    assert await walls.holes(url) == []
