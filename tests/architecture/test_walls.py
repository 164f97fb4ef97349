"""Every wall of `.importlinter` holds, and every wall would notice: each is broken once, on purpose, in a copy."""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, SRC
from tests.support.coverage_floors import unmeasured

WALLS = {
    "Imports go down the floors; rooms on one floor do not know each other": {
        "toolcrib/kit/_intruder.py": "import toolcrib.contracts",
    },
    "Only the gateway opens the stores": {
        "toolcrib/app/_intruder.py": "import toolcrib.ledger",
    },
    "Providers are wired by the app; nobody else can run one past the gateway": {
        "toolcrib/gateway/_intruder.py": "import toolcrib.providers",
    },
    "A room's tables are private to the room": {
        "toolcrib/ledger/_intruder.py": "import toolcrib.ledger.tables",
    },
    "The vocabulary does no input or output": {
        "toolcrib/contracts/_intruder.py": "import sqlalchemy",
    },
    "Only the doors speak a web framework": {
        "toolcrib/gateway/_intruder.py": "import starlette",
    },
    "All outgoing HTTP leaves through one guarded client": {
        "toolcrib/app/_intruder.py": "import aiohttp",
    },
    "Only the top of the house reads settings": {
        "toolcrib/migrations/_intruder.py": "import toolcrib.app.settings",
    },
    "Packs see only the public face": {
        "toolcrib_packs/_intruder.py": "import toolcrib.contracts",
    },
    "Packs declare routes and documents; they import no web framework and no database": {
        "toolcrib_packs/_intruder.py": "import starlette",
    },
    "The house does not know which packs exist": {
        "toolcrib/app/_intruder.py": "import toolcrib_packs",
    },
    "The assay knows the house from outside only": {
        "toolcrib/assay/_intruder.py": "import toolcrib.kit",
    },
    "Only the shell runs the assay": {
        "toolcrib/app/_intruder.py": "import toolcrib.assay",
    },
    "Packs do not know each other": {
        "toolcrib_packs/_one/__init__.py": "import toolcrib_packs._two",
        "toolcrib_packs/_two/__init__.py": "",
    },
    "Inside the house nobody imports the public face": {
        "toolcrib/cli/_intruder.py": "import toolcrib",
    },
    "No circles, at any depth": {
        "toolcrib/kit/_intruder.py": "import toolcrib.kit._accomplice",
        "toolcrib/kit/_accomplice.py": "import toolcrib.kit._intruder",
    },
}
UNTOUCHED = "nothing injected"
VERDICT = re.compile(r"^(.+) (KEPT|BROKEN)(?: \(.*\))?$", re.MULTILINE)


@dataclass(frozen=True)
class Report:
    verdicts: dict[str, str]
    text: str

    @property
    def broken(self) -> set[str]:
        return {name for name, verdict in self.verdicts.items() if verdict == "BROKEN"}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    cases = {UNTOUCHED: {}} | WALLS
    folders = [tmp_path_factory.mktemp("house") for _ in cases]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(cases, pool.map(examine, folders, cases.values()), strict=True))


def examine(folder: Path, injected: dict[str, str]) -> Report:
    """What import-linter says of a copy of the house with these files added."""
    shutil.copytree(SRC, folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", folder)
    for name, line in injected.items():
        path = folder / "src" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{line}\n", "utf-8")
    linter = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--config", ".importlinter"]
    environment = unmeasured() | {"PYTHONPATH": str(folder / "src"), "COLUMNS": "300", "NO_COLOR": "1"}
    done = subprocess.run(linter, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return Report(dict(VERDICT.findall(done.stdout)), done.stdout + done.stderr)


def test_every_wall_holds(reports):
    assert reports[UNTOUCHED].verdicts == dict.fromkeys(WALLS, "KEPT"), reports[UNTOUCHED].text


@pytest.mark.parametrize("wall", WALLS)
def test_a_breach_is_noticed_by_its_wall_alone(reports, wall):
    assert reports[wall].broken - reports[UNTOUCHED].broken == {wall}
