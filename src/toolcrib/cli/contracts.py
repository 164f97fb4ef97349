"""What a tool is, for a person: its purpose, its fields, its errors, and a call to copy."""

import json
import shlex
import sys
from typing import Any

from .safe import shown
from .values import as_fields
from .views import block, pairs, say, when

_LONGEST = 60
_SAMPLES = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}


def tell_contract(tool: dict[str, Any]) -> None:
    """The tool as `GET /tools/{tool}` answers it."""
    config = tool["config"]
    print(shown(f"{tool['name']} {tool['version']}{f': {title}' if (title := tool['title']) else ''}"))
    print(shown(str(tool["description"]).strip(), lines=True))
    block("")
    pairs(
        [
            ("state", f"{'enabled' if tool['enabled'] else 'disabled'}, {tool['scope']}"), ("effects", tool["effects"]),
            ("side effects", config.get("side_effects")), ("impact", _impact(config)), ("deprecated", _deprecated(tool["deprecated"])),
            ("aliases", ", ".join(tool["aliases"]) or None), ("tags", ", ".join(tool["tags"]) or None), ("upstream", _upstream(config)),
            ("secret", (config.get("api") or {}).get("auth", {}).get("secret_ref")), ("id", tool["id"]), ("registered", when(tool["created_at"])),
        ]
    )  # fmt: skip
    _fields("input", tool["input_schema"])
    if tool["output_schema"] is not None:
        _fields("output", tool["output_schema"], told=False)
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
    given = examples[0].get("input") or _sample(tool["input_schema"])
    return shlex.join(["toolcrib", "call", tool["name"], *as_fields(given)])


def _fields(title: str, schema: Any, *, told: bool = True) -> None:
    """`told` says of each field whether it is needed, which is of no use in an output."""
    fields = schema.get("properties") if isinstance(schema, dict) else None
    block(title)
    if not isinstance(fields, dict) or not fields:
        print(f"  {_kind(schema)}")
        return
    needed = schema.get("required", []) if told else []
    pairs([(f"  {name}", _field(one, needed=name in needed)) for name, one in fields.items()])


def _field(schema: Any, *, needed: bool) -> str:
    about = schema.get("description") if isinstance(schema, dict) else None
    told = f"{_kind(schema)}{', required' if needed else ''}"
    return f"{told}: {about}" if about else told


def _kind(schema: Any) -> str:
    """What a schema takes, in words; the rest of it stands in the JSON."""
    if not isinstance(schema, dict) or not schema:
        return "nothing" if schema is False else "anything"
    if "const" in schema or "enum" in schema:
        words = ", ".join(
            json.dumps(one, ensure_ascii=False) for one in schema.get("enum", [schema.get("const")])
        )
        return f"one of {words}" if len(words) <= _LONGEST else f"one of {words[:_LONGEST]}…"
    kinds = schema.get("type", "object" if "properties" in schema else "anything")
    told = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    items = schema.get("items")
    return f"{told} of {_kind(items)}" if told == "array" and isinstance(items, dict) else told


def _sample(schema: Any) -> dict[str, Any]:
    fields = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return {name: _value(fields.get(name)) for name in schema.get("required", [])} if fields else {}


def _value(schema: Any) -> Any:
    known = schema if isinstance(schema, dict) else {}
    for word in ("const", "default"):
        if word in known:
            return known[word]
    given = [*known.get("examples", []), *known.get("enum", [])]
    kind = known.get("type")
    return given[0] if given else _SAMPLES.get(kind if isinstance(kind, str) else "", "…")


def _impact(config: dict[str, Any]) -> str | None:
    impact = config.get("impact")
    if impact is None or impact == "normal":
        return None
    return "high: a dry run unless told otherwise" if impact == "high" else "high for some inputs"


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
