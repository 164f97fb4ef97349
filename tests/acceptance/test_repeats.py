"""Idempotency keys against a real server and a counting upstream (B11)."""

import random

from tests.acceptance.rows.lab import Lab
from tests.acceptance.rows.repeats import CLIENTS, repeat_keys

KEYS = 60


def test_one_key_has_one_effect_whoever_repeats_it(lab: Lab):
    found = repeat_keys(lab, KEYS, random.Random(11))

    assert found.faults == []
    assert found.answers["ran"] == found.answers["later replayed"] == KEYS
    assert found.answers["replayed"] + found.answers["in_progress"] == KEYS * (CLIENTS - 1)
    assert min(found.answers["in_progress"], found.answers["after the crash interrupted"]) > 0
