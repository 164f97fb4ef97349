"""One server process with the markets pack, before a stand-in of Alpha Vantage in a process of its own."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.standins import alphavantage
from tests.support.client import Reply
from tests.support.server import Server, start_server

KEY = "AV/key+with=odd&parts"


@dataclass(frozen=True)
class Market:
    server: Server

    def call(self, tool: str, **given: object) -> Reply:
        return self.server.client.call("POST", f"/api/v1/tools/{tool}/execute", {"input": given})

    def code(self, tool: str, **given: object) -> tuple[int, str]:
        reply = self.call(tool, **given)
        return reply.status, reply.json["error"]["code"]

    def set_key(self, value: str) -> None:
        made = self.server.client.call(
            "POST", "/api/v1/secrets", {"name": "ALPHAVANTAGE_KEY", "value": value}
        )
        assert made.status in (200, 201)


@contextlib.contextmanager
def standing_in(key: str) -> Iterator[str]:
    """The address of a stand-in that takes this key."""
    command = [sys.executable, "-I", str(Path(alphavantage.__file__)), key]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.communicate("")


@contextlib.contextmanager
def opened(folder: Path, **settings: str) -> Iterator[Market]:
    with standing_in(KEY) as address:
        env = {
            "TOOLCRIB_PACKS": "markets",
            "ALPHAVANTAGE_BASE_URL": address,
            "TOOLCRIB_EGRESS_ALLOW": address.removeprefix("http://"),
        }
        with start_server(folder / "data", env | settings) as server:
            yield Market(server)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with opened(tmp_path_factory.mktemp("markets")) as found:
        found.set_key(KEY)
        yield found


@pytest.fixture
def hurried(tmp_path: Path) -> Iterator[Market]:
    """An operator who gives every tool one second."""
    with opened(tmp_path, TOOLCRIB_MAX_SECONDS="1") as found:
        found.set_key(KEY)
        yield found
