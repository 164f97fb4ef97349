"""A client that may call loopback, and certificates of an authority that nobody else trusts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.security.egress.authority import Authority
from toolcrib.kit.http import Egress, HttpClient


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    made = HttpClient(Egress.parse("127.0.0.1"))
    yield made
    await made.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder)
