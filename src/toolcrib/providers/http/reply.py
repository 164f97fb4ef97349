"""From an upstream's reply to an outcome. What the upstream wrote leaves here only as mapped output, never in an error."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from toolcrib.contracts.contract import Contract, DeclaredError
from toolcrib.contracts.errors import Code
from toolcrib.contracts.paths import MISSING, Path, parse_path
from toolcrib.contracts.provider import Failure, Outcome, Success
from toolcrib.kit.json import MAX_INTEGER, MIN_INTEGER, JsonRefused, JsonValue, loads
from toolcrib.kit.strike import Strikes
from toolcrib.providers.http import schemas
from toolcrib.providers.http.meanings import Meanings, is_success, plan_meanings

_RETRYABLE = frozenset({429, 502, 503, 504})
_WITH_RETRY_AFTER = frozenset({429, 503})
_SECONDS = re.compile(r"[0-9]{1,5}\Z")
_MAX_RETRY_AFTER = 86_400

_DECIMAL = re.compile(
    r"[ \t\r\n]*([+-]?(?:[0-9]{1,64}(?:\.[0-9]{0,64})?|\.[0-9]{1,64})(?:[eE][+-]?[0-9]{1,4})?)[ \t\r\n]*\Z"
)
_INTEGRAL = re.compile(r"([+-]?[0-9]+)(?:\.0*)?\Z")
# Above it a float names several integers, so a text with an exponent no longer says which one is meant.
_EXACT_FLOAT = 2.0**53

Converter = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ReplyPlan:
    """A contract's reading of replies, ready to be used."""

    whole: Path | None
    fields: tuple[tuple[str, Path], ...]
    converters: tuple[tuple[str, Converter], ...]
    meanings: Meanings
    empty_is_object: bool
    raw: bool

    def read(self, status: int, headers: Mapping[str, str], body: bytes, strikes: Strikes | None) -> Outcome:
        """The outcome that a reply means; `body` is already struck."""
        outcome = self._outcome(status, headers, body, strikes)
        if strikes is not None and isinstance(outcome, Success):
            # Escapes can hide a secret from a search in the bytes, and so can the way in which a number is written.
            return Success(strikes.strike_value(outcome.output))
        return outcome

    def _outcome(
        self, status: int, headers: Mapping[str, str], body: bytes, strikes: Strikes | None
    ) -> Outcome:
        well = is_success(status)
        value: Any = MISSING
        refused: JsonRefused | None = None
        if body and (well or self.meanings.look_inside):
            try:
                value = _struck(loads(body), body, strikes)
            except JsonRefused as error:
                refused = error
        meant = None if well and not self.meanings.look_inside else self.meanings.of(status, value)
        if meant is not None or not well:
            return _refusal(status, headers, meant)
        if value is not MISSING:
            return self._mapped(value)
        if self.raw:
            return Success({"raw_response": body.decode("utf-8", "replace"), "status_code": status})
        return _not_json(status, refused) if refused else Success({} if self.empty_is_object else None)

    def _mapped(self, value: JsonValue) -> Outcome:
        if self.whole is not None:
            value = self.whole.find(value)
            if value is MISSING:
                message = f"The reply has nothing at `{self.whole.text}`, where mapping.response_path looks."
                return Failure(Code.MAPPING_FAILED, message, {"path": self.whole.text})
        if self.fields:
            value = {name: found for name, path in self.fields if (found := path.find(value)) is not MISSING}
        if type(value) is dict:
            for name, convert in self.converters:
                if name in value:
                    value[name] = convert(value[name])
        return Success(value)


def plan_reply(contract: Contract) -> ReplyPlan:
    """The reading of a checked contract's replies."""
    mapping, schema = contract.mapping, schemas.plain_form(contract.output_schema)
    converters = (
        (name, _converter(schemas.types(schema, of)))
        for name, of in schemas.properties(contract.output_schema).items()
    )
    return ReplyPlan(
        whole=None if mapping.response_path is None else parse_path(mapping.response_path),
        fields=tuple((name, parse_path(path)) for name, path in mapping.response_to_output.items()),
        converters=tuple((name, convert) for name, convert in converters if convert is not None),
        meanings=plan_meanings(contract),
        empty_is_object=schemas.is_object(schema),
        raw=mapping.raw,
    )


def _struck(value: JsonValue, body: bytes, strikes: Strikes | None) -> JsonValue:
    """Escapes can still hide a secret from a search in the bytes."""
    return strikes.strike_value(value) if strikes is not None and b"\\" in body else value


def _refusal(status: int, headers: Mapping[str, str], meant: DeclaredError | None) -> Failure:
    """The failure that a reply is: a declared error, or what the upstream's status says."""
    details: dict[str, Any] = {"status": status}
    after = headers.get("retry-after", "") if status in _WITH_RETRY_AFTER else ""
    if _SECONDS.match(after) and int(after) <= _MAX_RETRY_AFTER:
        details["retry_after"] = int(after)
    retryable = status in _RETRYABLE
    if meant is not None:
        message = meant.description or f"The upstream answered {status}, which means {meant.code}."
        return Failure(meant.code, message, details, retryable, meant.http_status)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        message = f"The upstream answered {status}, a redirect, and redirects are not followed. Put the final address into the tool's config."
        return Failure(Code.UPSTREAM_ERROR, message, details | {"reason": "redirect"})
    return Failure(Code.UPSTREAM_ERROR, f"The upstream answered {_named(status)}.", details, retryable)


def _named(status: int) -> str:
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


def _not_json(status: int, refused: JsonRefused) -> Failure:
    message = f"The upstream answered {status} with what is not acceptable JSON: {refused.reason}"
    return Failure(Code.UPSTREAM_ERROR, message, {"status": status, "reason": "invalid_json"})


def _converter(types: frozenset[str]) -> Converter | None:
    """What makes a value a number where the schema wants one; none where it would take a text too."""
    if "string" in types:
        return None
    if "number" in types:
        return _to_number
    return _to_integer if "integer" in types else None


def _to_number(value: Any) -> Any:
    """A decimal text as its number; whatever is none stays as it is, for the check of the output to refuse."""
    if type(value) is not str or not (found := _DECIMAL.match(value)):
        return value
    whole = _INTEGRAL.match(found[1])
    if whole and "." not in found[1]:
        return _within(int(whole[1]), value)
    number = float(found[1])
    return number if abs(number) != float("inf") else value


def _to_integer(value: Any) -> Any:
    if type(value) is float:
        return _within(int(value), value) if value.is_integer() else value
    if type(value) is not str or not (found := _DECIMAL.match(value)):
        return value
    if whole := _INTEGRAL.match(found[1]):
        return _within(int(whole[1]), value)
    number = float(found[1])
    return int(number) if number.is_integer() and abs(number) <= _EXACT_FLOAT else value


def _within(number: int, otherwise: Any) -> Any:
    """JSON is written with 64-bit integers; a larger one stays what it was."""
    return number if MIN_INTEGER <= number <= MAX_INTEGER else otherwise
