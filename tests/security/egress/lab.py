"""The Internet in one network namespace, and every case called in it. Prints a report as JSON.

Run by `test_lab.py` as `unshare --net --mount python -m tests.security.egress.lab FOLDER`. Every address there is
leads to this process: to the honest upstream, or else to a canary. What the kernel counts is the second witness.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.security.egress.authority import Authority
from tests.security.egress.cases import CONTROL, UPSTREAM, Case, corpus_cases, own_cases
from tests.security.egress.names import serve_names
from toolcrib.kit.http import Egress, EgressDenied, HttpClient, HttpFailed, HttpRequest, HttpTimeout

CANARY_ADDRESSES = ["127.0.0.1", "169.254.169.254", "10.9.8.7", "100.64.0.9", "::1", "fd00:ec2::254"]
CANARY_PORTS = [22, 25, 80, 443, 5432, 8000, 8080, 8443, 11111, 11211]
CONTROL_EVERY = 10
NAMES = [
    "upstream.example",
    "*.example",
    "public.lab",
    "flip.lab",
    "example.com",
    "*.r3dir.me",
    "*.302.r3dir.me",
]


def make_world(folder: Path) -> None:
    """All addresses lead to loopback; names are asked of our own server."""
    for command in (
        "ip link set lo up",
        "ip route add local 0.0.0.0/0 dev lo",
        "ip -6 route add local ::/0 dev lo",
        *(
            f"ip addr add {address} dev lo"
            for address in ("169.254.169.254", "10.9.8.7", "100.64.0.9", UPSTREAM)
        ),
        "ip -6 addr add fd00:ec2::254 dev lo nodad",
    ):
        subprocess.run(command.split(), check=True)
    resolver = folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", str(resolver), os.path.realpath("/etc/resolv.conf")], check=True)


class World:
    """The listeners: canaries that count whoever comes, and one honest upstream."""

    def __init__(self) -> None:
        self.canaries: Counter[str] = Counter()
        self.upstream = 0

    async def open(self, authority: Authority) -> None:
        for port in CANARY_PORTS:
            for host in ("0.0.0.0", "::"):
                await asyncio.start_server(self._canary, sock=_listener(host, port))
        for port in (443, 80):
            tls = authority.server(*NAMES, UPSTREAM)
            await asyncio.start_server(self._honest, sock=_listener(UPSTREAM, port), ssl=tls)

    async def _canary(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.canaries[str(writer.get_extra_info("sockname"))] += 1
        writer.close()

    async def _honest(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.upstream += 1
        while line := await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            url = urlsplit(line.split()[1].decode())
            asked = parse_qs(url.query)
            status = asked.get("status", ["200"])[0]
            location = f"Location: {asked['to'][0]}\r\n" if "to" in asked else ""
            writer.write(f"HTTP/1.1 {status} Fine\r\n{location}Content-Length: 6\r\n\r\nhonest".encode())
        writer.close()


def _listener(host: str, port: int) -> socket.socket:
    """With SO_REUSEPORT a listener of one address stands beside that of all, and takes precedence."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if ":" in host:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind((host, port))
    listener.listen(128)
    return listener


async def prove_canaries(world: World) -> list[str]:
    """Dial each canary, each address and some strange ones, by hand; return those that kept silent."""
    silent = []
    for host in (*CANARY_ADDRESSES, "192.168.0.1", "8.8.8.8", "2002:7f00:1::"):
        for port in (80, 443, 8080):
            before = world.canaries.total()
            reader, writer = await asyncio.open_connection(host, port)
            await reader.read()
            writer.close()
            if world.canaries.total() != before + 1:
                silent.append(f"{host} {port}")
    return silent


def with_controls(cases: Iterable[Case]) -> Iterator[Case]:
    """Every tenth case is one that must succeed."""
    for number, case in enumerate(cases, 1):
        yield case
        if number % (CONTROL_EVERY - 1) == 0:
            yield CONTROL


class Callers:
    """One client per policy; its resolver says what the case at hand wants."""

    def __init__(self, ca_file: str) -> None:
        self._ca_file = ca_file
        self._clients: dict[tuple[object, ...], HttpClient] = {}
        self._answers: tuple[str, ...] = ()

    async def call(self, case: Case, number: int) -> dict[str, object]:
        """Save and send one case, and say what came of it."""
        egress = Egress.parse(case.allow, self._ca_file)
        key = (case.allow, case.own_ports, case.answers is None)
        if key not in self._clients:
            resolve = None if case.answers is None else self._resolve
            self._clients[key] = HttpClient(egress, own_ports=case.own_ports, resolve=resolve)
        self._answers = case.answers or ()
        outcome, text = await _send(self._clients[key], case.pool or str(number), case.url)
        return {**asdict(case), "outcome": outcome, "text": text, "saved": _saves(egress, case.url)}

    async def _resolve(self, host: str, port: int) -> tuple[str, ...]:
        return self._answers

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()


async def _send(client: HttpClient, pool: str, url: str) -> tuple[str, str]:
    try:
        reply = await client.send(pool, HttpRequest("GET", url, timeout=4.0))
    except EgressDenied as denied:
        return "denied", str(denied)
    except HttpTimeout as late:
        return "timeout", str(late)
    except HttpFailed as failed:
        return failed.reason, str(failed)
    return str(reply.status), reply.body.decode()


def _saves(egress: Egress, url: str) -> bool:
    try:
        egress.check_url(url)
    except EgressDenied:
        return False
    return True


def active_opens() -> int:
    """Connections that this namespace has tried to open, by the kernel's count."""
    names, values = (
        line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Tcp:")
    )
    return int(values[names.index("ActiveOpens")])


async def run(folder: Path) -> dict[str, object]:
    make_world(folder)
    authority, world = Authority(folder), World()
    await world.open(authority)
    stop_names = serve_names()
    silent = await prove_canaries(world)
    proved, opened = world.canaries.total(), active_opens()
    corpora = os.environ.get("TOOLCRIB_CORPORA")
    borrowed = Path(corpora, "security/ssrf_bypass_urls.txt").read_text("utf-8") if corpora else ""
    os.environ.update(
        dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://10.9.8.7:8080")
    )
    callers = Callers(authority.ca_file)
    cases = [*own_cases(), *corpus_cases(borrowed)]
    results = [await callers.call(case, number) for number, case in enumerate(with_controls(cases))]
    await callers.close()
    await asyncio.sleep(0.2)  # a canary that was called has its time to say so
    stop_names()
    return {
        "silent": silent,
        "accepts": world.canaries.total() - proved,
        "canaries": dict(world.canaries),
        "opens": active_opens() - opened,
        "upstream": world.upstream,
        "results": results,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(Path(sys.argv[1])))))
