"""One server for each database, with its production settings, for all that the assay asks of it."""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.assay.scene import Scene, set_scene
from tests.support.server import start_server


@pytest.fixture(scope="session")
def scenes(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Scene]]:
    with contextlib.ExitStack() as stack:
        set_: dict[str, Scene] = {}

        def of(database: str) -> Scene:
            if database not in set_:
                postgres = database == "postgresql"
                url = request.getfixturevalue("postgres").fresh_database() if postgres else None
                set_[database] = stack.enter_context(set_scene(tmp_path_factory.mktemp(database), url))
            return set_[database]

        yield of


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def scene(request: pytest.FixtureRequest, scenes: Callable[[str], Scene]) -> Scene:
    """The test runs on both databases."""
    return scenes(request.param)


@pytest.fixture(scope="session")
def openapi(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The routes as a running server tells them: one in development, since one in production keeps them to itself."""
    with start_server(tmp_path_factory.mktemp("development") / "data") as server:
        told: dict[str, Any] = json.loads(server.client.call("GET", "/openapi.json", key="").body)
    return told
