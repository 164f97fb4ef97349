"""`toolcrib serve`: the server, in this process."""

import importlib
import importlib.metadata
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from toolcrib.app.settings import Settings


def serve(
    demo: Annotated[
        bool, typer.Option("--demo", help="Also start a small upstream and register tools that call it.")
    ] = False,
) -> None:
    """Start the server. Settings are TOOLCRIB_* in the environment.

    Example: TOOLCRIB_PORT=8080 toolcrib serve
    """
    import uvloop  # noqa: PLC0415 only this command needs the server

    from toolcrib.app.settings import Settings, UnsafeSetting  # noqa: PLC0415
    from toolcrib.contracts.errors import ToolcribError  # noqa: PLC0415
    from toolcrib.kit.db import DatabaseError  # noqa: PLC0415
    from toolcrib.kit.db.sqlite import AlreadyRunning  # noqa: PLC0415
    from toolcrib.kit.logging import configure  # noqa: PLC0415

    fresh: Any = importlib.import_module("toolcrib.migrations.fresh")
    try:
        settings = Settings.read()
        configure(json=settings.environment == "production", level=settings.log_level)
        uvloop.run(_serve(settings, fresh.bring_up))
    except (UnsafeSetting, AlreadyRunning, DatabaseError, ToolcribError, fresh.OtherSchema) as refused:
        _fail(str(refused))


async def _serve(settings: "Settings", migrate: Any) -> None:
    from toolcrib.app.server import run  # noqa: PLC0415 only this command needs the server

    version = importlib.metadata.version("toolcrib")

    def started(owner_key: Path | None) -> None:
        typer.echo(
            f"Toolcrib {version} listens on {settings.host}, port {settings.port}; data in {settings.data_dir}"
        )
        if owner_key is not None:
            typer.echo(f"First start. The owner's API key is in {owner_key}")

    await run(settings, version, migrate, started)


def _fail(message: str) -> None:
    typer.echo(f"toolcrib: {message}", err=True)
    sys.exit(2)
