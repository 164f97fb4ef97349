"""Between the house's words and MCP's: tools, results and errors. A client sees name, description and schemas only."""

from typing import Any

import mcp_types as types

from toolcrib.contracts.execution import Result
from toolcrib.gateway.tools import ToolView
from toolcrib.kit.json import dumps

EXECUTION = "toolcrib/execution_id"


def tool_of(view: ToolView, *, any_schema: bool) -> types.Tool:
    """A tool as clients list it; revisions before 2026-07-28 know output schemas with an object as root only."""
    config, effects = view.config, view.effects
    output = config.get("output_schema")
    if output is not None and not any_schema and output.get("type") != "object":
        output = None
    return types.Tool(
        name=view.tool.name,
        title=config.get("title"),
        description=_described(config),
        input_schema=config["input_schema"],
        output_schema=output,
        annotations=types.ToolAnnotations(
            title=config.get("title"),
            read_only_hint=effects == "read",
            destructive_hint=effects == "destructive",
            idempotent_hint=bool(config.get("idempotent")) or effects == "read",
            open_world_hint=config["kind"] == "http",
        ),
    )


def answer_of(result: Result, *, any_schema: bool) -> types.CallToolResult:
    """What came of a call; a failure is told as text that a model can act on."""
    meta: dict[str, Any] = {EXECUTION: result.execution_id}
    if result.error is not None:
        text = dumps({"error": result.error}).decode()
        return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True, _meta=meta)
    structured = result.output if any_schema or isinstance(result.output, dict) else None
    text = (result.written or dumps(result.output)).decode()
    return types.CallToolResult(
        content=[types.TextContent(text=text)], structured_content=structured, _meta=meta
    )


def _described(config: dict[str, Any]) -> str:
    deprecated = config.get("deprecated")
    if deprecated is None:
        return str(config["description"])
    instead = f" Use {deprecated['use']} instead." if deprecated.get("use") else ""
    return f"{config['description']}\n\nDeprecated.{instead}"
