"""SSRF at length: every case through every door of a whole server, in a network namespace that plays the Internet (B1).
`make trial NAME=ssrf`.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.rows.lab import Lab
from tests.security.egress import judge
from tests.security.egress.namespace import run_in_namespace
from tests.support.corpora import corpus
from tests.trials.first_slice import Found, TrialRow

_TITLES = {
    "urls": "URLs at every save; called, fetched by a pack, and called where a laxer server kept them",
    "allowed": "the same where the operator allows something",
    "arguments": "arguments and templates that would move a request",
    "second": "second fetchers: schemas, replies, doors, tokens, the port itself",
    "keys": "the address of an issuer's keys, at the start and with a token",
    "environments": "proxies and authorities left in the environment",
    "states": "open, closed and filtered targets get one answer, in one time",
    "opened": "control: what the operator allows is reached",
}


@dataclass
class Attacked:
    """What the rules say of a report."""

    report: dict[str, Any]
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.faults += [f"{rule.__name__}: {fault}" for rule in judge.RULES for fault in rule(self.report)]

    def __str__(self) -> str:
        results, sizes = self.report["results"], judge.sizes(self.report)
        cases = sum(count for family, count in sizes.items() if family not in judge.NO_CASES)
        controls = sum(one["family"] == "control" for one in results)
        told = f"{cases} cases, {len(results):,} answers, {controls:,} of them honest, {self.report['accepts']} accepts"
        times = [f"{one['case']} {one['outcome']} ms apart" for one in results if one["kind"] == "times"]
        return "; ".join([told, *times])


def _attack(part: str) -> Callable[[Lab, random.Random], Found]:
    def run(lab: Lab, _rng: random.Random) -> Found:
        folder = lab.folder / part
        folder.mkdir()
        found = Attacked(run_in_namespace("tests.security.egress.whole", str(folder), part))
        found.faults += _missing(part, found.report)
        return found

    return run


def _missing(part: str, report: dict[str, Any]) -> list[str]:
    """Families that are smaller than they must be."""
    sizes = judge.sizes(report)
    wanted = judge.LEAST | ({"corpus": 60} if corpus("security") else {})
    least = {family: wanted[family] for family in judge.FAMILIES.get(part, ()) if family in wanted}
    return [
        f"{sizes[family]} cases of {family}, not {size}"
        for family, size in least.items()
        if sizes[family] < size
    ]


ROWS = tuple(TrialRow(f"{title} (B1)", "sqlite", _attack(part)) for part, title in _TITLES.items())
