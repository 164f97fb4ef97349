"""On SQLite one process holds the data; a second one is turned away by name."""

from tests.acceptance.rows.lab import Lab
from tests.support.calls import call
from tests.support.server import prepare_server
from tests.support.tools import marked, register


def test_a_second_process_on_the_same_data_refuses_to_start_and_names_the_first(lab_on_sqlite: Lab):
    first = lab_on_sqlite.serve()
    second = prepare_server(first.data_dir, lab_on_sqlite.env, database_url=lab_on_sqlite.database_url)
    lab_on_sqlite.servers.append(second)
    register(lab_on_sqlite.client(first), marked(lab_on_sqlite.upstream, "quick", "/echo"))

    second.spawn()

    assert second.wait() not in (0, None)
    assert f"process {first.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert call(lab_on_sqlite.client(first), "quick").ok


def test_the_data_is_free_again_the_moment_its_process_is_killed(lab_on_sqlite: Lab):
    first = lab_on_sqlite.serve()
    first.kill9()
    second = prepare_server(first.data_dir, lab_on_sqlite.env, database_url=lab_on_sqlite.database_url)
    lab_on_sqlite.servers.append(second)

    second.start()

    assert lab_on_sqlite.client(second).call("GET", "/api/v1/tools").status == 200
