"""`toolcrib migrate`: the database of this environment's settings, brought to the newest schema."""

import asyncio
import importlib
from typing import Annotated, Any

import typer

from .exits import Exit
from .refused import Refused, tell


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    about = f"{migrate.__doc__}\n\n\b\nExample:\n  TOOLCRIB_DATABASE_URL=postgresql://… toolcrib migrate"
    app.command("migrate", help=about)(migrate)


def migrate(
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Bring the database to the newest schema, all of it or nothing. Back it up first; on SQLite, stop the server first."""
    try:
        reached = asyncio.run(_holding_the_database())
    except Refused as refused:
        tell(refused)
        raise typer.Exit(refused.exit) from None
    print(f'{{"schema":"{reached}"}}' if as_json else f"the database has schema {reached}, the newest")


async def _holding_the_database() -> str:
    """On SQLite the engine's lock file is held meanwhile, so that no server runs; PostgreSQL has its own lock."""
    from toolcrib.app.keys import open_data_dir  # noqa: PLC0415 only this command and `serve` need the house
    from toolcrib.app.settings import Settings, UnsafeSetting  # noqa: PLC0415 as above
    from toolcrib.app.wiring import open_engine  # noqa: PLC0415 as above
    from toolcrib.kit.db.sqlite import AlreadyRunning, SqliteEngine  # noqa: PLC0415 as above

    upgrade: Any = importlib.import_module("toolcrib.migrations.upgrade")
    try:
        settings = Settings.read()
        open_data_dir(settings)
        engine = open_engine(settings)
        url = f"sqlite:///{engine.path}" if isinstance(engine, SqliteEngine) else settings.database_url
        try:
            reached: str = await asyncio.to_thread(upgrade.to_head, url, settings.database_role)
        finally:
            await engine.close()
    except UnsafeSetting as error:
        raise Refused("UNSAFE_SETTING", str(error), exit=Exit.USAGE) from None
    except AlreadyRunning as error:
        raise Refused(
            "CONFLICT",
            str(error),
            next_step="stop the server, then run toolcrib migrate again",
            exit=Exit.CLASH,
        ) from None
    except upgrade.NotMigrated as error:
        raise Refused("NOT_MIGRATED", str(error)) from None
    return reached
