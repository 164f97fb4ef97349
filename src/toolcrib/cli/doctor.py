"""`toolcrib doctor`: what is well and what is not, each with a next step."""

import asyncio
import importlib
import json
import os
import sqlite3
import ssl
import stat
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .command import command
from .exits import Exit
from .refused import Refused
from .safe import one_line
from .session import Session

if TYPE_CHECKING:
    from toolcrib.app.settings import Settings
    from toolcrib.kit.http.egress import Allowed

_ISOLATION = Annotated[
    bool, typer.Option("--isolation", help="Try whether one workspace can tell of another; takes a minute.")
]
_LONGEST = 500
_NEEDED = {"server", "key"}
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `next_step` says what to do where it is not well."""

    check: str
    ok: bool
    found: str
    next_step: str | None = None
    exit: Exit = Exit.OTHER


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "doctor", example="toolcrib doctor")(doctor)


def doctor(session: Session, isolation: _ISOLATION = False) -> None:
    """Check server, key, data directory, database, retention and egress setting. Changes nothing, but with `--isolation`
    makes two workspaces, lets each ask for the other's things on every route, and leaves them empty and suspended.
    """
    findings = _all(session)
    if isolation and all(one.ok for one in findings if one.check in _NEEDED):
        findings.append(_isolation(session))
    if session.as_json:
        print(
            json.dumps(
                {"checks": [{k: v for k, v in asdict(one).items() if k != "exit"} for one in findings]}
            )
        )
    else:
        _print(findings)
    raise typer.Exit(next((one.exit for one in findings if not one.ok), Exit.OK))


def _all(session: Session) -> list[Finding]:
    from toolcrib.app.settings import Settings, UnsafeSetting  # noqa: PLC0415 reads the environment

    # Asking for nobody's sake: whether it answers has nothing to do with keys.
    server = _server(replace(session, credential="none"))
    try:
        settings = Settings.read()
    except UnsafeSetting as error:
        step = "change the setting that it names"
        return [server, Finding("settings", False, str(error), step, Exit.USAGE)]
    found = [server, _key(session), *_rotation(session)] if server.ok else [server]
    found += _misspelled(Settings.misspelled(os.environ))
    checks: tuple[Callable[[Settings], Finding], ...] = (_data_dir, _database, _retention, _egress)
    return [*found, *(check(settings) for check in checks)]


def _misspelled(names: list[tuple[str, str | None]]) -> list[Finding]:
    return [
        Finding("settings", False, f"{name} is no setting, so nobody reads it", f"write {meant}" if meant else f"unset {name}", Exit.USAGE)
        for name, meant in names
    ]  # fmt: skip


def _server(session: Session) -> Finding:
    try:
        health = asyncio.run(session.exchange("GET", "/health", seconds=10)).document
    except Refused as refused:
        return Finding("server", False, refused.message, refused.next_step, refused.exit)
    well = isinstance(health, dict) and health.get("db") == "ok"
    text = f"{session.base} answers" if well else f"{session.base} answers, but its database does not"
    return Finding("server", well, text, None if well else "look at the server's log", Exit.UNAVAILABLE)


def _key(session: Session) -> Finding:
    try:
        session.ask("GET", "/tools", query={"limit": "1"})
    except Refused as refused:
        return Finding(
            "key", False, f"asked {session.base}: {refused.message}", refused.next_step, refused.exit
        )
    return Finding("key", True, f"{session.base} accepts it")


def _rotation(session: Session) -> list[Finding]:
    """What an owner may know of the keys: nothing where the key shown is none's."""
    try:
        found = session.ask("GET", "/secrets/rotation").document
    except Refused:
        return []
    text = f"{found['left']} secrets of this workspace are left under older keys"
    if found["root"] is None:
        return [Finding("keys", True, text)]
    step = "keep TOOLCRIB_ROOT_KEY_PREVIOUS until none is left" if found["root"] else None
    return [Finding("keys", True, f"{text}; {found['root']} rows of all need the previous root key", step)]


def _data_dir(settings: "Settings") -> Finding:
    folder = settings.data_dir
    if not folder.exists():
        return Finding("data directory", True, f"{folder} does not exist; toolcrib serve makes it")
    # The database is left out: in a folder that is closed to others its own mode opens nothing.
    for path, mode in ((folder, "700"), (folder / "root.key", "600"), (folder / "owner.key", "600")):
        if path.exists() and path.stat().st_mode & _OTHERS:
            return Finding("data directory", False, f"others may use {path}", f"chmod {mode} {path}")
    return Finding("data directory", True, f"{folder} is yours alone")


def _database(settings: "Settings") -> Finding:
    head = importlib.import_module("toolcrib.migrations.fresh").HEAD
    try:
        version = _version(settings)
    except (OSError, sqlite3.Error) as error:
        return Finding(
            "database",
            False,
            f"it cannot be read: {error}",
            "look at TOOLCRIB_DATABASE_URL",
            Exit.UNAVAILABLE,
        )
    if version is None:
        return Finding("database", True, "it is empty; toolcrib serve brings it up")
    if version == head:
        return Finding("database", True, f"it has schema {head}, as this program")
    older = not version.isdecimal() or int(version) < int(head)
    step = "back it up, then run: toolcrib migrate" if older else "install the newer Toolcrib that made it"
    return Finding("database", False, f"it has schema {version}, this program needs {head}", step)


def _version(settings: "Settings") -> str | None:
    if settings.database_url.startswith("postgres"):
        return asyncio.run(_postgres_version(settings.database_url))
    path = settings.database_url.removeprefix("sqlite:///")
    return _sqlite_version(Path(path) if path else settings.data_dir / "toolcrib.db")


def _sqlite_version(path: Path) -> str | None:
    if not path.exists():
        return None
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
    finally:
        connection.close()
    return None if row is None else str(row[0])


async def _postgres_version(url: str) -> str | None:
    import asyncpg  # noqa: PLC0415 only for PostgreSQL

    try:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            version: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        finally:
            await connection.close()
    except asyncpg.UndefinedTableError:
        return None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        raise OSError(type(error).__name__) from error
    return version


def _retention(settings: "Settings") -> Finding:
    days = settings.retention_days
    if days is None:
        return Finding("retention", True, "off: by this shell's settings no input or output is ever deleted")
    told = f"{days} day{'' if days == 1 else 's'}"
    return Finding(
        "retention", True, f"on: by this shell's settings inputs and outputs are deleted after {told}"
    )


def _egress(settings: "Settings") -> Finding:
    from toolcrib.kit.http import Egress, Proxy  # noqa: PLC0415 costs 0.1 s

    try:
        proxy = Proxy.parse(settings.egress_proxy)
    except ValueError as error:
        return Finding(
            "egress", False, "TOOLCRIB_EGRESS_PROXY cannot be read", f"mend it: {error}", Exit.USAGE
        )
    try:
        allowed = Egress.parse(settings.egress_allow).allow
    except ValueError as error:
        step = "mend TOOLCRIB_EGRESS_ALLOW: addresses, blocks such as 10.0.0.0/8, host names or *.name, each with :port if one will do"
        return Finding("egress", False, str(error), step, Exit.USAGE)
    if settings.egress_ca and not _holds_certificates(settings.egress_ca):
        message, step = f"{settings.egress_ca} holds no certificates", "mend TOOLCRIB_EGRESS_CA: a PEM file"
        return Finding("egress", False, message, step, Exit.USAGE)
    public = "by this shell's settings tools may call public addresses over https"
    told = "; ".join(_in_words(entry) for entry in allowed)
    found = f"{public}, also over http: {told}" if told else f"{public}, and nothing private"
    through = f"; all of it through the proxy {proxy.host}:{proxy.port}" if proxy else ""
    return Finding("egress", True, found + through)


def _isolation(session: Session) -> Finding:
    from .isolation import examine  # noqa: PLC0415 only where it is asked for

    try:
        isolation = examine(session)
    except Refused as refused:
        return Finding("isolation", False, refused.message, refused.next_step, refused.exit)
    for leak in isolation.leaks:
        print(f"leak: {one_line(str(leak), _LONGEST)}", file=sys.stderr)
    counts = f"{isolation.compared.total()} answers compared, {isolation.controls} controls"
    if isolation.leaks:
        step = "keep workspaces apart by servers until it is mended, and report it"
        return Finding("isolation", False, f"{counts}, {len(isolation.leaks)} leaks: see above", step)
    return Finding("isolation", True, f"{counts}, no workspace can tell of the other")


def _in_words(entry: "Allowed") -> str:
    """Whom one entry of the list lets tools call."""
    from toolcrib.kit.http.egress import AllowedNetwork  # noqa: PLC0415 as in `_egress`

    if isinstance(entry, AllowedNetwork):
        one, block = entry.network.network_address, entry.network
        whom = (
            str(one) if block.num_addresses == 1 else f"all of {block} ({one} to {block.broadcast_address})"
        )
    else:
        whom = f"every host below {entry.name}" if entry.below else entry.name
    return f"{whom} on {'any port' if entry.port is None else f'port {entry.port}'}"


def _holds_certificates(file: str) -> bool:
    try:
        ssl.create_default_context(cafile=file)
    except OSError:  # ssl's errors are among them
        return False
    return True


def _print(findings: list[Finding]) -> None:
    from .views import table  # noqa: PLC0415 rich is needed only for people

    rows: list[tuple[Any, ...]] = []
    for one in findings:
        rows.append(("ok" if one.ok else "not ok", one.check, one.found))
        if one.next_step:
            rows.append(("", "", f"next: {one.next_step}"))
    table(("", "CHECK", "FOUND"), rows)
