"""Two processes on one PostgreSQL: a change through one binds the next call through the other, told of it or not."""

import random
from pathlib import Path

import pytest

from tests.acceptance.rows.lab import postgres_lab
from tests.acceptance.rows.pairs import alternate
from tests.support.postgres import Cluster

ALTERNATIONS = 150


@pytest.mark.parametrize("notifications", ["on", "off"])
def test_no_call_is_recorded_after_a_change_that_forbids_it(tmp_path: Path, postgres: Cluster, notifications: str):
    with postgres_lab(tmp_path, postgres, {"TOOLCRIB_NOTIFICATIONS": notifications}) as lab:
        found = alternate(lab, ALTERNATIONS, random.Random(f"pairs {notifications}"))

    assert found.faults == []
    assert found.changes.total() == ALTERNATIONS
    assert min(found.changes[kind] for kind in ("enablement", "key", "tool")) > 0
    assert found.background["200 succeeded"] > 0
    assert found.background["403 TOOL_DISABLED"] > 0
