"""Processes that die, hang or are asked to leave: the ledger stays true (B9).

The rows that must wait for PostgreSQL's 15 s run side by side; each test then reads the result of its own.
"""

import random
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.rows.blocked import stop_in_a_transaction
from tests.acceptance.rows.freeze import freeze_one
from tests.acceptance.rows.kills import kill_repeatedly
from tests.acceptance.rows.lab import Lab, postgres_lab, sqlite_lab
from tests.acceptance.rows.stop import stop_under_load
from tests.support.postgres import Cluster

KILLS = 10
FROZEN_SECONDS = 18
Rows = dict[str, Future[Any]]


@pytest.fixture(scope="module")
def slow_rows(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    folder = tmp_path_factory.mktemp("deaths")

    def kills() -> Any:
        with postgres_lab(folder / "kills", postgres) as lab:
            return kill_repeatedly(lab, KILLS, random.Random(9))

    def freeze(notifications: str) -> Any:
        env = {"TOOLCRIB_NOTIFICATIONS": notifications}
        with postgres_lab(folder / f"freeze-{notifications}", postgres, env) as lab:
            return freeze_one(lab, FROZEN_SECONDS)

    def stop() -> Any:
        with sqlite_lab(folder / "stop") as lab:
            return stop_under_load(lab, random.Random(5), held=True)

    with ThreadPoolExecutor(4) as pool:
        yield {
            "freeze on": pool.submit(freeze, "on"),
            "freeze off": pool.submit(freeze, "off"),
            "stop": pool.submit(stop),
            "kills": pool.submit(kills),
        }


def test_kill_9_loses_nothing_and_repeats_nothing_on_sqlite(slow_rows: Rows, lab_on_sqlite: Lab):
    found = kill_repeatedly(lab_on_sqlite, KILLS, random.Random(9))

    assert found.faults == []
    assert found.interrupted > 0


def test_kill_9_loses_nothing_and_repeats_nothing_on_postgresql(slow_rows: Rows):
    found = slow_rows["kills"].result()

    assert found.faults == []
    assert found.interrupted > 0


@pytest.mark.parametrize("notifications", ["on", "off"])
def test_a_process_that_wakes_after_it_was_declared_dead_overwrites_nothing(
    slow_rows: Rows, notifications: str
):
    found = slow_rows[f"freeze {notifications}"].result()

    assert found.faults == []
    assert found.stopped >= FROZEN_SECONDS


def test_sigterm_lets_running_calls_end(lab: Lab):
    found = stop_under_load(lab, random.Random(5), held=False)

    assert found.faults == []


def test_sigterm_interrupts_calls_that_outlast_the_grace_period(slow_rows: Rows):
    found = slow_rows["stop"].result()

    assert found.faults == []


def test_a_process_that_stops_inside_a_transaction_does_not_stop_the_others(lab_on_postgres: Lab):
    found = stop_in_a_transaction(lab_on_postgres)

    assert found.faults == []
