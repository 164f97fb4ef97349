"""One way out: nothing but `kit.http` opens a connection to anywhere, by a client, a library that fetches, or a socket.

import-linter keeps aiohttp in there and ruff bans the usual clients; this test knows more of them, sockets, and what is
loaded by name. Whoever is listed speaks to the operator's own database, listens, or only asks the machine its name.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import modules

WAY_OUT = "src/toolcrib/kit/http/"
CLIENTS = {
    "aiohttp", "aiohappyeyeballs", "httpx", "httpx2", "httpcore", "httpcore2", "requests", "requests_oauthlib", "urllib3", "pycurl", "httplib2",
    "urllib.request", "urllib.robotparser", "http.client", "xmlrpc", "websockets", "websocket", "wsproto", "grpc", "niquests", "curl_cffi", "treq",
    "smtplib", "ftplib", "poplib", "imaplib", "telnetlib", "nntplib", "paramiko", "asyncssh", "anyio", "trio", "socketserver",
    # Libraries that fetch with a client of their own: each comes with a transport from `kit.http`, and a line below.
    "openai", "agents", "mcp.client", "opentelemetry.exporter", "prometheus_client.exposition", "boto3", "botocore", "google", "trafilatura",
}  # fmt: skip
SOCKETS = {"socket", "_socket", "asyncpg", "psycopg", "psycopg2"}
DIALS = {
    "open_connection", "create_connection", "open_unix_connection", "create_unix_connection", "create_datagram_endpoint", "sock_connect",
    "connect_ex", "getaddrinfo", "gethostbyname", "start_tls", "PyJWKClient", "urlopen", "urlretrieve",
}  # fmt: skip
DATABASE, LISTENS, NAME = (
    "the operator's own database",
    "listens, and dials nobody",
    "asks this machine its name",
)
ALLOWED = {
    "src/toolcrib/kit/db/notices.py": {"asyncpg": DATABASE},
    "src/toolcrib/kit/db/pooler.py": {"asyncpg": DATABASE},
    "src/toolcrib/kit/db/postgres.py": {"asyncpg": DATABASE},
    "src/toolcrib/migrations/env.py": {"asyncpg": DATABASE},
    "src/toolcrib/migrations/upgrade.py": {"asyncpg": DATABASE},
    "src/toolcrib/cli/doctor.py": {"asyncpg": DATABASE},
    "src/toolcrib/app/server.py": {"socket": LISTENS},
    "src/toolcrib/cli/serve.py": {"socket": LISTENS},
    "src/toolcrib/cli/demo/harbour.py": {"socketserver": LISTENS},
    "src/toolcrib/ledger/owners.py": {"socket": NAME},
}


def test_nothing_else_opens_a_way_out():
    found = {
        module.path: set(ways_out(module.tree)) for module in modules() if not module.path.startswith(WAY_OUT)
    }
    assert {path: ways for path, ways in found.items() if ways} == {
        path: set(why) for path, why in ALLOWED.items()
    }


def test_those_that_listen_or_ask_for_a_name_connect_to_nothing():
    """The modules that may have sockets use none of them to dial."""
    own = [module for module in modules() if {LISTENS, NAME} & set(ALLOWED.get(module.path, {}).values())]
    called = {
        node.func.attr
        for module in own
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert len(own) == 4
    assert called & {"connect", "send", "sendto", "sendall", *DIALS} == set()


@pytest.mark.parametrize("client", sorted(CLIENTS | SOCKETS))
@pytest.mark.parametrize(
    "line",
    [
        "import {}", "import {} as x", "from {} import y", "def f():\n    import {}", "import importlib\nimportlib.import_module('{}')", "__import__('{}')",
        "from importlib import import_module\nimport_module('{}.more')", "import {}.more", "from {}.more import y",
    ],
)  # fmt: skip
def test_every_client_is_seen_however_it_comes(client, line):
    assert set(ways_out(ast.parse(line.format(client)))) == {client}


def test_a_part_of_a_package_is_seen_when_its_parent_is_asked_for_it():
    assert set(ways_out(ast.parse("from urllib import request"))) == {"urllib.request"}
    assert set(ways_out(ast.parse("from http import client as c"))) == {"http.client"}


@pytest.mark.parametrize("dial", sorted(DIALS))
@pytest.mark.parametrize("line", ["await loop.{}()", "{}()", "from asyncio import {}", "dial = asyncio.{}"])
def test_every_dial_is_seen(dial, line):
    wrapped = line if line.startswith("from") else f"async def f():\n    {line}"
    assert set(ways_out(ast.parse(wrapped.format(dial)))) == {dial}


@pytest.mark.parametrize(
    "line",
    [
        "from http import HTTPStatus", "from urllib.parse import quote", "import http", "from . import request", "from .socket import x", "import requests_of_ours",
        "import_module('toolcrib.kit')", "from mcp.server import x", "engine.connect()",
    ],
)  # fmt: skip
def test_what_leads_nowhere_is_left_alone(line):
    assert set(ways_out(ast.parse(line))) == set()


def ways_out(tree: ast.Module) -> Iterator[str]:
    """What in this module could open a connection."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                yield from (way for name in names for way in known(name.name))
            case ast.ImportFrom(str(module), names, 0):
                yield from known(module) or {way for name in names for way in known(f"{module}.{name.name}")}
                yield from DIALS & {name.name for name in names}
            case ast.Call(
                ast.Name("import_module" | "__import__") | ast.Attribute(attr="import_module"),
                [ast.Constant(str(named)), *_],
            ):
                yield from known(named)
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in DIALS:
                yield name


def known(module: str) -> set[str]:
    """The client that a module is, or is a part of."""
    return {way for way in CLIENTS | SOCKETS if module == way or module.startswith(f"{way}.")}
