"""A lab: one upstream, one database, and as many servers on it as a row needs, all ended with it."""

import base64
import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.books import Books
from tests.support.client import Client
from tests.support.postgres import Cluster, superuser_url
from tests.support.server import Server, prepare_server
from tests.support.upstream import Upstream, run_upstream


@dataclass
class Lab:
    folder: Path
    upstream: Upstream
    database_url: str
    books: Books
    env: dict[str, str]
    servers: list[Server] = field(default_factory=list)

    @property
    def on_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    def serve(self, env: Mapping[str, str] | None = None) -> Server:
        """A healthy server with a data folder of its own."""
        server = self.prepare(env)
        server.start()
        return server

    def prepare(self, env: Mapping[str, str] | None = None) -> Server:
        """The same, not started."""
        number = len(self.servers) + 1
        server = prepare_server(
            self.folder / f"data-{number}", self.env | dict(env or {}), database_url=self.database_url
        )
        self.servers.append(server)
        return server

    def client(self, server: Server) -> Client:
        """The owner through this server. Only the first start made a key, so it lies with the first server."""
        return Client(server.url, self.servers[0].owner_key)

    def end(self) -> None:
        self.upstream.release()
        for server in self.servers:
            if server.process and server.exit_code is None:
                server.kill9()


LabMaker = Callable[..., contextlib.AbstractContextManager[Lab]]


@contextlib.contextmanager
def sqlite_lab(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Lab]:
    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{folder / 'toolcrib.db'}"
    with _lab(folder, url, url, env) as lab:
        yield lab


@contextlib.contextmanager
def postgres_lab(folder: Path, cluster: Cluster, env: Mapping[str, str] | None = None) -> Iterator[Lab]:
    folder.mkdir(parents=True, exist_ok=True)
    url = cluster.fresh_database()
    with _lab(folder, url, superuser_url(url), env) as lab:
        yield lab


@contextlib.contextmanager
def _lab(folder: Path, url: str, books_url: str, env: Mapping[str, str] | None) -> Iterator[Lab]:
    with run_upstream() as upstream:
        shared = {
            "TOOLCRIB_ROOT_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "TOOLCRIB_EGRESS_ALLOW": upstream.host,
        }
        lab = Lab(folder, upstream, url, Books(books_url), shared | dict(env or {}))
        try:
            yield lab
        finally:
            lab.end()
