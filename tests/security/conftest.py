"""Servers of the security ring: started once, kept for all its tests, one on each database."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.security.canary import Canary
from tests.security.house import House, open_house
from tests.security.stage import Stage, run_stage


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    with run_stage() as running:
        yield running


@pytest.fixture(scope="session")
def houses(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], House]]:
    opened: dict[str, House] = {}
    with contextlib.ExitStack() as stack:

        def of(database: str) -> House:
            if database not in opened:
                postgres = database == "postgresql"
                url = request.getfixturevalue("postgres").fresh_database() if postgres else None
                folder = tmp_path_factory.mktemp(database)
                opened[database] = stack.enter_context(open_house(folder, stage, url))
            return opened[database]

        yield of


@pytest.fixture
def house(houses: Callable[[str], House]) -> House:
    """A server on SQLite, for what never meets the database."""
    return _fresh(houses("sqlite"))


@pytest.fixture(params=["sqlite", "postgresql"])
def each_house(request: pytest.FixtureRequest, houses: Callable[[str], House]) -> House:
    """The test runs on both databases."""
    return _fresh(houses(request.param))


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    listening = Canary()
    listening.call()
    assert listening.accepts == 1, "the canary does not hear"
    yield listening
    heard = listening.accepts
    listening.call()
    assert listening.accepts == heard + 1, "the canary has stopped hearing"
    listening.close()


def _fresh(house: House) -> House:
    """The stage is shared by all tests: each begins with an empty one."""
    house.stage.heard.clear()
    house.stage.answers.clear()
    return house
