"""The tutorial and the how-tos run from top to bottom."""

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, steps
from tests.docs.terminal import terminal
from tests.docs.walk import walk
from tests.support.ports import free_port
from tests.support.postgres import Cluster

ON_POSTGRESQL = "run-on-postgresql.md"
WITH_THE_DEMO = [page for page in sorted((DOCS / "howto").glob("*.md")) if page.name != ON_POSTGRESQL]


def test_the_tutorial_runs_and_prints_what_it_shows(tmp_path: Path):
    with terminal(tmp_path / "tutorial") as opened:
        assert walk(DOCS / "tutorial.md", opened) > 10


@pytest.mark.parametrize("page", WITH_THE_DEMO, ids=lambda page: page.stem)
def test_a_how_to_runs_and_prints_what_it_shows(tmp_path: Path, page: Path):
    with terminal(tmp_path / page.stem) as opened:
        opened.run("make serve\n")
        assert walk(page, opened) > 2


def test_two_processes_on_postgresql_run_as_the_how_to_says(tmp_path: Path, postgres: Cluster):
    stand_ins = {
        "postgresql://toolcrib@127.0.0.1:5432/toolcrib": postgres.fresh_database(),
        "8001": str(free_port()),
        "8002": str(free_port()),
    }
    page = DOCS / "howto" / ON_POSTGRESQL
    with terminal(tmp_path / "postgresql", stand_ins, isolated=False) as opened:
        assert walk(page, opened) > 3


@pytest.mark.parametrize("page", [*WITH_THE_DEMO, DOCS / "tutorial.md"], ids=lambda page: page.stem)
def test_a_page_shows_what_its_commands_print(page: Path):
    shown = [step.shown is not None for step in steps(page)]

    assert sum(shown) >= 2
