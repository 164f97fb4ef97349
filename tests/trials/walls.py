"""The walls at length: ten thousand random policies on two processes, and what many workspaces cost. `make trial NAME=walls`."""

import random

from tests.acceptance.rows.lab import Lab
from tests.acceptance.rows.policies import decide_randomly
from tests.acceptance.rows.spread import serve_many_workspaces
from tests.trials.first_slice import DatabaseName, Found, TrialRow

POLICIES = 10_000
_DATABASES: tuple[DatabaseName, ...] = ("sqlite", "postgresql")


def _policies(lab: Lab, rng: random.Random) -> Found:
    return decide_randomly(lab, POLICIES, rng)


ROWS = tuple(
    TrialRow(title, database, run)
    for title, run in (
        (
            f"list = call = explain over {POLICIES:,} random policies, two processes on PostgreSQL (B3)",
            _policies,
        ),
        ("32 connections over 50 workspaces, at most 1.3 times the cost of one", serve_many_workspaces),
    )
    for database in _DATABASES
)
