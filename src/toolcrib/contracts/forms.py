"""The accepted forms of a config, in the one that is stored. `gateway` asks it before it parses a contract."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .contract import normal_version
from .errors import Invalid
from .faults import Fault
from .names import is_tool_name, slug
from .phase8 import Adapted, adapt
from .schema import close_root, object_root

_NOT_VALID = "The tool's config is not valid."


@dataclass(frozen=True, slots=True)
class Form:
    """A config in normal form; `places` tells where its parts stand in what was sent."""

    document: dict[str, Any]
    places: Mapping[str, str] = field(default_factory=dict)

    def told(self, refused: Invalid) -> Invalid:
        """The same refusal, each fault at its place in what was sent."""
        errors = [
            {**fault, "path": self._place(fault["path"])} for fault in refused.details.get("errors", ())
        ]
        return Invalid(refused.message, **{**refused.details, "errors": errors}) if errors else refused

    def _place(self, path: str) -> str:
        for ours in sorted(self.places, key=len, reverse=True):
            if path == ours or path.startswith(f"{ours}/"):
                return self.places[ours] + path[len(ours) :]
        return path


def normal_form(submitted: Mapping[str, Any]) -> Form:
    """Older shapes adapted, a free-text name as title and slug, a version of three parts, schema roots that say what
    they are. Raises `Invalid`.
    """
    adapted = adapt(submitted) or Adapted(dict(submitted))
    document = dict(adapted.document)
    _name(document)
    _version(document)
    if isinstance(document.get("input_schema"), dict):
        shape = object_root if adapted.imported else close_root
        document["input_schema"] = shape(document["input_schema"])
    output = document.get("output_schema")
    if isinstance(output, dict) and "properties" in output:
        document["output_schema"] = object_root(output)
    return Form(document, adapted.places)


def _name(document: dict[str, Any]) -> None:
    name = document.get("name")
    if not isinstance(name, str) or is_tool_name(name):
        return
    document["name"] = slug(name)
    if not document["name"]:
        message = "use namespace.action in lower snake case, or text with letters"
        raise Invalid.because(_NOT_VALID, [Fault("/name", message)])
    document.setdefault("title", name)


def _version(document: dict[str, Any]) -> None:
    if "version" not in document:
        return
    version = normal_version(document["version"])
    if version is None:
        raise Invalid.because(_NOT_VALID, [Fault("/version", "use semver such as 1.2.0")])
    document["version"] = version
