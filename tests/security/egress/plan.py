"""What every part of the attack is given, and which of the cases it tries."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

from tests.security.egress.attack import Attack
from tests.security.egress.authority import Authority
from tests.security.egress.cases import CONTROL, Case, corpus_cases, own_cases
from tests.security.egress.world import CONTROL_EVERY, World
from tests.support.corpora import corpus

T = TypeVar("T")
URLS, OF_EACH = 44, 3


@dataclass
class Lab:
    """With `rng` a part tries only a sample of its cases."""

    folder: Path
    authority: Authority
    rogue: Authority
    world: World
    rng: random.Random | None

    def some(self, every: list[T], most: int) -> list[T]:
        """All, or so many by chance, in their order."""
        if self.rng is None or len(every) <= most:
            return every
        return [every[place] for place in sorted(self.rng.sample(range(len(every)), most))]

    def urls(self) -> list[Case]:
        """The URLs to try; a sample has some of each family."""
        borrowed = corpus("security")
        text = (borrowed / "ssrf_bypass_urls.txt").read_text("utf-8") if borrowed else ""
        every = list(fit([*own_cases(), *corpus_cases(text)]))
        places = range(len(every))
        chosen = {place for place in places if every[place].pool}  # one leans on the other
        for family in dict.fromkeys(case.family for case in every):
            chosen.update(self.some([place for place in places if every[place].family == family], OF_EACH))
        chosen.update(self.some([place for place in places if place not in chosen], URLS - len(chosen)))
        return [every[place] for place in sorted(chosen)]


def fit(cases: Iterable[Case]) -> Iterable[Case]:
    """Those whose answers a DNS server can give."""
    return (case for case in cases if all(map(_is_address, case.answers or ())))


def _is_address(answer: str) -> bool:
    try:
        return getattr(ip_address(answer), "scope_id", None) is None
    except ValueError:
        return False


def with_honest_calls(attack: Attack, shots: Iterable[Callable[[], object]]) -> None:
    """Beside every nine shots a permitted target goes through every door, and once at the end."""
    number = 0
    for number, shoot in enumerate(shots, 1):
        shoot()
        if number % (CONTROL_EVERY - 1) == 0:
            attack.save(CONTROL)
    if number % (CONTROL_EVERY - 1):
        attack.save(CONTROL)
