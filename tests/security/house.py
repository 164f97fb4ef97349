"""One Toolcrib server as an attacker meets it: a process, two workspaces in it, an upstream, and its vital signs."""

import contextlib
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.security.line import Line
from tests.security.stage import Stage
from tests.support.client import Client, Reply
from tests.support.server import Server, prepare_server

_PARAMETER = re.compile(r"\{([^{}]+)\}")
_numbers = itertools.count(1)


@dataclass
class House:
    """`client` is the owner of workspace `default`, `stranger` the owner of another workspace."""

    server: Server
    stage: Stage
    stranger: Client
    database_url: str | None = None
    env: dict[str, str] = field(default_factory=dict)

    @property
    def client(self) -> Client:
        return self.server.client

    @cached_property
    def line(self) -> Line:
        return Line(self.server.port, self.server.owner_key)

    def config(self, path: str = "/", **parts: Any) -> dict[str, Any]:
        """A tool's config that takes anything and calls the stage; `parts` replace or add members, `api` is merged."""
        api = {"base_url": self.stage.url, "path": path} | parts.pop("api", {})
        taken: dict[str, Any] = {name: {} for name in _PARAMETER.findall(path)}
        schema = {"type": "object", "additionalProperties": True, "properties": taken}
        config = {"name": new_name(), "description": "on stage", "input_schema": schema, "api": api}
        return config | parts

    def tool(self, path: str = "/", *, client: Client | None = None, **parts: Any) -> str:
        """The name of a new tool."""
        status, _, answer = (client or self.client).call("POST", "/api/v1/tools", self.config(path, **parts))
        assert status == 201, answer
        return str(answer["name"])

    def execute(self, tool: str, given: Any = None, *, client: Client | None = None) -> Reply:
        body = {"input": given or {}}
        return (client or self.client).call("POST", f"/api/v1/tools/{tool}/execute", body)

    def execution(self, execution_id: str) -> dict[str, Any]:
        reply = self.client.call("GET", f"/api/v1/tools/executions/{execution_id}")
        assert reply.status == 200, reply.body
        found: dict[str, Any] = reply.json
        return found

    def executions(self, tool: str) -> list[dict[str, Any]]:
        reply = self.client.call("GET", f"/api/v1/tools/executions?limit=200&tool={tool}")
        found: list[dict[str, Any]] = reply.json["items"]
        return found

    def secret(self, value: str, name: str | None = None, *, client: Client | None = None) -> str:
        """The name of a secret with this value."""
        name = name or new_name().replace(".", "_").upper()
        reply = (client or self.client).call(
            "POST", "/api/v1/secrets", {"name": name, "value": value, "hosts": None}
        )
        assert reply.status == 201, reply.body
        return name

    def key(self, **wanted: Any) -> Client:
        """A new key of workspace `default`, as a client."""
        wanted = {"actor_type": "user"} | wanted | {"name": key_name(wanted.get("name", "k"))}
        reply = self.client.call("POST", "/api/v1/keys", wanted)
        assert reply.status == 201, reply.body
        return self.client.as_(reply.json["key"])

    def cpu(self) -> float:
        """Seconds of CPU that the server has used, all its threads, by the scheduler's own count."""
        tasks = Path(f"/proc/{self.server.pid}/task")
        spent = 0
        for task in tasks.iterdir():
            with contextlib.suppress(FileNotFoundError):
                spent += int((task / "schedstat").read_text().split()[0])
        return spent / 1e9

    def memory(self) -> int:
        """Bytes resident now."""
        return self._status("VmRSS")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.server.pid}/clear_refs").write_text("5")

    def peak(self) -> int:
        """The most bytes resident since `forget_peak`."""
        return self._status("VmHWM")

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.server.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def new_name() -> str:
    return f"sec.t{next(_numbers)}"


def key_name(base: str) -> str:
    """A name that no key has yet: it is taken for good."""
    return f"{base}-{next(_numbers)}"


def environment(**more: str) -> dict[str, str]:
    """What a server under attack is started with; the tree under test, where it is not installed."""
    path = os.environ.get("PYTHONPATH")
    tree = (
        {"PYTHONPATH": os.pathsep.join(str(Path(part).resolve()) for part in path.split(os.pathsep))}
        if path
        else {}
    )
    return {"TOOLCRIB_EGRESS_ALLOW": "127.0.0.0/8", "TOOLCRIB_LOG_LEVEL": "debug"} | tree | more


@contextlib.contextmanager
def open_house(folder: Path, stage: Stage, database_url: str | None = None, **env: str) -> Iterator[House]:
    """A running server with two workspaces."""
    server = prepare_server(folder / "data", environment(**env), database_url=database_url)
    try:
        server.start()
        key = _second_workspace(server, "other")
        house = House(server, stage, Client(server.url, key), database_url, server.env)
        yield house
        house.line.close()
    finally:
        if server.exit_code is None and server.process:
            server.stop()


def _second_workspace(server: Server, name: str) -> str:
    """The key of its owner."""
    made = server.client.call("POST", "/api/v1/workspaces", {"name": name})
    assert made.status == 201, made.body
    return str(made.json["key"])
