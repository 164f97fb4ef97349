"""A noisy workspace at length: what others notice of it. `make trial NAME=fairness`."""

import random

from tests.acceptance.rows.lab import Lab
from tests.acceptance.rows.noisy import stay_quick
from tests.trials.first_slice import Found, TrialRow

SECONDS = 600


def _noisy(lab: Lab, rng: random.Random) -> Found:
    return stay_quick(lab, SECONDS, rng)


ROWS = tuple(
    TrialRow(f"beside a workspace at twenty times its quota, {SECONDS // 60} min (B29)", database, _noisy)
    for database in ("sqlite", "postgresql")
)
