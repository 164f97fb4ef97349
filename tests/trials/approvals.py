"""Approvals at length, with the numbers of security.md B7. `make trial NAME=approvals`."""

import random
from collections.abc import Callable
from functools import partial

from tests.acceptance.rows.agreed import EXECUTORS, Agreed, change_each_part, outlive, race
from tests.acceptance.rows.lab import Lab
from tests.trials.first_slice import DatabaseName, TrialRow

CHANGED, ROUNDS, DEATHS = 20, 100, 20
_DATABASES: tuple[DatabaseName, ...] = ("sqlite", "postgresql")
_WHAT: tuple[tuple[str, Callable[[Lab, int, random.Random], Agreed], int], ...] = (
    (f"each part that an approval covers changed {CHANGED} times: nothing runs (B7)", change_each_part, CHANGED),
    (f"{EXECUTORS} at once on one approval, {ROUNDS} times: one run each (B7)", race, ROUNDS),
    (f"{DEATHS} processes that die while calls wait and run", outlive, DEATHS),
)  # fmt: skip


def _row(
    run: Callable[[Lab, int, random.Random], Agreed], times: int, lab: Lab, rng: random.Random
) -> Agreed:
    return run(lab, times, rng)


ROWS = tuple(
    TrialRow(title, database, partial(_row, run, times))
    for title, run, times in _WHAT
    for database in _DATABASES
)
