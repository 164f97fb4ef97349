"""A reader's terminal: one bash in a folder of its own, and what it needs to run a page from its first line to its last.

It stands in a network namespace of its own, so that the ports that pages name are free whatever runs beside the tests.
"""

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.support.server import KEPT, SOURCES

NEEDED = (
    "The pages run in a network namespace of their own: install util-linux and iproute2, and run as root or allow user "
    "namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces > 0)."
)
SECONDS = 60
_END = "\x1eend of block "
_SERVE = re.compile(r"(?:[A-Z_]+=\S+ )*make serve\n")
# A command that fails is told by its code; what follows it in the block still runs, as it would for a reader.
_RUN = "code=0; trap 'code=$?' ERR; source {script} < /dev/null; trap - ERR; printf '\\x1eend of block %s\\n' $code\n"


@dataclass
class Terminal:
    folder: Path
    replace: Mapping[str, str] = field(default_factory=dict)
    _bash: "subprocess.Popen[bytes] | None" = None
    _blocks: int = 0
    _serving: bool = False

    def open(self, *, isolated: bool) -> None:
        """The commands of a page find `.venv` where a checkout has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / ".venv").symlink_to(sys.prefix)
        known = {name: os.environ[name] for name in KEPT if name in os.environ}
        known |= {
            SOURCES: str(ROOT / "src"),
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
        }
        self._bash = subprocess.Popen(
            [*(_namespace() if isolated else ()), "bash", "--norc", "--noprofile"],
            cwd=self.folder, env=known, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self.run("set -o pipefail" + ("; ip link set lo up" if isolated else ""))

    def run(self, command: str) -> tuple[int, str]:
        """The code of the last command that failed (0 where none did), and all that was printed."""
        if _SERVE.fullmatch(command):
            return 0, self._serve(command.removesuffix("make serve\n").strip())
        for text, stand_in in self.replace.items():
            command = command.replace(text, stand_in)
        self._blocks += 1
        script = self.folder.with_name(f"{self.folder.name}.{self._blocks}.sh")
        script.write_text(command, "utf-8")
        assert self._bash is not None
        assert self._bash.stdin is not None
        self._bash.stdin.write(_RUN.format(script=script).encode())
        self._bash.stdin.flush()
        return self._hear()

    def close(self) -> None:
        if self._bash is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._bash.pid, signal.SIGKILL)
            self._bash.communicate()

    def _serve(self, given: str) -> str:
        """As `make serve` does after it has installed; a server that runs is stopped as Ctrl-C stops it."""
        if self._serving:
            assert self.run("kill -INT $server && wait $server") == (0, "")
        log = self.folder / "server.log"
        settings, command = made_by_make()
        self.run(f": > server.log; {settings} {given} {command} >> server.log 2>&1 & server=$!")
        self._serving = True
        end = time.monotonic() + SECONDS
        while not re.search(r"^Demo: .*(?:\n {2}.*){3}\n", said := log.read_text("utf-8"), re.MULTILINE):
            if time.monotonic() > end:
                raise AssertionError(f"make serve does not get ready: {said}")
            time.sleep(0.05)
        return said

    def _hear(self) -> tuple[int, str]:
        assert self._bash is not None
        assert self._bash.stdout is not None
        heard, end = b"", time.monotonic() + SECONDS
        while not (found := re.search(rb"\x1eend of block (\d+)\n", heard)):
            if not select.select([self._bash.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                raise AssertionError(f"the block does not end: {heard.decode()}")
            read = os.read(self._bash.stdout.fileno(), 65_536)
            if not read:
                raise AssertionError(f"the shell has ended: {heard.decode()}")
            heard += read
        return int(found[1]), heard[: found.start()].decode("utf-8")


@contextlib.contextmanager
def terminal(
    folder: Path, replace: Mapping[str, str] | None = None, *, isolated: bool = True
) -> Iterator[Terminal]:
    """An open terminal; all that was started in it ends with it."""
    opened = Terminal(folder, replace or {})
    try:
        opened.open(isolated=isolated)
        yield opened
    finally:
        opened.close()


def made_by_make() -> tuple[str, str]:
    """The setting and the command of the target `serve`, from the Makefile itself."""
    text = (ROOT / "Makefile").read_text("utf-8")
    setting = re.search(r"^(TOOLCRIB_EGRESS_ALLOW) \?= (\S+)$", text, re.MULTILINE)
    command = re.search(r"^serve: \$\(SERVE\).*\n\t@exec \$\(BIN\)/(.+)$", text, re.MULTILINE)
    assert setting
    assert command
    return f"{setting[1]}={setting[2]}", f".venv/bin/{command[1]}"


def _namespace() -> list[str]:
    flags = ["--net"] if os.geteuid() == 0 else ["--net", "--map-root-user"]
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.fail(NEEDED)
    if subprocess.run(["unshare", *flags, "true"], check=False).returncode:
        pytest.fail(NEEDED)
    return ["unshare", *flags]
