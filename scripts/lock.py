"""Resolves pyproject.toml into locks/*.lock: hashes for every package, no address of any registry. `make lock` runs it."""

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

UV = "uv==0.13.8"
ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"serve": ["build"], "test": ["build", "test"], "mcp1": ["mcp1"], "shop": ["shop"]}
ALONE = {"mcp1", "shop"}  # only the group's packages: mcp1 has an environment of its own
BARE = {"shop"}  # without what its packages depend on: the group names what is used of that
ADDRESS = re.compile(r"https?://|file://|--(?:extra-)?index-url|--find-links")


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        uv = install_uv(Path(scratch))
        for name, groups in LOCKS.items():
            resolve(uv, name, groups, upgrade="--upgrade" in sys.argv[1:])
    named = [lock for lock in LOCKS if ADDRESS.search(lock_path(lock).read_text("utf-8"))]
    if named:
        print(f"an address stands in the lock of: {', '.join(named)}")
    return 1 if named else 0


def install_uv(scratch: Path) -> Path:
    venv.create(scratch, with_pip=True)
    subprocess.run([scratch / "bin/pip", "install", "--quiet", UV], check=True)
    return scratch / "bin/uv"


def resolve(uv: Path, name: str, groups: list[str], *, upgrade: bool) -> None:
    """The test lock is held to the versions of the serve lock: both go into the same `.venv`."""
    held = ["--constraints", "locks/serve.lock"] if name == "test" else []
    wanted = [part for group in groups for part in ("--group", group)]
    source = [] if name in ALONE else ["pyproject.toml"]
    style = [
        "--universal",
        "--generate-hashes",
        "--no-annotate",
        "--no-emit-index-url",
        "--no-emit-find-links",
    ]
    style += ["--no-deps"] if name in BARE else []
    style += ["--python-version", "3.11", "--custom-compile-command", "make lock", "--quiet"]
    command: list[str | Path] = [
        uv,
        "pip",
        "compile",
        *source,
        *wanted,
        *style,
        *held,
        "--output-file",
        f"locks/{name}.lock",
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("UV_")} | {"UV_NO_CONFIG": "1"}
    subprocess.run([*command, *(["--upgrade"] if upgrade else [])], cwd=ROOT, check=True, env=environment)
    print(f"locks/{name}.lock: {lock_path(name).read_text('utf-8').count('==')} packages")


def lock_path(name: str) -> Path:
    return ROOT / "locks" / f"{name}.lock"


if __name__ == "__main__":
    sys.exit(main())
