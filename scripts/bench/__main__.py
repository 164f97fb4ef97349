"""`make bench`: what a call costs, beside a bare pass-through before the same upstream, in turns in one run.

It asserts nothing: read the ratio. CPU a call is steady where rates are not.
"""

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from http import HTTPStatus
from pathlib import Path

from tests.support.client import Client
from tests.support.costs import memory_mb

from .load import Figures, run

START_SECONDS = 30
ROOT = Path(__file__).resolve().parents[2]
TOOL = {
    "name": "bench.quote",
    "description": "Latest price of a stock",
    "effects": "read",
    "input_schema": {
        "type": "object",
        "required": ["symbol"],
        "properties": {"symbol": {"type": "string", "maxLength": 12}},
    },
    "output_schema": {
        "type": "object",
        "required": ["price"],
        "properties": {"price": {"type": "number"}},
    },
    "mapping": {
        "input_to_params": {"symbol": "symbol"},
        "response_path": "quote",
        "response_to_output": {"price": "05. price"},
    },
}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def start(
    command: list[str], port: int, env: dict[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], float]:
    """A process that listens, and the seconds until it did."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL
    )
    while time.monotonic() - began < START_SECONDS:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None:
                sys.exit(f"{command} ended with {process.returncode}")
            time.sleep(0.01)
        else:
            return process, time.monotonic() - began
    sys.exit(f"{command} did not listen")


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--database", default="", help="postgresql://… instead of SQLite")
    options = parser.parse_args()
    data = Path(tempfile.mkdtemp(prefix="toolcrib-bench-"))
    ports = {name: free_port() for name in ("upstream", "passthrough", "toolcrib")}
    url = f"http://127.0.0.1:{ports['upstream']}/quote"
    settings = {
        "TOOLCRIB_PORT": str(ports["toolcrib"]),
        "TOOLCRIB_DATA_DIR": str(data),
        "TOOLCRIB_DATABASE_URL": options.database,
        "TOOLCRIB_EGRESS_ALLOW": f"127.0.0.1:{ports['upstream']}",
    }
    part = [sys.executable, "-m", "scripts.bench.parts"]
    processes = []
    try:
        processes.append(start([*part, "upstream", str(ports["upstream"])], ports["upstream"])[0])
        bare, _ = start([*part, "passthrough", str(ports["passthrough"]), url], ports["passthrough"])
        processes.append(bare)
        ours, started = start([str(ROOT / ".venv/bin/toolcrib"), "serve"], ports["toolcrib"], settings)
        processes.append(ours)
        key = (data / "owner.key").read_text().strip()
        register(f"http://127.0.0.1:{ports['toolcrib']}", key, url)
        targets = {
            "pass-through": (ports["passthrough"], "/call", bare.pid),
            "toolcrib": (ports["toolcrib"], "/api/v1/tools/bench.quote/execute", ours.pid),
        }
        report(measure(targets, key, options), ours.pid, started, options.connections)
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        shutil.rmtree(data, ignore_errors=True)


def register(url: str, key: str, upstream: str) -> None:
    """Register the measured tool."""
    document = {**TOOL, "api": {"base_url": upstream, "method": "GET"}}
    answer = Client(url, key).call("POST", "/api/v1/tools", json=document)
    if answer.status != HTTPStatus.CREATED:
        sys.exit(f"the tool was refused: {answer.body!r}")


def measure(
    targets: dict[str, tuple[int, str, int]], key: str, options: argparse.Namespace
) -> dict[str, list[Figures]]:
    """In turns, so that a slow minute hits both; the first turn of each is thrown away."""
    found: dict[str, list[Figures]] = {name: [] for name in targets}
    for turn in range(options.rounds + 1):
        for name in list(targets)[:: 1 if turn % 2 else -1]:
            port, path, pid = targets[name]
            seconds = options.seconds if turn else 1.0
            figures = asyncio.run(run(port, path, key, pid, connections=options.connections, seconds=seconds))
            if turn:
                found[name].append(figures)
                print(f"round {turn} {name:12} {figures.cpu_us:.0f} µs a call", file=sys.stderr)
    return found


def report(found: dict[str, list[Figures]], pid: int, started: float, connections: int) -> None:
    """One table and the ratio."""
    print(
        f"| {connections} connections | CPU µs a call (min-max) | calls/s | p50 ms | p99 ms |\n|---|---|---|---|---|"
    )
    for name, rounds in found.items():
        cpu = [one.cpu_us for one in rounds]
        middle = [
            statistics.median(getattr(one, field) for one in rounds) for field in ("rate", "p50_ms", "p99_ms")
        ]
        print(
            f"| {name} | {statistics.median(cpu):.0f} ({min(cpu):.0f}-{max(cpu):.0f}) "
            f"| {middle[0]:.0f} | {middle[1]:.2f} | {middle[2]:.2f} |"
        )
    pairs = zip(found["toolcrib"], found["pass-through"], strict=True)
    ratio = statistics.median(ours.cpu_us / bare.cpu_us for ours, bare in pairs)
    print(
        f"\ntoolcrib / pass-through = {ratio:.2f}; memory {memory_mb(pid):.0f} MB; listening after {started:.2f} s"
    )


main()
