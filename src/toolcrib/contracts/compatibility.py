"""What a new version of a contract takes away from those who use the old one, and which part of the version must grow.

Input may only widen and output only narrow. Two schemas are compared keyword by keyword, in plain form; where they differ
in a way that cannot be told apart from a narrowing (a `$ref`, an `anyOf`, a pattern), the difference counts as breaking.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from .contract import effect_of
from .faults import Fault
from .schema_plain import plain

_NOTES = frozenset(
    (
        "title",
        "description",
        "default",
        "examples",
        "$comment",
        "deprecated",
        "$schema",
        "readOnly",
        "writeOnly",
    )
)
_LOWER_BOUNDS = frozenset(
    ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
)
_UPPER_BOUNDS = frozenset(
    ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
)
_STRUCTURE = frozenset(("type", "enum", "const", "required", "properties", "additionalProperties", "items"))
_UNEVALUATED = ("unevaluatedProperties", "unevaluatedItems")
_EVALUATES = frozenset(
    ("properties", "patternProperties", "additionalProperties", "prefixItems", "items", "additionalItems", "contains", "allOf",
     "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "$ref", "$dynamicRef", *_UNEVALUATED)
)  # fmt: skip
"""What keeps a member or an item from the rule for all those that no other rule looked at."""
_KEPT_FROM = {"patternProperties": ("additionalProperties",), "prefixItems": ("items",)}
_EFFECTS = ("read", "write", "destructive")


class Bump(IntEnum):
    """The part of a version that a change makes grow."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """What lies between two contracts: the least bump it takes, and where it breaks."""

    bump: Bump
    breaking: Sequence[Fault]


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    """Two stored contracts of one tool; their versions are not looked at."""
    if _same(_without_version(old), _without_version(new)):
        return Difference(Bump.NONE, ())
    breaking = [*_breaks(old, new)]
    if breaking:
        return Difference(Bump.MAJOR, breaking)
    widened = any(
        not _same(old.get(part), new.get(part))
        for part in ("input_schema", "output_schema", "errors", "aliases")
    )
    return Difference(Bump.MINOR if widened else Bump.PATCH, ())


def next_version(version: str, bump: Bump) -> str:
    """The version that a bump leads to."""
    major, minor, patch = map(int, version.split("."))
    return {
        Bump.NONE: version,
        Bump.PATCH: f"{major}.{minor}.{patch + 1}",
        Bump.MINOR: f"{major}.{minor + 1}.0",
        Bump.MAJOR: f"{major + 1}.0.0",
    }[bump]


def bump_between(old: str, new: str) -> Bump | None:
    """Which part grew from one version to the next; None when the new one is not higher."""
    before, after = [tuple(map(int, version.split("."))) for version in (old, new)]
    if after <= before:
        return None
    return Bump.MAJOR if after[0] > before[0] else Bump.MINOR if after[1] > before[1] else Bump.PATCH


def _without_version(contract: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in contract.items() if name != "version"}


def _breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Fault]:
    asked, asks = plain(old["input_schema"]).document, plain(new["input_schema"]).document
    yield from _Narrowing(promised=False).between(asked, asks, "/input_schema")
    before, after = old.get("output_schema"), new.get("output_schema")
    if before is not None:
        if after is None:
            yield Fault("/output_schema", "is gone")
        else:  # whoever reads relies on what was promised: the old schema must take all that the new one gives
            yield from _Narrowing(promised=True).between(
                plain(after).document, plain(before).document, "/output_schema"
            )
    yield from _breaks_of_conduct(old, new)


def _breaks_of_conduct(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Fault]:
    if _EFFECTS.index(_effect(new)) > _EFFECTS.index(_effect(old)):
        yield Fault("/effects", f"was {_effect(old)} and is {_effect(new)}")
    elif not _same(_shown_first(old), _shown_first(new)):
        what = "impact" if not _same(old.get("impact"), new.get("impact")) else "effects"
        yield Fault(f"/{what}", "changes which calls only show what they would do, unless they say dry_run")
    if old.get("idempotent") and not new.get("idempotent"):
        yield Fault("/idempotent", "is no longer true")
    kept = {*new.get("aliases", ()), new["name"]}
    for alias in old.get("aliases", ()):
        if alias not in kept:
            yield Fault("/aliases", f"no longer holds {alias}")


def _effect(contract: Mapping[str, Any]) -> str:
    return effect_of(contract.get("effects"), (contract.get("api") or {}).get("method"))


def _shown_first(contract: Mapping[str, Any]) -> Any:
    """Which calls are dry runs unless they say otherwise: `high` for all, else as the impact says."""
    impact = contract.get("impact", "normal")
    return "high" if contract.get("effects") == "destructive" else impact


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are one; to Python `true` is 1."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


@dataclass(frozen=True, slots=True)
class _Narrowing:
    """Where `new` might refuse what `old` takes. `promised` is true where the sides are swapped, for outputs: there a
    member that is declared no more was a promise; an input's undeclared member was none.
    """

    promised: bool

    def between(self, old: Any, new: Any, path: str) -> Iterator[Fault]:
        """Every place, with its path."""
        if _same(old, new) or new is True or old is False:
            return
        if not isinstance(old, Mapping) or not isinstance(new, Mapping):
            yield Fault(path, "takes less than before")
            return
        yield from _narrower_type(old, new, path)
        yield from _narrower_choice(old, new, path)
        yield from self._object(old, new, path)
        yield from _uncovered(old, new, path)
        if "items" in new:
            yield from self.between(old.get("items", True), new["items"], f"{path}/items")
        for keyword in sorted((old.keys() | new.keys()) - _STRUCTURE - _NOTES):
            yield from _narrower_keyword(keyword, old, new, path)

    def _object(self, old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Fault]:
        for name in new.get("required", ()):
            if name not in old.get("required", ()):
                yield Fault(f"{path}/required", f"asks for {name}")
        before, after = old.get("properties", {}), new.get("properties", {})
        rest_before, rest_after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        for name in sorted(before.keys() | after.keys()):
            if name in before or self.promised or rest_before is not True:
                place = f"{path}/properties/{name.replace('~', '~0').replace('/', '~1')}"
                yield from self.between(before.get(name, rest_before), after.get(name, rest_after), place)
        yield from self.between(rest_before, rest_after, f"{path}/additionalProperties")


def _narrower_type(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Fault]:
    if "type" not in new:
        return
    missing = _types(old) - _types(new)
    if "type" not in old or missing:
        gone = f" and no longer {', '.join(sorted(missing))}" if "type" in old else ""
        yield Fault(f"{path}/type", f"is {new['type']}{gone}")


def _types(schema: Mapping[str, Any]) -> set[str]:
    """`integer` stands beside `number` wherever a number may stand."""
    named = schema.get("type", ())
    found = {named} if isinstance(named, str) else set(named)
    return found | {"integer"} if "number" in found else found


def _narrower_choice(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Fault]:
    if "enum" in new:
        gone = [
            value for value in old.get("enum", ()) if not any(_same(value, other) for other in new["enum"])
        ]
        if "enum" not in old or gone:
            yield Fault(f"{path}/enum", "leaves out values that were taken")
    if "const" in new and not ("const" in old and _same(old["const"], new["const"])):
        yield Fault(f"{path}/const", "takes one value only")


def _uncovered(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Fault]:
    """What went may have kept a stricter rule from what it covered: a pattern of names those that are not declared."""
    closed = any(new.get(rest, True) not in (True, {}) for rest in _UNEVALUATED)
    for keyword in sorted(old.keys() - new.keys()):
        bare = any(new.get(rule, True) not in (True, {}) for rule in _KEPT_FROM.get(keyword, ()))
        if (
            bare
            or (closed and keyword in _EVALUATES)
            or (keyword == "minContains" and "contains" in new and old[keyword] < 1)
        ):
            yield Fault(f"{path}/{keyword}", "is gone, and a stricter rule takes its place")
    if closed and any(
        name not in new.get("properties", old["properties"]) for name in old.get("properties", ())
    ):
        yield Fault(f"{path}/properties", "declares less, and a stricter rule takes its place")


def _narrower_keyword(
    keyword: str, old: Mapping[str, Any], new: Mapping[str, Any], path: str
) -> Iterator[Fault]:
    if keyword not in new or (keyword in old and _same(old[keyword], new[keyword])):
        return
    if keyword in old and keyword in _LOWER_BOUNDS and new[keyword] <= old[keyword]:
        return
    if keyword in old and keyword in _UPPER_BOUNDS and new[keyword] >= old[keyword]:
        return
    yield Fault(f"{path}/{keyword}", "is stricter than before, or cannot be shown to be as wide")
