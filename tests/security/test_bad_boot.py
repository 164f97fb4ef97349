"""B31: `toolcrib serve` with unsafe settings. Each is refused by name, before anything is made, and what is told holds no
secret. The control of each row is the same setting in its safe form, with which the same place starts and serves.
"""

import base64
import contextlib
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.mint import SECRET, Minter, jwks
from tests.support.postgres import superuser_url
from tests.support.server import Server, prepare_server

Env = Mapping[str, str]
USAGE, CLASH, UNAVAILABLE, OTHER = 2, 5, 7, 1
PRODUCTION = {"TOOLCRIB_ENV": "production"}
PASSWORD = "swordfish-of-the-proxy"
TYPED = base64.b64encode(b"correct horse battery staple 123").decode()
SHORT = base64.b64encode(secrets.token_bytes(16)).decode()
ZEROS = base64.b64encode(bytes(32)).decode()
KEY, OTHER_KEY = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in "ab")
PUBLISHED = "super-secret-jwt-token-with-at-least-32-characters-long"
PRIVATE = "c2VjcmV0LXBhcnQtb2YtYS1rZXk"
GUESSED = "changeme-changeme"
COUNTED = base64.b64encode(bytes(range(7, 39))).decode()
TWICE = base64.b64encode(secrets.token_bytes(16) * 2).decode()
HIDDEN = (
    PASSWORD,
    TYPED,
    SHORT,
    ZEROS,
    COUNTED,
    TWICE,
    KEY,
    OTHER_KEY,
    PUBLISHED,
    PRIVATE,
    GUESSED,
    SECRET.decode(),
)
CORP = {
    "TOOLCRIB_JWT_ISSUERS": "corp",
    "TOOLCRIB_JWT_CORP_ISSUER": "https://login.example",
    "TOOLCRIB_JWT_CORP_AUDIENCE": "toolcrib",
    "TOOLCRIB_JWT_CORP_ALGORITHM": "ES256",
    "TOOLCRIB_JWT_CORP_JWKS_URL": "https://login.example/jwks.json",
}
SHARED = {name: value for name, value in CORP.items() if not name.endswith("_URL")} | {
    "TOOLCRIB_JWT_SHARED_SECRETS": "on",
    "TOOLCRIB_JWT_CORP_ALGORITHM": "HS256",
    "TOOLCRIB_JWT_CORP_SECRET": SECRET.decode(),
}


@dataclass(frozen=True)
class Place:
    """A folder in which a server is to start, with files of the wanted kind."""

    folder: Path

    def file(self, name: str, text: str, mode: int) -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def server(self, env: Env, url: str | None = None) -> Server:
        return prepare_server(self.folder / "data", env, database_url=url)


@dataclass(frozen=True)
class Row:
    """`says` is a part of what to do; `unsafe` and `safe` prepare the place and give the environment."""

    setting: str
    says: str
    unsafe: Callable[[Place], Env]
    safe: Callable[[Place], Env]


def row(setting: str, says: str, unsafe: Env, safe: Env) -> Row:
    return Row(setting, says, lambda _: unsafe, lambda _: safe)


def of_file(setting: str, says: str, text: str, modes: tuple[int, int], more: Env | None = None) -> Row:
    """A file that is refused in the first mode and fine in the second."""

    def named(mode: int) -> Callable[[Place], Env]:
        return lambda place: (more or {}) | {setting: place.file("given", text, mode)}

    return Row(setting, says, named(modes[0]), named(modes[1]))


def data_key(mode: int) -> Callable[[Place], Env]:
    def place_it(place: Place) -> Env:
        place.file("data/root.key", KEY, mode)
        return {}

    return place_it


def open_data(mode: int) -> Callable[[Place], Env]:
    def place_it(place: Place) -> Env:
        (place.folder / "data").mkdir(exist_ok=True)
        (place.folder / "data").chmod(mode)
        return {}

    return place_it


def database_file(mode: int) -> Callable[[Place], Env]:
    return lambda place: {"TOOLCRIB_DATABASE_URL": f"sqlite:///{place.file('own.db', '', mode)}"}


def jwks_file(mode: int, **more: str) -> Callable[[Place], Env]:
    keys = jwks(Minter("ES256").jwk(**more)).decode()
    whole = {name: value for name, value in CORP.items() if not name.endswith("_URL")}
    return lambda place: whole | {"TOOLCRIB_JWT_CORP_JWKS_FILE": place.file("jwks.json", keys, mode)}


MAKE_ONE = "make one with: openssl rand -base64 32"
ROOT, FILE = "TOOLCRIB_ROOT_KEY", "TOOLCRIB_ROOT_KEY_FILE"
ALLOW, PROXY, ISSUER = "TOOLCRIB_EGRESS_ALLOW", "TOOLCRIB_EGRESS_PROXY", "TOOLCRIB_JWT_CORP_"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ROWS = {
    "a root key of zeros": row(ROOT, MAKE_ONE, {ROOT: ZEROS}, {ROOT: KEY}),
    "a root key of half the length": row(ROOT, MAKE_ONE, {ROOT: SHORT}, {ROOT: KEY}),
    "a root key that somebody thought of": row(ROOT, MAKE_ONE, {ROOT: TYPED}, {ROOT: KEY}),
    "a root key that counts": row(ROOT, MAKE_ONE, {ROOT: COUNTED}, {ROOT: KEY}),
    "a root key that says half of it twice": row(ROOT, MAKE_ONE, {ROOT: TWICE}, {ROOT: KEY}),
    "a root key file that others read": of_file(FILE, "run chmod 600", KEY, (0o644, 0o600)),
    "a root key in the data directory that others read": Row(FILE, "run chmod 600", data_key(0o640), data_key(0o600)),
    "two root keys": Row(
        ROOT, "keep one", lambda place: {ROOT: KEY, FILE: place.file("given", KEY, 0o600)}, lambda _: {ROOT: KEY}
    ),
    "a previous root key that is the root key": row(
        "TOOLCRIB_ROOT_KEY_PREVIOUS", "leave it out", {ROOT: KEY, "TOOLCRIB_ROOT_KEY_PREVIOUS": KEY}, {ROOT: KEY, "TOOLCRIB_ROOT_KEY_PREVIOUS": OTHER_KEY}
    ),
    "a data directory that all write to": Row("TOOLCRIB_DATA_DIR", "run chmod 700", open_data(0o777), open_data(0o755)),
    "a database that all write to": Row("TOOLCRIB_DATABASE_URL", "run chmod o-w", database_file(0o666), database_file(0o600)),
    "an unknown kind of database": row(
        "TOOLCRIB_DATABASE_URL", "must start with postgresql://", {"TOOLCRIB_DATABASE_URL": f"mysql://u:{PASSWORD}@127.0.0.1/x"}, {}
    ),
    "development before strangers": row(
        "TOOLCRIB_HOST", "only with TOOLCRIB_ENV=production", {"TOOLCRIB_HOST": "0.0.0.0"}, {"TOOLCRIB_HOST": "0.0.0.0"} | PRODUCTION
    ),
    "an environment that does not exist": row("TOOLCRIB_ENV", "must be development or production", {"TOOLCRIB_ENV": "prod"}, PRODUCTION),
    "debug in production": row("TOOLCRIB_LOG_LEVEL", "take info", {"TOOLCRIB_LOG_LEVEL": "debug"} | PRODUCTION, {"TOOLCRIB_LOG_LEVEL": "debug"}),
    "a setting that was believed to be made": row(
        "TOOLCRIB_EGRES_PROXY", f"did you mean {PROXY}?", {"TOOLCRIB_EGRES_PROXY": f"http://u:{PASSWORD}@127.0.0.1:3128"} | PRODUCTION,
        {"TOOLCRIB_SERVICE_HOST": "10.0.0.1", "TOOLCRIB_PORT_8000_TCP": "tcp://10.0.0.1:8000"} | PRODUCTION,
    ),
    "every page of the web": row(
        "TOOLCRIB_CORS_ORIGINS", "name each origin", {"TOOLCRIB_CORS_ORIGINS": "*"}, {"TOOLCRIB_CORS_ORIGINS": "https://app.example"}
    ),
    "pages without an origin": row(
        "TOOLCRIB_CORS_ORIGINS", "write it as browsers send it", {"TOOLCRIB_CORS_ORIGINS": "null"}, {"TOOLCRIB_CORS_ORIGINS": "http://127.0.0.1:5173"}
    ),
    "pages at a port that browsers leave out": row(
        "TOOLCRIB_CORS_ORIGINS", "write it as browsers send it", {"TOOLCRIB_CORS_ORIGINS": "https://app.example:443"}, {"TOOLCRIB_CORS_ORIGINS": "https://app.example:8443"}
    ),
    "egress to every address": row(ALLOW, "Name the networks", {ALLOW: "0.0.0.0/0"}, {ALLOW: "10.0.0.0/8"}),
    "egress to every address in two halves": row(ALLOW, "Name the networks", {ALLOW: "0.0.0.0/1,128.0.0.0/1"}, {ALLOW: "10.0.0.0/8,fc00::/7"}),
    "egress to the cloud's credentials": row(ALLOW, "Leave it out", {ALLOW: "169.254.169.254:80"}, {ALLOW: "169.254.7.7:80"}),
    "a proxy that cannot be read": row(
        PROXY, "is not readable", {PROXY: f"https://u:{PASSWORD}@127.0.0.1:3128"}, {PROXY: f"http://u:{PASSWORD}@127.0.0.1:3128"}
    ),
    "authorities that all write to": of_file("TOOLCRIB_EGRESS_CA", "run chmod o-w", CERTIFICATES.read_text(), (0o666, 0o644)),
    "authorities that are none": Row(
        "TOOLCRIB_EGRESS_CA", "holds no certificates", lambda place: {"TOOLCRIB_EGRESS_CA": place.file("given", "none", 0o644)},
        lambda _: {"TOOLCRIB_EGRESS_CA": str(CERTIFICATES)},
    ),
    "a tool that would get the root key": row(
        "TOOLCRIB_ENV_SECRETS", "no tool gets it", {ROOT: KEY, "TOOLCRIB_ENV_SECRETS": f"default:K={ROOT}"},
        {"TIDE_KEY": PASSWORD, "TOOLCRIB_ENV_SECRETS": "default:K=TIDE_KEY"},
    ),
    "a pack that is not there": row("TOOLCRIB_PACKS", "is it installed", {"TOOLCRIB_PACKS": "none_such:pack"}, {"TOOLCRIB_PACKS": "markets"}),
    "payloads for no time": row("TOOLCRIB_RETENTION_DAYS", "from 1 to", {"TOOLCRIB_RETENTION_DAYS": "0"}, {"TOOLCRIB_RETENTION_DAYS": "1"}),
    "requests without an end": row("TOOLCRIB_MAX_REQUEST", "from 1000 to", {"TOOLCRIB_MAX_REQUEST": "1000000001"}, {"TOOLCRIB_MAX_REQUEST": "1000000000"}),
    "keys of an issuer over plain http": row(ISSUER + "JWKS_URL", ALLOW, CORP | {ISSUER + "JWKS_URL": "http://login.example/jwks.json"}, CORP),
    "keys of an issuer from anybody": Row(ISSUER + "JWKS_FILE", "chmod o-w", jwks_file(0o666), jwks_file(0o644)),
    "a private key of an issuer": Row(ISSUER + "JWKS_FILE", "private key", jwks_file(0o644, d=PRIVATE), jwks_file(0o644)),
    "an issuer for every audience": row(ISSUER + "AUDIENCE", "must name whom", CORP | {ISSUER + "AUDIENCE": "*"}, CORP),
    "a shared secret without the switch": row(
        ISSUER + "ALGORITHM", "TOOLCRIB_JWT_SHARED_SECRETS=on", SHARED | {"TOOLCRIB_JWT_SHARED_SECRETS": "off"}, SHARED
    ),
    "a short shared secret": row(ISSUER + "SECRET", "32 random bytes", SHARED | {ISSUER + "SECRET": GUESSED}, SHARED),
    "a published shared secret": row(ISSUER + "SECRET", "openssl rand", SHARED | PRODUCTION | {ISSUER + "SECRET": PUBLISHED}, SHARED | PRODUCTION),
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    return Place(tmp_path)


def refused(server: Server, name: str, says: str, code: int = USAGE) -> None:
    """The process ends by itself, in words that name it; what it wrote holds no secret."""
    earlier, told_earlier = server.stdout, len(server.stderr)
    server.spawn()
    try:
        assert server.wait() == code, server.stderr
    finally:
        server.stop()
    told = server.stderr[told_earlier:]
    assert server.stdout == earlier
    assert re.search(rf"\b{name}\b", told), told
    assert says in told
    assert "next: " in told
    assert "Traceback" not in told
    assert not [secret for secret in HIDDEN if secret in told]


def serves(server: Server) -> None:
    server.start()
    assert server.stop() == 0


def kept(folder: Path) -> dict[str, str]:
    """What lies in the data directory, of a database its rows; SQLite's own working files and the lock aside."""
    passing = ("-wal", "-shm", ".lock")
    files = [one for one in folder.glob("*") if not one.name.endswith(passing)]
    return {one.name: dumped(one) if one.suffix == ".db" else one.read_text() for one in files}


def dumped(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump())


@pytest.mark.parametrize("one", ROWS.values(), ids=ROWS.keys())
def test_an_unsafe_setting_is_refused_by_name_and_its_safe_form_serves(place, one):
    server = place.server(one.unsafe(place))
    before = kept(server.data_dir)
    refused(server, one.setting, one.says)
    assert f"UNSAFE_SETTING {one.setting}" in server.stderr
    assert kept(server.data_dir) == before
    own = place.folder / "own.db"
    assert not own.exists() or own.stat().st_size == 0

    serves(place.server(one.safe(place)))


def test_a_database_is_not_opened_with_another_root_key(place):
    serves(place.server({ROOT: KEY}))
    before = kept(place.folder / "data")
    refused(place.server({ROOT: OTHER_KEY}), ROOT, "the key that this database was made with", UNAVAILABLE)
    assert kept(place.folder / "data") == before
    serves(place.server({ROOT: KEY}))


@pytest.mark.parametrize(
    ("version", "says"), [("9999", "start the newer Toolcrib"), ("0001", "toolcrib migrate")]
)
def test_a_database_of_another_schema_is_left_as_it_is(place, version, says):
    serves(place.server({}))
    path = place.folder / "data" / "toolcrib.db"
    (own,) = stamped(path, version)
    before = kept(place.folder / "data")
    refused(place.server({}), "TOOLCRIB_DATABASE_URL", says, OTHER)
    assert kept(place.folder / "data") == before
    stamped(path, own)
    serves(place.server({}))


def test_a_second_process_does_not_take_the_database(place):
    first = place.server({})
    first.start()
    second = prepare_server(place.folder / "second", {"TOOLCRIB_DATA_DIR": str(first.data_dir)})
    refused(second, "TOOLCRIB_DATA_DIR", f"in use by process {first.pid}", CLASH)
    assert first.client.call("GET", "/health").status == 200
    assert first.stop() == 0
    serves(second)


@pytest.mark.parametrize("options", ["SUPERUSER", "BYPASSRLS"])
def test_a_role_past_row_security_is_refused(place, postgres, options):
    url = postgres.fresh_database()
    role = f"{url.rpartition('/')[2]}_past"
    postgres.execute(f"CREATE ROLE {role} NOLOGIN {options}")
    login = superuser_url(url)
    server = place.server({"TOOLCRIB_DATABASE_ROLE": role}, login)
    refused(server, "TOOLCRIB_DATABASE_URL", "name another role")
    assert not (place.folder / "data" / "owner.key").exists()
    postgres.execute(f"ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS")
    serves(server)


def stamped(path: Path, version: str) -> list[str]:
    """Write this version into the database; answers the one before."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        found = [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    return found


def test_there_are_more_than_fifteen():
    assert len(ROWS) >= 15
    assert len({one.setting for one in ROWS.values()}) >= 15
