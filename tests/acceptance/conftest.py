"""Labs for acceptance: on SQLite, on PostgreSQL, or on both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.rows.lab import Lab, postgres_lab, sqlite_lab


@pytest.fixture(params=["sqlite", "postgresql"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """A test that asks for it runs on both databases."""
    yield from _open(request, tmp_path, request.param)


@pytest.fixture
def lab_on_sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    yield from _open(request, tmp_path, "sqlite")


@pytest.fixture
def lab_on_postgres(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    yield from _open(request, tmp_path, "postgresql")


def _open(request: pytest.FixtureRequest, folder: Path, database: str) -> Iterator[Lab]:
    opened = (
        sqlite_lab(folder)
        if database == "sqlite"
        else postgres_lab(folder, request.getfixturevalue("postgres"))
    )
    with opened as found:
        yield found
