"""A server with its production settings and workspaces in it that know nothing of each other."""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assay.isolation import Isolation
from assay.wire import Party
from assay.workspace import Workspace, make
from tests.assay.line import Line
from tests.support.server import start_server

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
    with (
        start_server(folder / "data", PRODUCTION, database_url=database_url) as server,
        contextlib.closing(Line(server.url)) as line,
    ):
        operator = Party("operator", line, server.owner_key)
        home = Workspace(operator, "default", secrets.token_hex(5), operator=operator)
        yield Scene(*(make(operator, f"workspace-{letter}") for letter in "abc"), home)
