"""PgBouncer in transaction mode before a private PostgreSQL: each transaction of the product goes to the next session.

`pytest --through-pgbouncer` puts it before every database of the run. The superuser, who looks past the product, keeps a
session to itself.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.ports import LOOPBACK, free_port
from tests.support.until import until

INSTALL = "PgBouncer was found neither on PATH nor in /usr/sbin. Install it: on Debian, `apt-get install pgbouncer`."
DIED = "PgBouncer itself ended"
CONFIG = """
[databases]
* = host={host} port={server_port}
[users]
postgres = pool_mode=session
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 8
min_pool_size = 3
server_round_robin = 1
max_client_conn = 500
logfile = {folder}/log
"""


@contextlib.contextmanager
def pooled(server_port: int, users: tuple[str, ...]) -> Iterator[int]:
    """The port to connect to."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise RuntimeError(INSTALL)
    folder, port = Path(tempfile.mkdtemp(prefix="toolcrib-pgbouncer-")), free_port()
    (folder / "users").write_text("".join(f'"{user}" ""\n' for user in users))
    (folder / "config").write_text(
        CONFIG.format(host=LOOPBACK, server_port=server_port, port=port, folder=folder)
    )
    user = "nobody" if os.geteuid() == 0 else None  # it refuses root
    if user:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, user)
    process = subprocess.Popen([program, "-q", str(folder / "config")], user=user, stderr=subprocess.DEVNULL)
    try:
        until(lambda: "listening on" in _text(folder / "log") or process.poll() is not None, "it listens")
        assert process.poll() is None, _text(folder / "log")
        yield port
        assert process.poll() is None, f"{DIED} ({process.poll()}):\n{_text(folder / 'log')[-2_000:]}"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.exists() else ""
