"""The first slice at length: what CI runs in small, with the numbers of security.md B8 and B9. `make trial NAME=first-slice`."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from tests.acceptance.rows.blocked import stop_in_a_transaction
from tests.acceptance.rows.freeze import freeze_one
from tests.acceptance.rows.growth import grow
from tests.acceptance.rows.kills import kill_repeatedly
from tests.acceptance.rows.lab import Lab
from tests.acceptance.rows.mix import call_mixed
from tests.acceptance.rows.pairs import alternate
from tests.acceptance.rows.stop import stop_under_load

DatabaseName = Literal["sqlite", "postgresql"]


class Found(Protocol):
    """What a row found: `str` tells its counts, `faults` is empty where all held."""

    faults: list[str]


@dataclass(frozen=True)
class TrialRow:
    title: str
    database: DatabaseName
    run: Callable[[Lab, random.Random], Found]
    notifications: Literal["on", "off"] = "on"


KILLS, ALTERNATIONS, FROZEN_SECONDS, CALLS = 100, 1_000, 40, 5_000


def _kills(lab: Lab, rng: random.Random) -> Found:
    return kill_repeatedly(lab, KILLS, rng)


def _pairs(lab: Lab, rng: random.Random) -> Found:
    return alternate(lab, ALTERNATIONS, rng)


def _freeze(lab: Lab, _rng: random.Random) -> Found:
    return freeze_one(lab, FROZEN_SECONDS)


def _blocked(lab: Lab, _rng: random.Random) -> Found:
    return stop_in_a_transaction(lab)


def _mix(lab: Lab, rng: random.Random) -> Found:
    return call_mixed(lab, CALLS, rng)


def _stop(lab: Lab, rng: random.Random) -> Found:
    return stop_under_load(lab, rng, held=True)


ROWS = (
    TrialRow(f"{CALLS:,} mixed calls from 16 clients (B8)", "sqlite", _mix),
    TrialRow(f"{CALLS:,} mixed calls from 16 clients (B8)", "postgresql", _mix),
    TrialRow(f"kill -9, {KILLS} times (B9)", "sqlite", _kills),
    TrialRow(f"kill -9, {KILLS} times (B9)", "postgresql", _kills),
    TrialRow(f"{ALTERNATIONS:,} changes through one process, calls through the other", "postgresql", _pairs),
    TrialRow(
        f"{ALTERNATIONS:,} changes through one process, calls through the other", "postgresql", _pairs, "off"
    ),
    TrialRow(f"a process stopped for {FROZEN_SECONDS} s in the middle of calls", "postgresql", _freeze),
    TrialRow(
        f"a process stopped for {FROZEN_SECONDS} s in the middle of calls", "postgresql", _freeze, "off"
    ),
    TrialRow("a process stopped inside a transaction", "postgresql", _blocked),
    TrialRow("SIGTERM under load, with calls that outlast the grace period", "sqlite", _stop),
    TrialRow("SIGTERM under load, with calls that outlast the grace period", "postgresql", _stop),
    TrialRow("10,000 tools and 1,000,000 executions beside ten tools and none", "sqlite", grow),
)
