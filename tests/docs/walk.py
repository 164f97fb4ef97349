"""Runs a page in a terminal, step by step, and compares what is printed with what the page shows."""

from pathlib import Path

from tests.docs.matching import agrees
from tests.docs.pages import Step, steps
from tests.docs.terminal import Terminal


def walk(page: Path, terminal: Terminal) -> int:
    """How many steps the page has. Stops at the first that is not as shown."""
    done = 0
    for step in steps(page):
        code, printed = terminal.run(step.command.text)
        assert (code != 0) == (step.command.mark == "fails"), f"{step.command.place}: exit {code}\n{printed}"
        assert step.shown is None or agrees(step.shown.text, printed), _difference(step, printed)
        done += 1
    return done


def _difference(step: Step, printed: str) -> str:
    shown = step.shown.text if step.shown else ""
    return f"{step.command.place}: the page shows\n{shown}\nand the command prints\n{printed}"
