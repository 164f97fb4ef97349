"""The README's first minutes, as a reader would walk them."""

from pathlib import Path

from tests.docs.pages import ROOT, steps
from tests.docs.terminal import terminal
from tests.docs.walk import walk


def test_the_readme_runs_and_prints_what_it_shows(tmp_path: Path):
    with terminal(tmp_path / "readme") as opened:
        assert walk(ROOT / "README.md", opened) > 10


def test_the_readme_stops_and_starts_the_server():
    served = [step for step in steps(ROOT / "README.md") if step.command.text == "make serve\n"]

    assert len(served) == 2
