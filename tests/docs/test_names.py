"""The names of the documents that the product comes from: each row's line runs, and does what the row says."""

import ast
import inspect
from typing import Any

from tests.docs.pages import DOCS, rows
from toolcrib import Crib, tool

PAGE = DOCS / "reference" / "names-in-the-documents.md"
NAMES = {
    "ToolFactory.create_from_dict",
    "ToolFactory.create_from_supabase",
    "ToolFactory.save_to_supabase",
    "ToolRegistry.register",
    "execute_tool",
    "validate_payload",
    "check_tool_enabled",
    "check_tenant_scope",
    "redact_secrets",
}
CONFIG = {
    "name": "tides.next",
    "description": "Next high tide.",
    "kind": "dummy",
    "input_schema": {"properties": {"harbour": {"type": "string"}, "password": {"type": "string"}}},
    "dummy": {"output": {"height": 1.2}},
}


@tool("harbour.depth")
def depth(harbour: str) -> float:
    """How deep a harbour is."""
    return 11.5


async def run(line: str, known: dict[str, Any]) -> None:
    """One line as a reader would type it where `await` may stand alone."""
    code = compile(line, "line", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    made = eval(code, known)
    if inspect.isawaitable(made):
        await made


async def test_every_name_has_a_line_that_does_what_the_row_says():
    lines = {name: cells[-1].strip("`") for name, cells in rows(PAGE).items() if name in NAMES}
    assert lines.keys() == NAMES
    async with Crib() as crib:
        key = await crib.create_key("bot", tools=["tides.next"])
        known: dict[str, Any] = {"crib": crib, "config": CONFIG, "depth": depth, "key": key}
        for line in lines.values():
            await run(line, known)

    assert (known["name"], known["function"]) == ("tides.next", "harbour.depth")
    assert (known["stored"]["description"], known["version"]) == ("Next high tide.", "1.0.1")
    assert (known["result"].output, known["enabled"], known["allowed"]) == ({"height": 1.2}, True, False)
    assert [fault.path for fault in known["faults"]] == ["/harbour"]
    assert known["kept"]["harbour"] == "oslo"
    assert "swordfish" not in str(known["kept"])
