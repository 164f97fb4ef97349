"""Runs a long, timed trial, `tests/trials/NAME.py`, row by row, and writes what it found to `docs/trials/NAME.md`."""

import argparse
import importlib
import os
import platform
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TRIALS = ROOT / "tests" / "trials"


@dataclass
class Outcome:
    row: Any
    counts: str = ""
    seconds: float = 0
    faults: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.faults

    def __str__(self) -> str:
        where = self.row.database + (", notifications off" if self.row.notifications == "off" else "")
        verdict = "pass" if self.passed else "**FAIL**"
        return f"| {self.row.title} | {where} | {self.counts} | {self.seconds:.0f} s | {verdict} |"


def main() -> int:
    wanted = _arguments()
    module = importlib.import_module(f"tests.trials.{wanted.name.replace('-', '_')}")
    rows = [row for row in module.ROWS if wanted.only.lower() in f"{row.title} {row.database}".lower()]
    print(f"trial {wanted.name}: {len(rows)} of {len(module.ROWS)} rows, seed {wanted.seed}", flush=True)
    commit, began = _commit(), time.monotonic()
    outcomes = _run(rows, wanted.seed)
    text = _report(wanted, outcomes, (f"commit {commit}", f"{(time.monotonic() - began) / 60:.0f} minutes"))
    print(f"\n{text}")
    if len(rows) == len(module.ROWS):
        _keep(wanted.name, text)
    return 0 if outcomes and all(outcome.passed for outcome in outcomes) else 1


def _arguments() -> argparse.Namespace:
    known = sorted(path.stem.replace("_", "-") for path in TRIALS.glob("*.py"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=known, help="the trial (make trial NAME=…)")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(1_000_000), help="runs the same choices again"
    )
    parser.add_argument(
        "--only", default="", help="rows whose title or database holds this text; nothing is kept"
    )
    return parser.parse_args()


def _run(rows: Sequence[Any], seed: int) -> list[Outcome]:
    from tests.support.postgres import private_cluster  # noqa: PLC0415 after the arguments are read

    outcomes = []
    with tempfile.TemporaryDirectory(prefix="toolcrib-trial-") as folder, private_cluster() as cluster:
        for number, row in enumerate(rows, 1):
            rng = random.Random(f"{seed} {row.title}")  # noqa: S311 choices, not secrets
            outcomes.append(_one(row, Path(folder) / str(number), cluster, rng))
            print(outcomes[-1], *outcomes[-1].faults[:20], sep="\n  ", flush=True)
    return outcomes


def _one(row: Any, folder: Path, cluster: Any, rng: random.Random) -> Outcome:
    from tests.acceptance.rows.lab import postgres_lab, sqlite_lab  # noqa: PLC0415 as above

    env = {"TOOLCRIB_NOTIFICATIONS": row.notifications}
    lab = sqlite_lab(folder, env) if row.database == "sqlite" else postgres_lab(folder, cluster, env)
    outcome, began = Outcome(row), time.monotonic()
    try:
        with lab as opened:
            found = row.run(opened, rng)
            outcome.counts, outcome.faults = str(found), found.faults
    except (AssertionError, RuntimeError, OSError) as error:
        outcome.faults = [f"{type(error).__name__}: {error}"]
    outcome.seconds = time.monotonic() - began
    return outcome


def _report(wanted: argparse.Namespace, outcomes: Sequence[Outcome], more: Sequence[str]) -> str:
    failed = [outcome for outcome in outcomes if not outcome.passed]
    facts = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"seed {wanted.seed}",
        f"{len(outcomes) - len(failed)} of {len(outcomes)} rows passed",
        *more,
        f"{os.cpu_count()} CPUs, Python {platform.python_version()}",
    )
    lines = [f"# Trial {wanted.name}", "", " · ".join(facts), ""]
    lines += ["| row | database | counts | time | |", "|---|---|---|---|---|", *map(str, outcomes), ""]
    for outcome in failed:
        lines += [f"## Faults: {outcome.row.title} ({outcome.row.database})", ""]
        lines += [*(f"- {fault}" for fault in outcome.faults[:50]), ""]
    lines.append(
        f"Again: `make trial NAME={wanted.name}`; the same choices: `scripts/trial.py {wanted.name} --seed {wanted.seed}`."
    )
    return "\n".join(lines) + "\n"


def _commit() -> str:
    """What is tried: the commit, and whether the product differs from it."""
    commit = _git("rev-parse", "--short=12", "HEAD") or "none"
    return commit + (" with uncommitted changes" if _git("status", "--porcelain", "src") else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _keep(name: str, report: str) -> None:
    page = ROOT / "docs" / "trials" / f"{name}.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(report, "utf-8")
    print(f"kept as {page.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
