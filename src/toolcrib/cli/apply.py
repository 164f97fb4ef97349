"""`toolcrib apply` and `toolcrib export`: a folder of configs and the tools of a workspace, brought to agree."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .command import command
from .difference import NOTHING, Change
from .exits import Exit
from .folder import Broken, Plan, carry_out, read_folder
from .refused import Refused, tell, usage
from .safe import one_line
from .session import Session, part

_PAGE = 200
_MARKS = {"new": "+", "changed": "~", "same": "="}


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "apply", example="toolcrib apply tools --dry-run")(apply)
    command(app, "export", example="toolcrib export tools")(export)


def apply(
    session: Session,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Every *.json in it is a tool's config.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; change nothing.")] = False,
) -> None:  # fmt: skip
    """Register the tools of a folder that are new and publish versions of those that changed. Shows the difference first.
    A folder with a fault changes nothing; no tool is ever deleted.
    """
    plans, broken = read_folder(session, folder)
    if not session.as_json:
        for plan in plans:
            _show(plan)
        for one in broken:
            tell(one.why, one.file)
    done = [] if broken or dry_run else _carried_out(session, plans)
    if session.as_json:
        _write(plans, broken, done)
    elif broken:
        print("nothing was changed")
    else:
        print(_summary(plans, dry_run=dry_run))
    raise typer.Exit(broken[0].why.exit if broken else Exit.OK)


def export(
    session: Session,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Where to write; it is made if need be.")],
) -> None:
    """Write each tool of your own workspace as a config that apply takes. Other files of the folder are left alone."""
    names = _own_tools(session)
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name in names:
            tool = session.ask("GET", f"/tools/{part(name)}").document
            text = json.dumps(tool["config"], indent=2, ensure_ascii=False)
            (place / _file_name(name)).write_text(text + "\n", "utf-8")
    except OSError as error:
        raise usage(f"{folder} cannot be written: {error.strerror}") from None
    if session.as_json:
        print(json.dumps({"files": [_file_name(name) for name in names]}))
    else:
        print(f"{len(names)} tools in {one_line(folder)}")


def _carried_out(session: Session, plans: list[Plan]) -> list[str]:
    """What fails here changed on the server since it was looked at; what was done before it stays."""
    done: list[str] = []
    for plan in plans:
        try:
            carry_out(session, plan)
        except Refused as refused:
            refused.message = (
                f"{plan.file}: {refused.message} Done before it: {', '.join(done) or 'nothing'}."
            )
            raise
        done += [] if plan.state == "same" else [plan.name]
    return done


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


def _show(plan: Plan) -> None:
    step = f"{plan.previous} → {plan.version}" if plan.state == "changed" else plan.version
    print(f"{_MARKS[plan.state]} {one_line(plan.name)} {one_line(step)} ({one_line(plan.file)})")
    for change in plan.changes:
        print(f"    {one_line(change.path)}: {_told(change)}")


def _told(change: Change) -> str:
    old, new = (
        None if value is NOTHING else one_line(json.dumps(value, ensure_ascii=False))
        for value in (change.old, change.new)
    )
    if old is None:
        return f"added {new}"
    return f"{old} taken out" if new is None else f"{old} → {new}"


def _summary(plans: list[Plan], *, dry_run: bool) -> str:
    counted = {state: sum(plan.state == state for plan in plans) for state in _MARKS}
    told = ", ".join(f"{number} {state}" for state, number in counted.items())
    return f"{told}; nothing was changed, --dry-run" if dry_run else told


def _write(plans: list[Plan], broken: list[Broken], done: list[str]) -> None:
    found: dict[str, Any] = {
        "tools": [plan.as_json() for plan in plans],
        "broken": [one.as_json() for one in broken],
        "applied": done,
    }
    print(json.dumps(found))
