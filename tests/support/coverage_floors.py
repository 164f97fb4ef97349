"""Floors of coverage, room by room: lines and branches. `make test` runs the whole suite with `--coverage-floors`."""

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import coverage.exceptions
import pytest

FULL = frozenset({"contracts", "policy", "ledger", "gateway"})
FULL_FLOOR, OTHER_FLOOR = 100.0, 90.0
COUNTS = ("num_statements", "covered_lines", "num_branches", "covered_branches")


@dataclass(frozen=True)
class Room:
    name: str
    statements: int
    lines: int
    branches: int
    taken: int

    @property
    def floor(self) -> float:
        return FULL_FLOOR if self.name in FULL else OTHER_FLOOR

    @property
    def percent(self) -> float:
        whole = self.statements + self.branches
        return 100.0 * (self.lines + self.taken) / whole if whole else 100.0

    @property
    def below(self) -> bool:
        return self.percent < self.floor

    def __str__(self) -> str:
        counts = f"lines {self.lines}/{self.statements}".ljust(
            20
        ) + f"branches {self.taken}/{self.branches}".ljust(22)
        verdict = f"BELOW its floor of {self.floor:.0f} %" if self.below else ""
        return f"{self.name:<24}{counts}{self.percent:>7.2f} %  {verdict}".rstrip()


def rooms(files: Mapping[str, Any]) -> list[Room]:
    """Rooms of a `coverage json` report's `files`, by name."""
    sums: dict[str, Counter[str]] = {}
    for name, entry in files.items():
        sums.setdefault(room_of(name), Counter()).update({key: entry["summary"][key] for key in COUNTS})
    return [Room(name, *(count[key] for key in COUNTS)) for name, count in sorted(sums.items())]


def room_of(file: str) -> str:
    """`src/toolcrib/ledger/tables.py` → `ledger`; a pack is a room; files beside the rooms are the face."""
    parts = Path(file).parts
    package = next(part for part in parts if part in {"toolcrib", "toolcrib_packs"})
    inner = parts[parts.index(package) + 1 :]
    prefix = "packs." if package == "toolcrib_packs" else ""
    return prefix + (inner[0] if len(inner) > 1 else "(face)")


def missing_lines(files: Mapping[str, Any]) -> Iterable[str]:
    """Where to look in the rooms that are below: file, lines, branches."""
    low = {room.name for room in rooms(files) if room.below}
    for name, entry in files.items():
        gaps = [str(line) for line in entry["missing_lines"]]
        gaps += [f"{start}->{'exit' if end < 0 else end}" for start, end in entry["missing_branches"]]
        if gaps and room_of(name) in low:
            yield f"  {name}: {', '.join(gaps)}"


class Floors:
    def __init__(self) -> None:
        self.files: Mapping[str, Any] = {}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """pytest-cov has written its data by now; the exit code can still be changed."""
        self.files = read(coverage.Coverage())
        if session.exitstatus == pytest.ExitCode.OK and self.low():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("coverage by room")
        for room in rooms(self.files):
            terminalreporter.write_line(str(room), red=room.below)
        for line in missing_lines(self.files):
            terminalreporter.write_line(line)
        if self.low():
            terminalreporter.write_line(
                f"FAILED: coverage below the floor in {', '.join(self.low())}", red=True, bold=True
            )

    def low(self) -> list[str]:
        missing = FULL - {room.name for room in rooms(self.files)}
        return [room.name for room in rooms(self.files) if room.below] + sorted(missing)


def read(report: coverage.Coverage) -> Mapping[str, Any]:
    report.load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.json"
        try:
            report.json_report(outfile=str(path))
        except coverage.exceptions.NoDataError:
            return {}
        files: Mapping[str, Any] = json.loads(path.read_text("utf-8"))["files"]
    return files


def unmeasured() -> dict[str, str]:
    """This environment, for a program that is not measured: it runs a good deal faster."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--coverage-floors", action="store_true", help="demand the floor of each room (whole suite, --cov)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Of several processes only the first one, to which the others hand their data, knows the whole."""
    if config.getoption("--coverage-floors") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Floors(), "floors")


def main() -> int:
    found = rooms(read(coverage.Coverage()))
    print("\n".join(map(str, found)))
    return 1 if any(room.below for room in found) else 0


if __name__ == "__main__":
    sys.exit(main())
