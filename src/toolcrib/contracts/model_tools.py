"""A tool as models see it: name, description and input schema, never where it runs. Doors for models render it."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from .names import wire_name


def told_to_models(contract: Mapping[str, Any]) -> str:
    """The description of a stored contract; a model is told of an end and of what comes instead."""
    deprecated = contract.get("deprecated")
    if not deprecated:
        return str(contract["description"])
    instead = f" Use {wire_name(deprecated['use'])} instead." if deprecated.get("use") else ""
    return f"{contract['description']}\n\nDeprecated.{instead}"


def function_tool(contract: Mapping[str, Any]) -> dict[str, Any]:
    """A stored contract as a function tool of the Responses API, in its flat form; the caller may change it."""
    return {
        "type": "function",
        "name": wire_name(contract["name"]),
        "description": told_to_models(contract),
        "parameters": deepcopy(contract["input_schema"]),
        "strict": False,
    }
