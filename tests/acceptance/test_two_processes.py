"""Two processes on one PostgreSQL: a change through one binds the next call through the other, told of it or not."""

import contextlib
import random
from pathlib import Path

import pytest

from tests.acceptance.rows.lab import Lab, postgres_lab
from tests.acceptance.rows.pairs import alternate
from tests.support.client import Client
from tests.support.postgres import Cluster
from tests.support.server import Server
from tests.support.until import until

ALTERNATIONS = 150


@pytest.mark.parametrize("notifications", ["on", "off"])
def test_no_call_is_recorded_after_a_change_that_forbids_it(
    tmp_path: Path, postgres: Cluster, notifications: str
):
    with postgres_lab(tmp_path, postgres, {"TOOLCRIB_NOTIFICATIONS": notifications}) as lab:
        found = alternate(lab, ALTERNATIONS, random.Random(f"pairs {notifications}"))

    assert found.faults == []
    assert found.changes.total() == ALTERNATIONS
    assert min(found.changes[kind] for kind in ("enablement", "key", "tool")) > 0
    assert found.background["200 succeeded"] > 0
    assert found.background["403 TOOL_DISABLED"] > 0


def test_two_first_starts_at_once_make_one_workspace_and_one_key(lab_on_postgres: Lab):
    both = [lab_on_postgres.prepare(), lab_on_postgres.prepare()]
    for server in both:
        server.spawn()
    for server in both:
        until(lambda server=server: answers(server) or server.exit_code is not None, "it answers or ends")

    assert [server.exit_code for server in both] == [None, None]
    keys = [server.data_dir / "owner.key" for server in both if (server.data_dir / "owner.key").exists()]
    assert len(keys) == 1
    assert len(lab_on_postgres.books.rows("SELECT * FROM workspaces")) == 1
    owner = keys[0].read_text("utf-8").strip()
    assert [Client(server.url, owner).call("GET", "/api/v1/tools").status for server in both] == [200, 200]


def answers(server: Server) -> bool:
    with contextlib.suppress(OSError):
        return Client(server.url).call("GET", "/health").status == 200
    return False
