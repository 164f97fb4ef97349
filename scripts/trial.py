"""Runs a long, timed trial, `scripts/trials/NAME.py`, and keeps what it prints as `docs/trials/NAME.md`."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRIALS = ROOT / "scripts" / "trials"


def main(names: list[str]) -> int:
    known = sorted(path.stem for path in TRIALS.glob("*.py"))
    if len(names) != 1 or names[0] not in known:
        print(f"make trial NAME=…, one of: {', '.join(known) or '(none yet)'}")
        return 2
    done = subprocess.run(
        [sys.executable, TRIALS / f"{names[0]}.py"], stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False
    )
    print(done.stdout)
    if done.returncode == 0:
        keep(names[0], done.stdout)
    return done.returncode


def keep(name: str, report: str) -> None:
    page = ROOT / "docs" / "trials" / f"{name}.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(report, "utf-8")
    print(f"kept as {page.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
