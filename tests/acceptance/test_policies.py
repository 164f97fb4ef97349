"""One decision for list, call and explain; the long run is a row of the trial `walls`."""

import random

from tests.acceptance.rows.lab import Lab
from tests.acceptance.rows.policies import decide_randomly

ROUNDS = 500


def test_list_call_and_explain_are_one_decision(lab: Lab):
    found = decide_randomly(lab, ROUNDS, random.Random(411))
    assert found.faults == []
    assert found.answers.total() == ROUNDS
