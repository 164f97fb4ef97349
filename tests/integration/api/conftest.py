"""The door before the house, as its owner."""

import pytest

from tests.support.crew import Crew, crew_of
from tests.support.door import Door
from tests.support.rig import Rig
from toolcrib.api import ApiOptions, create_app


@pytest.fixture
def door(rig: Rig) -> Door:
    """On SQLite and on PostgreSQL."""
    return Door(create_app(rig.gateway, ApiOptions(max_request=5_000)), rig.owner_key)


@pytest.fixture
def sqlite_door(sqlite_rig: Rig) -> Door:
    return Door(create_app(sqlite_rig.gateway, ApiOptions(max_request=5_000)), sqlite_rig.owner_key)


@pytest.fixture
async def crew(door: Door) -> Crew:
    """The operator's workspace and another, on SQLite and on PostgreSQL."""
    return await crew_of(door)


@pytest.fixture
async def sqlite_crew(sqlite_door: Door) -> Crew:
    return await crew_of(sqlite_door)
