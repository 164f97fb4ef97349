"""JSON Schemas that users wrote: checked at save, compiled once, and bounded in time whatever the schema or the value.

The registry asks `schema_faults` before it keeps a contract; the gateway validates every input and output.
"""

import hashlib
import re
from typing import Any

import jsonschema_rs
import orjson

from .faults import Fault
from .kept import Kept
from .schema_charges import TooCostly, Weight
from .schema_cost import Cost
from .schema_plain import Plain, plain
from .schema_rules import ANY_PATTERN, MAX_FAULTS, Reading, escape, look_up, shape_faults

# What a list of faults may cost. It takes far longer than yes or no, and quotes each failing part on its way.
_LISTING_BUDGET = 400_000
_LONGEST_SHOWN = 200
_LONGEST_PATH = 1_000

# Bytes, as measured roughly: of any schema, for each byte of its text, and for each regular expression in it. One that is
# held with copies of its parts, or with the meta-schema, is dense: each refers to many others.
_LEAST_WEIGHT, _WEIGHT_OF_BYTE, _WEIGHT_OF_PATTERN, _WEIGHT_OF_COPIED_BYTE = 4_000, 10, 20_000, 100
_MOST_KEPT, _MOST_KEPT_WEIGHT = 2_048, 32_000_000

_MESSAGES = {
    "type": "must be of type {}",
    "enum": "must be one of {}",
    "const": "must be {}",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be greater than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "pattern": "must match the pattern {}",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "uniqueItems": "must not hold one item twice",
    "contains": "must hold an item that matches {}",
    "minProperties": "must have at least {} properties",
    "maxProperties": "must have at most {} properties",
    "additionalProperties": "has a property that is not declared",
    "additionalItems": "has an item beyond those declared that does not match {}",
    "not": "must not match {}",
    "oneOf": "must match one alternative only",
    "anyOf": "must match one of the alternatives",
}
_TOLD_BY_PARTS = frozenset(("unevaluatedProperties", "unevaluatedItems"))  # each has an error of its own
_REQUIRED = re.compile(r'".*" is a required property', re.DOTALL)
_FORBIDDEN = "False schema"
_ALTERNATIVE = re.compile(r"/(anyOf|oneOf)/(\d+)(?=/)")


class SchemaRefused(ValueError):
    """A document is not a schema that this house takes; `faults` says why, part by part."""

    def __init__(self, faults: list[Fault]) -> None:
        """Keep the faults for the door that answers."""
        super().__init__("; ".join(f"{fault.path or 'the schema'}: {fault.message}" for fault in faults))
        self.faults = faults


class CompiledSchema:
    """One accepted schema, ready to judge values; each judgement is bounded in time."""

    def __init__(
        self, document: dict[str, Any], validator: jsonschema_rs.Validator, cost: Cost, weight: int
    ) -> None:
        """Take what `compile_schema` made: the plain form, and about how many bytes all of this holds."""
        self.weight = weight
        self._document = document
        self._validator = validator
        self._matches = validator.is_valid
        self._cost = cost
        self._free_size = cost.free_size

    @property
    def plain(self) -> dict[str, Any]:
        """The plain form (see `schema_plain`). Others hold it too: read it, never change it."""
        return self._document

    def is_valid(self, value: object, *, size: int | None = None) -> bool:
        """Say whether a value matches and is within the budget.

        `size` is the length of the JSON text that `kit.json` read it from: a short text needs no counting.
        """
        if size is None or size > self._free_size:
            try:
                self._cost.check(value)
            except TooCostly:
                return False
        return self._matches(value)

    def may_match(self, value: object) -> bool:
        """Say whether a value matches; also where to find out would pass the budget, for a guard must not let it by."""
        try:
            self._cost.check(value)
        except TooCostly:
            return True
        return self._matches(value)

    def faults(self, value: object) -> list[Fault]:
        """List what is wrong with a value, at most a hundred faults; an empty list means valid."""
        try:
            weight = self._cost.check(value)
        except TooCostly as error:
            return [Fault("", str(error))]
        if self._matches(value):
            return []
        if self._cost_of_listing(weight) > _LISTING_BUDGET:
            return [
                Fault("", "does not match the schema, and is too large to list where; try a smaller value")
            ]
        return self._list_faults(value)

    def _cost_of_listing(self, weight: Weight) -> int:
        """Bound what the library writes: each failing part once for each level above it, each with its whole path."""
        steps = self._cost.rate(weight.depth) * weight.total * (weight.depth + 4)
        paths = weight.nodes * weight.depth * weight.longest_key
        return steps + paths // 32

    def _list_faults(self, value: object) -> list[Fault]:
        found: dict[Fault, None] = {}
        for error in self._validator.evaluate(value).errors():
            for fault in self._read_error(
                value, error["schemaLocation"], error["instanceLocation"], error["error"]
            ):
                found[fault] = None
            if len(found) >= MAX_FAULTS:
                break
        return list(found)[:MAX_FAULTS] or [Fault("", "does not match the schema")]

    def _read_error(self, value: object, rule: str, path: str, said: str) -> list[Fault]:
        """Put an error into words of our own: the library's quote the value."""
        above, _, keyword = rule.rpartition("/")
        if keyword in _TOLD_BY_PARTS and not said.startswith(_FORBIDDEN):
            return []
        path = _shorten(path)
        if _REQUIRED.fullmatch(said):  # the library may name another rule of the same object
            return [Fault(path, said)]
        if keyword == "additionalProperties" and not said.startswith(_FORBIDDEN):
            unknown = self._undeclared(value, above, path)
            if unknown:
                return [
                    Fault(_shorten(f"{path}/{escape(key)}"), "is not a declared property") for key in unknown
                ]
        return [Fault(path, self._message(rule, keyword, said) + _alternative(rule))]

    def _message(self, rule: str, keyword: str, said: str) -> str:
        if said.startswith(_FORBIDDEN):
            return "is not allowed here"
        _, expected = look_up(self._document, rule)
        shown = orjson.dumps(expected).decode()
        if len(shown) > _LONGEST_SHOWN:
            shown = f"{shown[:_LONGEST_SHOWN]}…"
        return _MESSAGES.get(keyword, "does not match the schema's rule " + keyword).format(shown)

    def _undeclared(self, value: object, rule: str, path: str) -> list[str]:
        _, schema = look_up(self._document, rule)
        _, holder = look_up(value, path)
        if not isinstance(schema, dict) or not isinstance(holder, dict) or "patternProperties" in schema:
            return []
        declared = schema.get("properties", {})
        return [key for key in holder if key not in declared][:MAX_FAULTS]


def schema_faults(document: object) -> list[Fault]:
    """Say why a document may not be saved as a schema; an empty list means that it may."""
    try:
        compile_schema(document)
    except SchemaRefused as refused:
        return refused.faults
    return []


def compile_schema(document: object) -> CompiledSchema:
    """Make a schema ready for use, or raise `SchemaRefused`. Nothing is fetched, whatever it names.

    Those used last are kept by the digest of their text: a catalog says the same in many tools.
    """
    faults = shape_faults(document)
    if faults:
        raise SchemaRefused(faults)
    written = orjson.dumps(document)
    digest = hashlib.sha256(written).digest()
    compiled = _kept.get(digest)
    if compiled is None:
        compiled = _compile(written)
        _kept.put(digest, compiled, compiled.weight)
    return compiled


_kept = Kept[CompiledSchema](_MOST_KEPT, _MOST_KEPT_WEIGHT)


def _compile(written: bytes) -> CompiledSchema:
    own: dict[str, Any] | bool = orjson.loads(written)
    schema = plain(own, written) if isinstance(own, dict) else Plain({})  # true and false hold no part
    reading = _read(schema)
    try:
        jsonschema_rs.meta.validate(own if isinstance(own, bool) else {**own, **schema.instead})
        cost = Cost(reading)  # before the compiler, which expands what `unevaluatedProperties` looks at
        validator = jsonschema_rs.validator_for(
            own if isinstance(own, bool) else schema.document,
            pattern_options=ANY_PATTERN,
            mask="value",
            offline=True,
            validate_formats=False,
        )
    except TooCostly as error:
        raise SchemaRefused([Fault("", str(error))]) from error
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise SchemaRefused([_no_schema(error)]) from None
    return CompiledSchema(schema.document, validator, cost, _weight(written, schema))


def _weight(written: bytes, schema: Plain) -> int:
    copied = len(orjson.dumps(schema.document)) if schema.copies else 0
    return (
        _LEAST_WEIGHT
        + _WEIGHT_OF_BYTE * len(written)
        + _WEIGHT_OF_PATTERN * written.count(b'"pattern')
        + _WEIGHT_OF_COPIED_BYTE * copied
    )


def _read(schema: Plain) -> Reading:
    if schema.faults:
        raise SchemaRefused(list(schema.faults))
    reading = Reading(schema.document)
    if reading.faults:
        raise SchemaRefused([Fault(schema.written(fault.path), fault.message) for fault in reading.faults])
    return reading


def _no_schema(error: Exception) -> Fault:
    """What the library says against a schema, at the place it names, if it names one."""
    path = "".join(f"/{escape(str(step))}" for step in getattr(error, "instance_path", ()))
    return Fault(path, f"is not valid JSON Schema: {getattr(error, 'message', error)}"[:_LONGEST_SHOWN])


def object_root(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy whose root, where it names no type, is an object."""
    return {**document, "type": document.get("type", "object")}


def close_root(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy whose root is an object, and takes no undeclared property unless the schema speaks of them."""
    closed = object_root(document)
    if closed["type"] == "object" and _SPEAKS_OF_OTHERS.isdisjoint(closed):
        closed["additionalProperties"] = False
    return closed


_SPEAKS_OF_OTHERS = frozenset(
    ("additionalProperties", "unevaluatedProperties", "$ref", "allOf", "anyOf", "oneOf")
)


def _alternative(rule: str) -> str:
    choices = _ALTERNATIVE.findall(rule)
    return f" (alternative {int(choices[-1][1]) + 1} of {choices[-1][0]})" if choices else ""


def _shorten(path: str) -> str:
    """Cut a path that a very long key made to the place that holds the key."""
    return path if len(path) <= _LONGEST_PATH else path[:_LONGEST_PATH].rpartition("/")[0]
