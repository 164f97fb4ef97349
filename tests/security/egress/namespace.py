"""Runs a program of the lab in a network namespace of its own, and reads the report that it prints."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.coverage_floors import unmeasured

ROOT = Path(__file__).parents[3]
NEEDED = (
    "This test needs a network namespace of its own: install util-linux and iproute2, and run as root or allow user \
namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces > 0)."
)


def run_in_namespace(module: str, *arguments: str) -> dict[str, Any]:
    """What `python -m module` reports. Whatever it has started ends with it."""
    flags = ["--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    tools = shutil.which("unshare") and shutil.which("ip")
    if not tools or subprocess.run(["unshare", *flags, "true"], check=False).returncode:
        raise AssertionError(NEEDED)
    sources = os.environ.get("PYTHONPATH", str(ROOT / "src"))
    environment = unmeasured() | {"PYTHONPATH": os.pathsep.join([sources, str(ROOT)])}
    command = ["unshare", *flags, sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
