"""Two workspaces at length: the whole assay, and whether the time of an answer tells that an id is somebody's (B2).
`make trial NAME=isolation`.
"""

import contextlib
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import tests.support.outside  # noqa: F401 makes the assay importable
from assay.isolation import Isolation
from assay.matrix import Entry, matrix
from assay.parts import run
from assay.wire import Party
from assay.workspace import make
from tests.acceptance.rows.lab import Lab
from tests.assay.line import Line
from tests.trials.first_slice import DatabaseName, Found, TrialRow

SAMPLES, LEAST_P = 500, 0.01
HOTTEST = (
    "POST /api/v1/tools/{tool}/execute", "POST /api/v1/tools/{tool}/validate", "GET /api/v1/tools/{tool}",
    "GET /api/v1/tools/executions/{execution_id}", "GET /api/v1/tools/executions/{execution_id}/result",
)  # fmt: skip
_DATABASES: tuple[DatabaseName, ...] = ("sqlite", "postgresql")


@dataclass
class Counted:
    counts: str
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return self.counts


@contextlib.contextmanager
def _isolation(lab: Lab) -> Iterator[Isolation]:
    server = lab.serve({"TOOLCRIB_ENV": "production"})
    with contextlib.closing(Line(server.url)) as line:
        operator = Party("operator", line, server.owner_key)
        ours, theirs = (make(operator, f"trial-{letter}") for letter in "ab")
        yield Isolation(ours, theirs, operator)


def _assay(lab: Lab, _rng: random.Random) -> Found:
    with _isolation(lab) as isolation:
        run(isolation)
        counts = f"{isolation.compared.total()} answers, {isolation.controls} controls, {len(isolation.leaks)} leaks"
        return Counted(counts, [str(leak) for leak in isolation.leaks])


def _times(lab: Lab, rng: random.Random) -> Found:
    """A route that seems to tell is asked once more: five routes on two databases are ten chances to be wrong by chance.
    The control is that what A has itself takes another time than what nobody has.
    """
    with _isolation(lab) as isolation:
        isolation.ours.furnish()
        isolation.theirs.furnish()
        hot = [entry for entry in matrix() if str(entry) in HOTTEST]
        told = {str(entry): _asked_again(isolation, entry, rng) for entry in hot}
        own = min(_likelihood(isolation, entry, isolation.ours.own, rng) for entry in hot)
    least = min(told.values())
    faults = [f"{name}: p = {p:.4f}, twice" for name, p in told.items() if p <= LEAST_P]
    faults += [f"control: even what A has itself is not told apart, p = {own:.3f}"] if own > LEAST_P else []
    return Counted(
        f"{SAMPLES} of each on {len(hot)} routes, least p {least:.3f}; control p {own:.1e}", faults
    )


def _asked_again(isolation: Isolation, entry: Entry, rng: random.Random) -> float:
    first = _likelihood(isolation, entry, isolation.theirs.own, rng)
    return first if first > LEAST_P else _likelihood(isolation, entry, isolation.theirs.own, rng)


def _likelihood(isolation: Isolation, entry: Entry, own: Mapping[str, str], rng: random.Random) -> float:
    """That the times of these ids and of unknown ones come from one distribution, of samples in a random order."""
    known, unknown = entry.at(own), entry.at(isolation.nobodys)
    body = entry.written(isolation.ours.own, "same")
    spent: dict[bool, list[float]] = {True: [], False: []}
    order = [True, False] * SAMPLES
    rng.shuffle(order)
    for is_known in order:
        began = time.perf_counter()
        entry.ask(isolation.ours.owner, known if is_known else unknown, body=body)
        spent[is_known].append(time.perf_counter() - began)
    return mann_whitney(spent[True], spent[False])


def mann_whitney(one: list[float], other: list[float]) -> float:
    """The two-sided p of the U test, by the normal approximation; times have next to no ties."""
    ranked = sorted((value, group) for group, values in ((0, one), (1, other)) for value in values)
    ranks = sum(rank for rank, (_, group) in enumerate(ranked, 1) if group == 0)
    u = ranks - len(one) * (len(one) + 1) / 2
    mean = len(one) * len(other) / 2
    deviation = math.sqrt(mean * (len(one) + len(other) + 1) / 6)
    return math.erfc(abs(u - mean) / deviation / math.sqrt(2))


_RUNS: tuple[tuple[str, Callable[[Lab, random.Random], Found]], ...] = (
    ("every route, every place for an id, every credential (B2)", _assay),
    (f"times of {SAMPLES} foreign and {SAMPLES} unknown ids cannot be told apart (B2)", _times),
)
ROWS = tuple(TrialRow(title, database, run) for title, run in _RUNS for database in _DATABASES)
