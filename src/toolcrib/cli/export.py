"""`toolcrib export`: the tools of a workspace as a folder of configs. What somebody wrote there is kept."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from .command import command
from .exits import Exit
from .refused import Refused, usage
from .safe import one_line
from .session import Session, part

_PAGE = 200


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "export", example="toolcrib export tools")(export)


def export(
    session: Session,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Where to write; it is made if need be.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Also over files that differ.")] = False,
) -> None:
    """Write each tool of your own workspace as a config that apply takes. A file that differs is kept, and then nothing is
    written, unless --force is given. Other files of the folder are left alone.
    """
    texts = {_file_name(name): _config(session, name) for name in _own_tools(session)}
    place = Path(folder)
    try:
        _refuse_to_lose(place, texts, force=force)
        place.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            _write(place / name, text)
    except OSError as error:
        raise usage(f"{error.filename or folder} cannot be written: {error.strerror}") from None
    if session.as_json:
        print(json.dumps({"files": list(texts)}))
    else:
        print(f"{len(texts)} tools in {one_line(folder)}")


def _refuse_to_lose(place: Path, texts: dict[str, bytes], *, force: bool) -> None:
    """Raises `Refused` with each file that is not as it would be written."""
    faults = [
        (name, why) for name, text in texts.items() if (why := _in_the_way(place / name, text, force=force))
    ]
    if not faults:
        return
    step = "take them away" if force else "look at each; --force writes over files, never through a link"
    message = f"{len(faults)} of {len(texts)} files in {place} would be lost; nothing was written."
    raise Refused("CONFLICT", message, tuple(faults), step, Exit.CLASH)


def _in_the_way(path: Path, text: bytes, *, force: bool) -> str | None:
    if path.is_symlink():
        return "is a link"
    if not path.exists():
        return None
    if not path.is_file():
        return "is no file"
    return None if force or path.read_bytes() == text else "differs from the tool"


def _write(path: Path, text: bytes) -> None:
    """Whoever puts a link there in the meantime is not followed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o666), "wb") as file:
        file.write(text)


def _config(session: Session, name: str) -> bytes:
    tool = session.ask("GET", f"/tools/{part(name)}").document
    return (json.dumps(tool["config"], indent=2, ensure_ascii=False) + "\n").encode()


def _own_tools(session: Session) -> list[str]:
    query, names = {"scope": "workspace", "limit": str(_PAGE)}, []
    while True:
        page = session.ask("GET", "/tools", query=query).document
        names += [str(tool["name"]) for tool in page["tools"]]
        if not page["next"]:
            return names
        query = query | {"cursor": page["next"]}


def _file_name(name: str) -> str:
    """A server's word decides about a file's place only where it is a tool's name."""
    from toolcrib.contracts.names import is_tool_name  # noqa: PLC0415 only this command asks

    if not is_tool_name(name):
        raise usage(f"the server names a tool {name!r}, which is no name of a tool")
    return f"{name}.json"
