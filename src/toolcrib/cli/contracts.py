"""What a tool is, for a person: its purpose, its fields, its errors, and a call to copy."""

import shlex
import sys
from typing import Any

from .notices import state_of
from .safe import shown
from .shapes import fields_of, kind, sample
from .values import as_fields
from .views import block, pairs, say, when


def tell_contract(tool: dict[str, Any]) -> None:
    """The tool as `GET /tools/{tool}` answers it."""
    config = tool["config"]
    print(shown(f"{tool['name']} {tool['version']}{f': {title}' if (title := tool['title']) else ''}"))
    print(shown(str(tool["description"]).strip(), lines=True))
    block("")
    pairs(
        [
            ("state", f"{state_of(tool)}, {tool['scope']}"), ("effects", tool["effects"]),
            ("side effects", config.get("side_effects")), ("impact", _impact(config)), ("deprecated", _deprecated(tool["deprecated"])),
            ("aliases", ", ".join(tool["aliases"]) or None), ("tags", ", ".join(tool["tags"]) or None), ("upstream", _upstream(config)),
            ("secret", (config.get("api") or {}).get("auth", {}).get("secret_ref")), ("id", tool["id"]), ("registered", when(tool["created_at"])),
        ]
    )  # fmt: skip
    _fields("input", fields_of(tool["input_schema"]), tool["input_schema"])
    if tool["output_schema"] is not None:
        _fields("output", fields_of(tool["output_schema"], told=False), tool["output_schema"])
    if config.get("errors"):
        block("errors")
        pairs([(f"  {one['code']}", one.get("description") or "") for one in config["errors"]])
    block("try it")
    print(f"  {shown(example(tool))}")
    if sys.stdout.isatty():
        say("--json shows the whole contract")


def example(tool: dict[str, Any]) -> str:
    """A command that calls the tool: with the input of its first example, else with a value for each field that it needs."""
    examples = tool["config"].get("examples") or [{}]
    given = examples[0].get("input") or sample(tool["input_schema"])
    return shlex.join(["toolcrib", "call", tool["name"], *as_fields(given)])


def _fields(title: str, fields: list[tuple[str, str]], schema: Any) -> None:
    block(title)
    if fields:
        pairs([(f"  {name}", told) for name, told in fields])
    else:
        print(f"  {shown(kind(schema))}")


def _impact(config: dict[str, Any]) -> str | None:
    impact = config.get("impact")
    if impact is None or impact == "normal":
        return None
    return (
        "high: a dry run unless told otherwise, and then a person agrees"
        if impact == "high"
        else "high for some inputs"
    )


def _deprecated(told: dict[str, str] | None) -> str | None:
    if told is None:
        return None
    words = (("since", "since"), ("ends", "sunset"), ("use", "use"))
    return ", ".join(f"{word} {told[name]}" for word, name in words if name in told) or "yes"


def _upstream(config: dict[str, Any]) -> str | None:
    api = config.get("api")
    if not api:
        return None
    path = str(api.get("path") or "").lstrip("/")
    return f"{api['method']} {api['base_url'].rstrip('/')}{f'/{path}' if path else ''}"
