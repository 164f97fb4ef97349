"""`toolcrib serve`: the server, in this process."""

import contextlib
import errno
import gc
import importlib
import importlib.metadata
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .exits import Exit
from .refused import Refused, from_error, tell
from .session import address_of

if TYPE_CHECKING:
    from toolcrib.app.settings import Settings

_DEMO_PORT = 8010
_OTHER_DATABASE = (
    "do what it says, or give this server another database: TOOLCRIB_DATABASE_URL, TOOLCRIB_DATA_DIR"
)
# The shell does not know the rooms below, but the names of their errors.
_OF_START = {
    "WrongRootKey": "set TOOLCRIB_ROOT_KEY, or TOOLCRIB_ROOT_KEY_FILE, to the key that this database was made with; waiting does not help"
}


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("serve", help=f"{serve.__doc__}\n\n\b\nExample:\n  TOOLCRIB_PORT=8080 toolcrib serve")(serve)


def serve(
    demo: Annotated[
        bool, typer.Option("--demo", help="Also start a small upstream and register tools that call it.")
    ] = False,
    demo_port: Annotated[
        int,
        typer.Option("--demo-port", metavar="PORT", min=1, max=65_535, help="Where that upstream answers."),
    ] = _DEMO_PORT,
) -> None:
    """Start the server. Settings are TOOLCRIB_* in the environment."""
    try:
        _start(demo_port if demo else None)
    except Refused as refused:
        tell(refused)
        raise typer.Exit(refused.exit) from None


def _start(demo_port: int | None) -> None:
    gc.disable()  # imports leave no garbage; looking for it is a tenth of a start
    from toolcrib.app.settings import Settings, UnsafeSetting  # noqa: PLC0415 only this command needs the server
    from toolcrib.contracts.errors import ToolcribError  # noqa: PLC0415 as above
    from toolcrib.kit.db import DatabaseError  # noqa: PLC0415 as above
    from toolcrib.kit.db.sqlite import AlreadyRunning  # noqa: PLC0415 as above

    fresh: Any = importlib.import_module("toolcrib.migrations.fresh")
    try:
        settings = Settings.read() if demo_port is None else _shown(Settings.read(), demo_port)
        _tell_misspelled(Settings.misspelled(os.environ), settings)
        _check_port(settings)
        _run(settings, fresh.bring_up, demo_port)
    except UnsafeSetting as error:
        raise Refused("UNSAFE_SETTING", str(error), next_step=_mending(error), exit=Exit.USAGE) from None
    except AlreadyRunning as error:
        raise Refused("CONFLICT", str(error), next_step=_OTHER_DATABASE, exit=Exit.CLASH) from None
    except DatabaseError as error:
        step = "toolcrib doctor looks closer"
        raise Refused("UNAVAILABLE", str(error), next_step=step, exit=Exit.UNAVAILABLE) from None
    except ToolcribError as error:
        refused = from_error({"code": error.code.value, "message": error.message})
        raise replace(refused, next_step=_OF_START.get(type(error).__name__, refused.next_step)) from None
    except fresh.OtherSchema as error:
        raise Refused("OTHER_SCHEMA", str(error), next_step=_OTHER_DATABASE) from None


def _mending(error: Exception) -> str:
    """Whether the setting is at fault or, as what it names raised something, the pack."""
    if str(error).startswith("TOOLCRIB_PACKS") and error.__cause__ is not None:
        return "mend the pack, or take it out of TOOLCRIB_PACKS"
    return "change the setting that it names"


def _tell_misspelled(misspelled: list[tuple[str, str | None]], settings: "Settings") -> None:
    """A setting that nobody reads is seldom meant so, and in production it is one that was believed to be made."""
    from toolcrib.app.settings import UnsafeSetting  # noqa: PLC0415 as in `_start`

    for name, meant in misspelled:
        hint = f"; did you mean {meant}?" if meant else ""
        if meant and settings.environment == "production":
            raise UnsafeSetting(f"{name} is no setting of this server{hint}")
        typer.echo(f"warning: {name} is no setting of this server{hint}", err=True)


def _check_port(settings: "Settings") -> None:
    """Before anything is opened or said: whoever has the port keeps it."""
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((settings.host, settings.port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            step = "stop what listens there, or set TOOLCRIB_PORT to another port" if taken else None
            message = f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}"
            raise Refused("CONFLICT", message, next_step=step, exit=Exit.CLASH) from None


def _run(settings: "Settings", migrate: Any, demo_port: int | None) -> None:
    import uvloop  # noqa: PLC0415 as in `_start`

    from toolcrib.app.server import run  # noqa: PLC0415 as in `_start`
    from toolcrib.kit.logging import configure  # noqa: PLC0415 as in `_start`

    configure(json=settings.environment == "production", level=settings.log_level)
    version, address = importlib.metadata.version("toolcrib"), address_of(settings.host, settings.port)
    with contextlib.ExitStack() as beside:
        shown = None if demo_port is None else beside.enter_context(_demo(settings, address, demo_port))

        def started(owner_key: Path | None) -> None:
            gc.enable()
            typer.echo(f"Toolcrib {version} listens on {address}; data in {settings.data_dir}")
            if owner_key is not None:
                typer.echo(f"First start. The owner's API key is in {owner_key}")
            if shown is not None:
                shown.begin()

        uvloop.run(run(settings, version, migrate, started))
    with contextlib.suppress(OSError):  # nobody may be there any more to read it
        typer.echo("stopped")


def _shown(settings: "Settings", port: int) -> "Settings":
    from .demo import with_markets  # noqa: PLC0415 only where it is asked for

    return with_markets(settings, os.environ, port)


def _demo(settings: "Settings", address: str, port: int) -> Any:
    from .demo import Demo  # noqa: PLC0415 only where it is asked for

    return Demo(settings, address, port)
