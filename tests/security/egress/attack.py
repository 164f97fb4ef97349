"""A whole server in the lab's Internet under its production policy, and one attack on it: each case through each door."""

import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.security.egress import entries
from tests.security.egress.authority import Authority
from tests.security.egress.cases import Case
from tests.security.egress.entries import Ended, Save, Target, Use, own
from tests.security.egress.names import point_others_to
from tests.security.egress.world import World, active_opens
from tests.security.house import environment
from tests.security.line import JSON, Line
from tests.support.client import Reply
from tests.support.server import Server, prepare_server

ROOT = Path(__file__).parents[3]
HONEST = "https://public.lab/"
PROXY = "http://10.9.8.7:8080"
PROXIES = dict.fromkeys(
    ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"), PROXY
)
CANARY = b"canary"
EXECUTE = next(one for one in entries.USES if one.name == "execute")
_WITH_QUERY = ("redirects",)


@dataclass(frozen=True)
class Result:
    """One case through one door. `heard` is what the honest upstream was asked meanwhile."""

    entry: str
    kind: str
    family: str
    case: str
    expected: tuple[str, ...]
    status: int
    outcome: str
    error: Mapping[str, Any] | None = None
    row: tuple[str | None, str | None] | None = None
    heard: tuple[str, ...] = ()
    canary: bool = False


@dataclass
class Attack:
    """One running server, who asks it, and what came of it. Other pools than the first are other workspaces."""

    server: Server
    world: World
    results: list[Result] = field(default_factory=list)
    number: int = 0
    _lines: dict[str | None, Line] = field(default_factory=dict)
    _pool: str | None = None
    _raws: int = 0

    def __call__(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        data = None if body is None else json.dumps(body).encode()
        return self._line().send(method, path, data, dict(headers or JSON))

    def _line(self) -> Line:
        if self._pool not in self._lines:
            first = self._lines.setdefault(None, Line(self.server.port, self.server.owner_key))
            if self._pool is not None:
                name = json.dumps({"name": self._pool}).encode()
                made = first.send("POST", "/api/v1/workspaces", name)
                assert made.status == 201, made.body
                self._lines[self._pool] = Line(self.server.port, made.json["key"])
                self._furnish()
        return self._lines[self._pool]

    def furnish(self) -> None:
        """The tools that a change needs, and an honest one."""
        self._pool = None
        self._line()
        self._furnish()

    def _furnish(self) -> None:
        for name in (entries.KEPT, entries.KEPT_SAVED, "control"):
            made = self("POST", "/api/v1/tools", own(Target(name, HONEST, well_formed=False)))
            assert made.status in {201, 409}, made.body  # 409: the server was there before

    @property
    def opened(self) -> int:
        """Connections that this attack has opened itself."""
        return sum(line.opened for line in self._lines.values()) + self._raws

    def close(self) -> None:
        for line in self._lines.values():
            line.close()

    def save(self, case: Case) -> None:
        """Offer it at every door that keeps one; what is kept is called once. Then hand it to a pack."""
        self._pool = case.pool
        self._line()
        self.number += 1
        for number, entry in enumerate(entries.SAVES):
            target = self._aim(case, f"s{number}")
            if self.offer(case, entry, target).outcome == "saved" and entry.stores:
                self.use(case, EXECUTE, entry.tool(target), {}, after=entry.name)
        for number, use in enumerate(entries.FETCHES):
            self.use(case, use, entries.FETCH, {"url": self._aim(case, f"f{number}").url})

    def offer(self, case: Case, entry: Save, target: Target) -> Ended:
        """One save at one door."""
        return self._judge(case, entry.name, "save", lambda: entry.send(self, target))

    def call(self, case: Case, tool: str) -> None:
        """Use a tool that is kept already, in every way."""
        self._pool = case.pool
        point_others_to(case.answers or ())
        for entry in entries.CALLS:
            self.use(case, entry, tool, {})

    def use(self, case: Case, entry: Use, tool: str, given: dict[str, Any], after: str = "") -> Ended:
        """One use of one tool, and its row in the ledger."""
        name = f"{entry.name} after {after}" if after else entry.name
        return self._judge(case, name, entry.kind, lambda: entry.send(self, tool, given))

    def note(self, entry: str, kind: str, case: str, reply: Reply | None) -> None:
        """An answer that is no save and no use."""
        status, body = (reply.status, reply.body) if reply else (0, b"")
        self.results.append(
            Result(entry, kind, "second", case, (), status, str(status), canary=CANARY in body)
        )

    def raw(self, head: str) -> Reply | None:
        """A head as it is, over a connection of its own."""
        self._raws += 1
        return self._line().raw(head)

    def _aim(self, case: Case, door: str) -> Target:
        """The case's own names, so that no door finds a connection that another has left open."""
        point_others_to(case.answers or ())
        url = case.url if case.allow else renamed(case.url, door if case.pool else f"{door}-{self.number}")
        if case.own_ports:
            url = url.replace(":8080", f":{self.server.port}")
        return Target(f"case.t{self.number}{door}", url, case.family in _WITH_QUERY)

    def _judge(self, case: Case, name: str, kind: str, send: Callable[[], Ended]) -> Ended:
        before = len(self.world.heads)
        ended = send()
        heard = tuple(self.world.heads[before:])
        row = self("GET", f"/api/v1/tools/executions/{ended.execution_id}").json if ended.execution_id else {}
        kept = (row.get("status"), row.get("error_code")) if row else None
        self.results.append(
            Result(name, kind, case.family, name_of(case), expected_of(case), ended.status, ended.outcome, ended.error, kept, heard, CANARY in ended.body)
        )  # fmt: skip
        return ended


def name_of(case: Case) -> str:
    """What tells it from the others."""
    place = f"{case.url} ({case.pool})" if case.pool else case.url
    return " → ".join([place, *(case.answers or ())])


def renamed(url: str, mark: str) -> str:
    return re.sub(r"([a-z0-9]+)\.example\b", rf"\1-{mark}.n.example", url)


def expected_of(case: Case) -> tuple[str, ...]:
    """In the words of an outcome. Names that change, and connections that are kept, may be found in either state."""
    if case.pool and (case.family == "dns" or "200" in case.expected):
        return ("200", "denied")
    words = tuple("redirect" if word.startswith("30") else word for word in case.expected)
    may = {"parsers": ("invalid",), "corpus": ("invalid", "redirect", "tls", "connect", "reset")}
    return words + may.get(case.family, ())


def production(folder: Path, authority: Authority, **more: str) -> Server:
    """Not started; with every proxy of the environment set on a canary."""
    env = environment(TOOLCRIB_EGRESS_CA=authority.ca_file, TOOLCRIB_ENV="production", **PROXIES)
    del env["TOOLCRIB_EGRESS_ALLOW"], env["TOOLCRIB_LOG_LEVEL"]
    env["TOOLCRIB_PACKS"] = "tests.security.egress.pack:PACK"
    env["PYTHONPATH"] = os.environ["PYTHONPATH"]
    return prepare_server(folder, env | more)


@contextmanager
def besieged(server: Server, world: World, *, accounts: bool = True) -> Iterator[Attack]:
    """An attack on the running server. With `accounts` the kernel's count of connections is the second witness: those
    that are neither ours nor the honest upstream's are noted as one more result.
    """
    server.start()
    attack = Attack(server, world)
    try:
        attack.furnish()
        opened, calls, mine = active_opens(), world.upstream, attack.opened
        yield attack
        stray = active_opens() - opened - (world.upstream - calls) - (attack.opened - mine)
        if accounts:
            attack.results.append(
                Result("every door", "count", "stray", "connections", ("0",), 0, str(stray))
            )
    finally:
        attack.close()
        server.stop()


def plant(server: Server, cases: Iterable[Case]) -> list[tuple[Case, str]]:
    """Keep tools that no present server would: the file is edited while the server rests. The names under which they lie."""
    database = sqlite3.connect(server.data_dir / "toolcrib.db")
    columns = [row[1] for row in database.execute("PRAGMA table_info(tools)")]
    template = database.execute("SELECT * FROM tools WHERE name = 'control' ORDER BY rowid").fetchone()
    pattern = dict(zip(columns, template, strict=True))
    planted = []
    for number, case in enumerate(cases):
        name, url = f"planted_{number}", renamed(case.url, f"p{number}")
        document = json.loads(pattern["config"]) | {"name": name}
        document["api"] |= own(Target(name, url, case.family in _WITH_QUERY))["api"]
        text = json.dumps(document)
        digest = hashlib.sha256(text.encode()).hexdigest()
        row = pattern | {
            "id": f"tool_{name}",
            "name": name,
            "wire_name": name,
            "config": text,
            "digest": digest,
        }
        database.execute(f"INSERT INTO tools VALUES ({','.join('?' * len(row))})", list(row.values()))
        planted.append((case, name))
    database.commit()
    database.close()
    return planted
