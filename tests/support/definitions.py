"""Tool definitions that others wrote, as configs of ours; where the corpora are absent, generated ones of the same dialects.

Their types are names of Python, Java and JavaScript types. To put them into JSON Schema is an importer's job, done here.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.corpora import corpus

TYPES = {
    "dict": "object", "HashMap": "object", "float": "number", "double": "number", "int": "integer", "long": "integer",
    "str": "string", "String": "string", "char": "string", "bool": "boolean", "Boolean": "boolean",
    "tuple": "array", "Array": "array", "ArrayList": "array",
}  # fmt: skip
GENERATED = 300


def definitions(base_url: str) -> list[dict[str, Any]]:
    """One config for each definition; the name of each begins with where it stands, as their names repeat."""
    bfcl, search = corpus("bfcl"), corpus("toolsearch")
    if bfcl is None or search is None:
        found = enumerate(_generated())
        return [_config(f"own{at}", name, schema, None, base_url) for at, (name, schema) in found]
    seal = search / "sealtools" / "tools.jsonl"
    return [
        *(
            _config(f"bfcl{at}", f["name"], f["parameters"], None, base_url)
            for at, f in enumerate(_bfcl(bfcl))
        ),
        *(_config(f"seal{at}", *_seal(tool), base_url) for at, tool in enumerate(_lines(seal))),
    ]


def are_borrowed() -> bool:
    return corpus("bfcl") is not None and corpus("toolsearch") is not None


def _config(place: str, name: str, taken: Any, given: Any, base_url: str) -> dict[str, Any]:
    config = {
        "name": f"{place}.{name}",
        "description": name,
        "input_schema": _schema(taken),
        "api": {"base_url": base_url, "method": "POST"},
    }
    return config if given is None else config | {"output_schema": _schema(given)}


def _schema(part: Any) -> Any:
    """The same schema with types of JSON; a type that means anything says nothing."""
    if isinstance(part, list):
        return [_schema(item) for item in part]
    if not isinstance(part, dict):
        return part
    made = {key: _schema(value) for key, value in part.items() if not (key == "type" and value == "any")}
    kind = part.get("type")
    return made | {"type": TYPES[kind]} if isinstance(kind, str) and kind in TYPES else made


def _bfcl(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.jsonl")):
        for item in _lines(file):
            yield from item["function"]


def _seal(tool: dict[str, Any]) -> tuple[str, Any, Any]:
    taken = {"type": "dict", "properties": tool["parameters"], "required": tool["required"]}
    return tool["api_name"], taken, {"type": "dict", "properties": tool["responses"]}


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _generated() -> Iterator[tuple[str, Any]]:
    chance = random.Random(7)
    for number in range(GENERATED):
        words = chance.choices(
            ["get", "Tide", "ofHarbour", "ship_list", "at.sea", "Very long word " * 2], k=chance.randint(1, 3)
        )
        names = [f"p{at}" for at in range(chance.randint(0, 6))]
        properties = {name: {"type": chance.choice([*TYPES, "any"]), "description": name} for name in names}
        yield f"{chance.choice(['', '.', ' ', '_']).join(words)}{number}", {
            "type": "dict", "properties": properties, "required": names[:2],
        }  # fmt: skip
