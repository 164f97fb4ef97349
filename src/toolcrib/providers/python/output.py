"""What a function returned, as plain JSON: models, dataclasses and dates written out; all else refused, within a bound of work."""

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_json

from toolcrib.kit.json import JsonRefused, JsonValue, loads
from toolcrib.kit.strike import Strikes

_DEEPEST = 64
_LISTS = (list, tuple, set, frozenset, deque)


class NotJson(ValueError):
    """A value that is no JSON, or too much of it; the text says what, and never quotes the value."""


def plain(value: object, limit: int, strikes: Strikes | None = None) -> JsonValue:
    """The value as JSON of at most `limit` bytes, without the secrets of the run. Raises `NotJson`."""
    _weigh(value, limit)
    try:
        text = to_json(value, by_alias=True, inf_nan_mode="constants")
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise NotJson(_reason(error)) from None
    if len(text) > limit:
        raise _too_large(limit)
    try:
        return loads(text if strikes is None else strikes.strike(text), max_depth=_DEEPEST)
    except JsonRefused as refused:
        raise NotJson(refused.reason) from None


def _weigh(value: object, limit: int) -> None:
    """Walk what would be written before it is: a cycle or a huge value ends here, not in the writer."""
    weight = 0
    inside: set[int] = set()
    walk: list[tuple[int, Iterator[object]]] = [(0, iter((value,)))]
    while walk:
        holder, items = walk[-1]
        for item in items:
            weight += 1 + (len(item) if isinstance(item, str | bytes) else 0)
            if weight > limit:
                raise _too_large(limit)
            _refuse_leaf(item)
            children = _children(item)
            if children is not None:
                if id(item) in inside:
                    raise NotJson("The output holds itself.")
                inside.add(id(item))
                walk.append((id(item), iter(children)))
                break
        else:
            walk.pop()
            inside.discard(holder)


def _refuse_leaf(item: object) -> None:
    if isinstance(item, float) and not isfinite(item):
        raise NotJson("The output holds a NaN or an infinity, which JSON does not have.")
    if isinstance(item, Iterator):
        raise NotJson(
            f"The output holds a {type(item).__name__}, which is read only once; return a list of its items."
        )


def _children(item: object) -> Iterable[object] | None:
    if isinstance(item, dict):
        return [part for pair in item.items() for part in pair]
    if isinstance(item, _LISTS):
        return item
    if isinstance(item, BaseModel):
        return [*vars(item).values(), *(item.__pydantic_extra__ or {}).values()]
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return [getattr(item, field.name, None) for field in dataclasses.fields(item)]
    return None


def _too_large(limit: int) -> NotJson:
    return NotJson(f"The output is larger than the {limit} bytes that a tool may answer; return less.")


def _reason(error: Exception) -> str:
    """What pydantic says names the type that it cannot write; anything else in it may quote the value."""
    said, _, kind = str(error).partition("unknown type: ")
    if kind:
        return f"The output holds a {kind}, which is no JSON; return a model, a dataclass or plain values."
    return "The output cannot be written as JSON" + (": it holds itself." if "Circular" in said else ".")


def details(found: dict[str, Any], limit: int, strikes: Strikes | None) -> dict[str, Any]:
    """The details of an error as JSON; none where they are no JSON."""
    try:
        made = plain(found, limit, strikes)
    except NotJson:
        return {}
    return made if isinstance(made, dict) else {}
