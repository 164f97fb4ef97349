"""A server with its production settings and workspaces in it that know nothing of each other."""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.assay.line import Line
from tests.support.server import start_server
from tests.support.workspaces import add_workspaces
from toolcrib_assay.isolation import Isolation
from toolcrib_assay.wire import Party
from toolcrib_assay.workspace import Workspace

PRODUCTION = {"TOOLCRIB_ENV": "production"}


@dataclass
class Scene:
    """A is `ours`, B `theirs`; a third for what goes on for a while; `home` is the operator's own."""

    ours: Workspace
    theirs: Workspace
    third: Workspace
    home: Workspace

    @property
    def operator(self) -> Party:
        return self.home.owner

    def isolation(self) -> Isolation:
        return Isolation(self.ours, self.theirs, self.operator)


@contextlib.contextmanager
def set_scene(folder: Path, database_url: str | None = None) -> Iterator[Scene]:
    with start_server(folder / "data", PRODUCTION, database_url=database_url) as server:
        marks = [secrets.token_hex(5) for _ in range(4)]
        names = [f"workspace-{secrets.token_hex(5)}" for _ in range(3)]
        keys = add_workspaces(server, *names)
        with contextlib.closing(Line(server.url)) as line:
            operator = Party("operator", line, server.owner_key)
            owners = [*(Party("owner", line, key) for key in keys), operator]
            places = [
                Workspace(owner, name, mark, operator=operator)
                for owner, name, mark in zip(owners, [*names, "default"], marks, strict=True)
            ]
            yield Scene(*places)
