"""The door before the house, as its owner."""

import pytest

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
