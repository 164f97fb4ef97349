"""The core at length, on both databases: idempotency keys in every mix, over kills and in crowds; its pace and size. `make trial NAME=core`."""

import random

from tests.acceptance.rows.kills import kill_repeatedly
from tests.acceptance.rows.lab import Lab
from tests.acceptance.rows.mix import call_mixed
from tests.acceptance.rows.pace import answer_quickly, list_quickly, register_quickly, stay_small
from tests.acceptance.rows.repeats import repeat_keys
from tests.trials.first_slice import DatabaseName, Found, TrialRow

CALLS, EXECUTIONS, KILLS, KEYS = 500, 200, 20, 1_000
_DATABASES: tuple[DatabaseName, ...] = ("sqlite", "postgresql")


def _mix(lab: Lab, rng: random.Random) -> Found:
    return call_mixed(lab, CALLS, rng, keyed=True)


def _kills(lab: Lab, rng: random.Random) -> Found:
    found = kill_repeatedly(lab, KILLS, rng)
    if len(found.seen) < EXECUTIONS:
        found.faults.append(f"{len(found.seen)} calls, not {EXECUTIONS}")
    return found


def _keys(lab: Lab, rng: random.Random) -> Found:
    return repeat_keys(lab, KEYS, rng)


ROWS = tuple(
    TrialRow(title, database, run)
    for title, run in (
        (f"{CALLS} mixed calls from 16 clients, each with an idempotency key (B8)", _mix),
        (f"kill -9, {KILLS} times over {EXECUTIONS} calls or more (B9)", _kills),
        (f"{KEYS:,} idempotency keys, eight clients at once (B11)", _keys),
        ("calls without tool time from 32 connections, p95 below 10 ms", answer_quickly),
        ("registration over HTTP from 32 connections, 1,000 a second", register_quickly),
        ("a list of 1,000 tools", list_quickly),
        ("memory over 100,000 calls, at most 10 MB more", stay_small),
    )
    for database in _DATABASES
)
