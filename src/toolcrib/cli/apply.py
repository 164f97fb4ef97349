"""`toolcrib apply`: the tools of a workspace, brought to agree with a folder of configs."""

import json
import sys
from typing import Annotated, Any

import typer

from .command import command
from .difference import NOTHING, Change
from .exits import Exit
from .folder import Broken, Plan, carry_out, passed_over, read_folder
from .refused import Refused, tell
from .safe import one_line, shown
from .session import Session

_MARKS = {"new": "+", "changed": "~", "same": "="}


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "apply", example="toolcrib apply tools --dry-run")(apply)


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
    others = passed_over(folder)
    for file, why in others:
        print(f"passed over: {shown(file)} {why}", file=sys.stderr)
    if not session.as_json:
        for plan in plans:
            _show(plan)
        for one in broken:
            tell(one.why, one.file)
    done = [] if broken or dry_run else _carried_out(session, plans)
    if session.as_json:
        _write(plans, broken, done, others)
    elif broken:
        print("nothing was changed")
    else:
        print(_summary(plans, dry_run=dry_run))
    raise typer.Exit(broken[0].why.exit if broken else Exit.OK)


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


def _write(plans: list[Plan], broken: list[Broken], done: list[str], others: list[tuple[str, str]]) -> None:
    found: dict[str, Any] = {
        "tools": [plan.as_json() for plan in plans],
        "broken": [one.as_json() for one in broken],
        "applied": done,
        "passed_over": [{"file": file, "why": why} for file, why in others],
    }
    print(json.dumps(found))
