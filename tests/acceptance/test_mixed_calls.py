"""Five hundred calls of every kind from sixteen clients (B8)."""

import random

from tests.acceptance.rows.lab import Lab
from tests.acceptance.rows.mix import call_mixed

CALLS = 500


def test_every_call_that_a_client_was_told_of_is_one_final_row(lab: Lab):
    found = call_mixed(lab, CALLS, random.Random(8))

    assert found.faults == []
    assert found.rows < found.calls
    assert 0 < found.upstream < found.rows
