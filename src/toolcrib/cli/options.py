"""Arguments and options that several commands take."""

from typing import Annotated

import typer

from .completion import tool_names

Name = Annotated[str, typer.Argument(metavar="TOOL", help="Name or id.", autocompletion=tool_names)]
Whole = Annotated[
    str | None, typer.Option("--input", metavar="JSON|@FILE", help="The whole input; @- reads stdin.")
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "-i",
        metavar="KEY=VALUE",
        help="One field of the input; a value that reads as JSON is JSON, else text.",
    ),
]
