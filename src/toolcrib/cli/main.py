"""All commands of `toolcrib`. Nothing that only one of them needs is imported here: `serve` must start at once."""

import importlib.metadata
from typing import Annotated

import typer

from . import (
    apply,
    bench,
    call,
    doctor,
    events,
    executions,
    export,
    grants,
    keys,
    limits,
    members,
    migrate,
    packs,
    secrets,
    serve,
    tools,
    workspaces,
)

app = typer.Typer(
    name="toolcrib", no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="The guarded store for the tools of AI agents.",
)  # fmt: skip
serve.add_to(app)
call.add_to(app)
for noun in (
    tools.app,
    executions.app,
    secrets.app,
    keys.app,
    workspaces.app,
    members.app,
    grants.app,
    grants.suspended,
    limits.app,
    packs.app,
):
    app.add_typer(noun)
workspaces.add_to(app)
events.add_to(app, executions.app)
apply.add_to(app)
export.add_to(app)
migrate.add_to(app)
doctor.add_to(app)
bench.add_to(app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"toolcrib {importlib.metadata.version('toolcrib')}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    *,
    url: Annotated[
        str | None,
        typer.Option(
            "--url", metavar="URL", help="The server. Else TOOLCRIB_URL, else http://127.0.0.1:8000."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's JSON.")] = False,
    workspace: Annotated[
        str | None,
        typer.Option(
            "--workspace", metavar="WORKSPACE", help="Where you are in several. Else TOOLCRIB_WORKSPACE."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    del version
    context.obj = {"url": url, "json": as_json, "workspace": workspace}


def main() -> None:
    """The entry point."""
    app()
