"""A closed loop of keep-alive connections, and what a process tree costs meanwhile."""

import asyncio
import statistics
import time
from dataclasses import dataclass

from tests.support.costs import cpu_seconds


@dataclass(frozen=True, slots=True)
class Figures:
    """One measurement: CPU in µs a call, calls a second, milliseconds at percentiles."""

    cpu_us: float
    rate: float
    p50_ms: float
    p99_ms: float


async def run(port: int, path: str, key: str, pid: int, *, connections: int, seconds: float) -> Figures:
    """Load one server for some seconds."""
    body = b'{"input":{"symbol":"IBM"}}'
    request = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    ends = time.monotonic() + seconds
    before = cpu_seconds(pid)
    spans = await asyncio.gather(*(_connection(port, request, ends) for _ in range(connections)))
    spent = cpu_seconds(pid) - before
    taken = sorted(span for one in spans for span in one)
    return Figures(
        spent / len(taken) * 1e6,
        len(taken) / seconds,
        statistics.median(taken) * 1000,
        taken[int(len(taken) * 0.99)] * 1000,
    )


async def _connection(port: int, request: bytes, ends: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    spans = []
    while time.monotonic() < ends:
        began = time.monotonic()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        if b" 200 " not in lines[0]:
            raise RuntimeError(f"the server answered {lines[0].decode()}")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        spans.append(time.monotonic() - began)
    writer.close()
    return spans
