"""Between the house's words and MCP's: tools, results and errors. A client sees name, description and schemas only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types as types

from toolcrib.contracts.errors import ToolcribError
from toolcrib.contracts.execution import LABEL_LIMIT, Result, Subject
from toolcrib.gateway.tools import ToolView
from toolcrib.kit.json import dumps

EXECUTION = "toolcrib/execution_id"
DRY_RUN = "toolcrib/dry_run"
SUBJECT = "toolcrib/subject"
VIEW = "toolcrib/view"
_REALLY = f'with `_meta: {{"{DRY_RUN}": false}}` beside `name` and `arguments`'


def tool_of(view: ToolView, *, any_schema: bool) -> types.Tool:
    """A tool as clients list it; revisions before 2026-07-28 know output schemas with an object as root only. Clients
    refuse an answer that does not fit a listed schema, so a tool that answers previews lists none.
    """
    config, effects = view.config, view.effects
    output = config.get("output_schema")
    if output is not None and not any_schema and output.get("type") != "object":
        output = None
    previews = _previews(view)
    return types.Tool(
        name=view.tool.name,
        title=config.get("title"),
        description=_described(config) + previews,
        input_schema=config["input_schema"],
        output_schema=None if previews else output,
        annotations=types.ToolAnnotations(
            title=config.get("title"),
            read_only_hint=effects == "read",
            destructive_hint=effects == "destructive",
            idempotent_hint=bool(config.get("idempotent")) or effects == "read",
            open_world_hint=config["kind"] == "http",
        ),
    )


def answer_of(result: Result, *, any_schema: bool, asked: bool) -> types.CallToolResult:
    """What came of a call; a failure is told as text that a model can act on, and so is a preview. `asked`: the caller
    said that it wants one.
    """
    meta: dict[str, Any] = {EXECUTION: result.execution_id}
    if result.error is not None:
        text = dumps({"error": result.error}).decode()
        return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True, _meta=meta)
    if result.dry_run:
        return _preview_of(result, meta, asked=asked)
    structured = result.output if any_schema or isinstance(result.output, dict) else None
    text = (result.written or dumps(result.output)).decode()
    return types.CallToolResult(
        content=[types.TextContent(text=text)], structured_content=structured, _meta=meta
    )


def refused(error: ToolcribError) -> types.CallToolResult:
    """A call that may be made later, told as any failure is: as text that a model can act on."""
    told = {
        "code": error.code.value,
        "message": error.message,
        "details": dict(error.details),
        "retryable": error.retryable,
    }
    return types.CallToolResult(
        content=[types.TextContent(text=dumps({"error": told}).decode())], is_error=True
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says in its `_meta`: whether it is a dry run, what it is about, and the view that it is made in."""

    dry_run: bool | None = None
    subject: Subject | None = None
    view: str | None = None


def asked_of(meta: Mapping[str, Any] | None) -> Asked:
    """What a request asks for beside its arguments. Raises `TypeError`."""
    said = meta or {}
    dry_run, about, view = said.get(DRY_RUN), said.get(SUBJECT), said.get(VIEW)
    if not isinstance(dry_run, bool | None):
        raise TypeError(f"{DRY_RUN} in _meta is true or false.")
    if about is not None and not (
        isinstance(about, dict) and about.keys() == {"type", "id"} and all(map(_is_label, about.values()))
    ):
        raise TypeError(f"{SUBJECT} in _meta is an object with type and id, each a short text.")
    if view is not None and not _is_label(view):
        raise TypeError(f"{VIEW} in _meta is the name of a view.")
    return Asked(dry_run, Subject(about["type"], about["id"]) if about else None, view)


def _is_label(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LABEL_LIMIT and value.isprintable()


def _preview_of(result: Result, meta: dict[str, Any], *, asked: bool) -> types.CallToolResult:
    """In words first, as nothing was done. One that was asked for may be of a tool that lists an output schema, and only
    errors are free of it.
    """
    written = (result.written or dumps(result.output)).decode()
    text = f"Nothing was done: this is a preview. To do it, call again {_REALLY}.\n{written}"
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=asked, _meta=meta)


def _previews(view: ToolView) -> str:
    """What is said of calls that only show what they would do; nothing where none does by itself."""
    impact = view.config.get("impact", "normal")
    if view.effects != "destructive" and impact == "normal":
        return ""
    which = "Some calls are" if isinstance(impact, dict) and view.effects != "destructive" else "Calls are"
    return f"\n\n{which} previews that do nothing, unless sent {_REALLY}."


def _described(config: dict[str, Any]) -> str:
    deprecated = config.get("deprecated")
    if deprecated is None:
        return str(config["description"])
    instead = f" Use {deprecated['use']} instead." if deprecated.get("use") else ""
    return f"{config['description']}\n\nDeprecated.{instead}"
