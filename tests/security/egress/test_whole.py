"""B1 from outside: no door of a whole server leads to an address that it must not, and honest targets are reached through each."""

from typing import Any

import pytest

from tests.security.egress import judge
from tests.security.egress.namespace import run_in_namespace
from tests.support.corpora import corpus

PARTS = ("urls", "allowed", "arguments", "second", "keys", "environments", "states", "opened")
SEED = 20_261_121
LEAST = 60


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("whole")
    return run_in_namespace("tests.security.egress.whole", str(folder), *PARTS, "--sample", str(SEED))


@pytest.mark.parametrize("rule", judge.RULES, ids=lambda rule: rule.__name__)
def test_it_holds_that(report, rule):
    assert list(rule(report)) == []


def test_the_sample_has_cases_of_every_family(report):
    sizes = judge.sizes(report)
    wanted = {*judge.LEAST, "environments", *(["corpus"] if corpus("security") else [])}

    assert wanted - sizes.keys() == set()
    assert sum(sizes[family] for family in wanted) >= LEAST
