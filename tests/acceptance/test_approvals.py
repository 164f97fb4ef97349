"""B7 in small: what a person agreed to runs once, and nothing else does. `make trial NAME=approvals` has it at length."""

import random

from tests.acceptance.rows.agreed import EXECUTORS, change_each_part, outlive, race
from tests.acceptance.rows.lab import Lab

CHANGED, ROUNDS = 20, 5


def test_nothing_runs_that_is_not_what_was_agreed_to(lab: Lab):
    found = change_each_part(lab, CHANGED, random.Random(7))
    assert found.faults == [], str(found)
    assert found.answers["200"] >= 3 * CHANGED, "unchanged ones run"


def test_fifty_at_once_let_it_run_once(lab: Lab):
    found = race(lab, ROUNDS, random.Random(7))
    assert found.faults == [], str(found)
    assert found.answers == {"200": ROUNDS, "409": ROUNDS * (EXECUTORS - 1)}


def test_what_waits_outlives_its_process(lab: Lab):
    found = outlive(lab, 1, random.Random(7))
    assert found.faults == [], str(found)
