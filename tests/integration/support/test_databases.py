"""What tests may expect of `database_url` and of the private PostgreSQL."""

import asyncpg


async def test_a_database_is_empty_and_its_role_is_bound_by_row_security(postgres):
    connection = await asyncpg.connect(postgres.fresh_database())
    try:
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        assert not await connection.fetchval(
            "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        )
        assert await connection.fetchval("SHOW fsync") == "on"
    finally:
        await connection.close()


def test_each_database_is_another(fresh_database):
    assert fresh_database() != fresh_database()


def test_a_test_that_asks_for_a_database_runs_on_both(database_url, request):
    assert database_url.partition(":")[0] == request.node.callspec.id
