"""Arguments that are bound to the subject of a call: filled where they were left out, judged where they were given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from toolcrib.contracts.contract import Contract
from toolcrib.contracts.execution import Call, Result, Status, Subject
from toolcrib.contracts.paths import parse_path
from toolcrib.contracts.terms import Link
from toolcrib.contracts.view import View
from toolcrib.policy.service import CallFacts

_MOST_DIGITS: Final = 18
Reached = dict[Link, Any]
"""What links led to."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One argument that is bound."""

    argument: str
    link: Link | None = None


def bindings_in(view: View, tool: str) -> Sequence[Binding]:
    """The arguments of a tool that a view binds."""
    bound = view.tools.get(tool, {})
    return [Binding(argument, to if isinstance(to, Link) else None) for argument, to in bound.items()]


@dataclass(frozen=True, slots=True)
class BoundCall:
    """A call with its bound arguments filled in, and what policy is told of it."""

    call: Call
    about: CallFacts


def bindings_of(
    contract: Contract, tool: str, view: View | None, subject: Subject | None
) -> Sequence[Binding]:
    """The arguments that the contract binds for such a subject, and those that the view does."""
    required = contract.requires.subjects if contract.requires else ()
    own = [
        Binding(one.argument, one.link)
        for one in required
        if one.argument is not None and subject is not None and one.type == subject.type
    ]
    return own if view is None else [*own, *bindings_in(view, tool)]


def links_of(bindings: Sequence[Binding]) -> Sequence[Link]:
    """The links that must be followed before the call can be decided."""
    return [one.link for one in bindings if one.link is not None]


def reached_by(link: Link, answer: Result) -> Any:
    """What a link led to; nothing where the tool failed or has no such place in its output."""
    if answer.status is not Status.SUCCEEDED or answer.dry_run:
        return None
    return parse_path(link.output).find(answer.output)


def bound_call(
    call: Call, about: CallFacts, bindings: Sequence[Binding], contract: Contract, reached: Reached
) -> BoundCall:
    """The call as it is decided. What is bound over a link that was not followed has strayed."""
    filled, strayed = dict(call.input) if bindings else call.input, []
    for one in bindings:
        source = reached.get(one.link) if one.link else call.subject and call.subject.id
        wanted = typed(source, contract, one.argument)
        if filled.get(one.argument) is None:
            filled[one.argument] = wanted
        given = filled[one.argument]
        if wanted is None or type(given) is not type(wanted) or given != wanted:
            strayed.append(one.argument)
    if strayed:
        return BoundCall(call, replace(about, strayed=tuple(strayed)))
    return BoundCall(replace(call, input=filled) if bindings else call, about)


def unfollowed(call: Call, bindings: Sequence[Binding], contract: Contract) -> tuple[Call, frozenset[str]]:
    """The call with something in the place of what links will fill in, and the pointers of those places."""
    left_out = [
        one.argument for one in bindings if one.link is not None and call.input.get(one.argument) is None
    ]
    stands_in = {name: 0 if _wants_number(contract.input_schema, name) else "?" for name in left_out}
    pointers = frozenset("/" + name.replace("~", "~0").replace("/", "~1") for name in left_out)
    return replace(call, input={**call.input, **stands_in}), pointers


def typed(value: Any, contract: Contract, argument: str) -> str | int | None:
    """An id in the type that the contract gives the argument; None where it cannot be one."""
    if type(value) not in (int, str):
        return None
    text = str(value)
    if not _wants_number(contract.input_schema, argument):
        return text
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return int(text) if is_number and str(int(text)) == text else None


def _wants_number(schema: Mapping[str, Any], argument: str) -> bool:
    known = schema.get("properties")
    declared = known.get(argument) if isinstance(known, Mapping) else None
    kind = declared.get("type") if isinstance(declared, Mapping) else None
    return kind in ("integer", "number") or (
        isinstance(kind, list) and "string" not in kind and "integer" in kind
    )
