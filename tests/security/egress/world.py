"""The Internet in one network namespace: canaries on every address, one honest upstream, and what the kernel counts."""

import asyncio
import os
import re
import socket
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.security.egress.authority import Authority
from tests.security.egress.cases import CONTROL, UPSTREAM, Case

CANARY_ADDRESSES = ["127.0.0.1", "169.254.169.254", "10.9.8.7", "100.64.0.9", "::1", "fd00:ec2::254"]
CANARY_PORTS = [22, 25, 80, 443, 5432, 8000, 8080, 8443, 11111, 11211]
ROGUE, ROGUE_NAME = "93.184.216.35", "rogue.lab"
CANARY_SAYS = b"HTTP/1.1 200 Canary\r\nContent-Length: 6\r\n\r\ncanary"
CONTROL_EVERY = 10
HONEST = '"honest"'
NAMES = [
    "upstream.example",
    "*.n.example",
    "public.lab",
    "flip.lab",
    "example.com",
    "*.r3dir.me",
    "*.302.r3dir.me",
]


def make_world(folder: Path) -> None:
    """All addresses lead to loopback; names are asked of our own server. What is kept, is kept in memory."""
    subprocess.run(["mount", "-t", "tmpfs", "lab", str(folder)], check=True)
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
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:5 attempts:2\n")
    subprocess.run(["mount", "--bind", str(resolver), os.path.realpath("/etc/resolv.conf")], check=True)


class World:
    """The listeners: canaries that count whoever comes, and one honest upstream that keeps what it is asked."""

    def __init__(self) -> None:
        self.canaries: Counter[str] = Counter()
        self.invited = 0
        self.upstream = 0
        self.heads: list[str] = []

    async def open(self, authority: Authority) -> None:
        for port in CANARY_PORTS:
            for host in ("0.0.0.0", "::"):
                await asyncio.start_server(self._canary, sock=_listener(host, port))
        for port in (443, 80):
            tls = authority.server(*NAMES, UPSTREAM)
            await asyncio.start_server(self._honest, sock=_listener(UPSTREAM, port), ssl=tls)

    async def open_rogue(self, authority: Authority) -> None:
        """An upstream whose certificate an authority signed that nobody told the product to trust."""
        tls = authority.server(ROGUE_NAME)
        await asyncio.start_server(self._honest, sock=_listener(ROGUE, 443), ssl=tls)

    async def _canary(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.canaries[str(writer.get_extra_info("sockname"))] += 1
        writer.write(CANARY_SAYS)
        writer.close()

    async def _honest(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.upstream += 1
        while line := await reader.readline():
            head = line + await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.decode("latin-1"))
            writer.write(_answer(head))
            if body := _length(head):
                await reader.readexactly(body)
        writer.close()


def _answer(head: bytes) -> bytes:
    """What the query asks for: `status`, a redirect `to`, any `head` and `body`."""
    asked = parse_qs(urlsplit(head.split()[1].decode()).query)
    status, body = asked.get("status", ["200"])[0], asked.get("body", [HONEST])[0].encode()
    lines = [f"Location: {place}" for place in asked.get("to", [])] + asked.get("head", [])
    lines = [f"HTTP/1.1 {status} Fine", *lines, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _length(head: bytes) -> int:
    found = re.search(rb"(?i)\ncontent-length: *([0-9]+)", head)
    return int(found[1]) if found else 0


def _listener(host: str, port: int) -> socket.socket:
    """With SO_REUSEPORT a listener of one address stands beside that of all, and takes precedence."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if ":" in host:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind((host, port))
    listener.listen(128)
    return listener


def make_silent(address: str) -> socket.socket:
    """Nobody answers at this address any more, as behind a filter: its queue is full. Whoever holds the result keeps it so."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((address, 443))
    listener.listen(0)
    while state_of(address) == "open":  # whoever has looked stays in the queue
        pass
    return listener


def make_closed(address: str) -> None:
    subprocess.run(["ip", "route", "add", "prohibit", f"{address}/32"], check=True)


def state_of(address: str) -> str:
    """What a port scanner says of the port 443 there."""
    try:
        socket.create_connection((address, 443), timeout=0.3).close()
    except TimeoutError:
        return "filtered"
    except OSError:
        return "closed"
    return "open"


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


def with_controls(cases: Iterable[Case], control: Case = CONTROL) -> Iterator[Case]:
    """Every tenth case, and the last, is one that must succeed."""
    number = 0
    for number, case in enumerate(cases, 1):
        yield case
        if number % (CONTROL_EVERY - 1) == 0:
            yield control
    if number % (CONTROL_EVERY - 1):
        yield control


def active_opens() -> int:
    """Connections that this namespace has tried to open, by the kernel's count."""
    names, values = (
        line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Tcp:")
    )
    return int(values[names.index("ActiveOpens")])
