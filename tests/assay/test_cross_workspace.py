"""B2, T11, T16, T17: what belongs to another workspace does not exist, on any route, for any credential, in any place."""

import pytest

from assay.isolation import Isolation
from assay.parts import run
from tests.assay.scene import Scene

PARTS = [
    "counts",
    "streams",
    "paths",
    "queries",
    "headers",
    "cursors",
    "lists",
    "mcp",
    "again",
    "bodies",
    "owners",
]


@pytest.fixture(scope="session")
def assayed(scene: Scene) -> Isolation:
    isolation = scene.isolation()
    run(isolation)
    return isolation


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_told_of_another_workspace(assayed, part):
    assert [str(leak) for leak in assayed.leaks if leak.part == part] == []
    assert assayed.compared[part] > 0


def test_every_part_is_asked_for(assayed):
    assert set(assayed.compared) == set(PARTS)


def test_b_is_shown_its_own_all_the_while(assayed):
    assert assayed.controls >= assayed.compared.total() // 11
