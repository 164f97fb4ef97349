"""What a call asked of an output and did not get: ids of elements that have none, a path that leads nowhere."""

from collections.abc import Iterator
from typing import Any

from .refused import Refused
from .session import Session, part


def missed(session: Session, answer: Any) -> Iterator[str]:
    """The lines for stderr about an answer that succeeded."""
    output = (
        answer.get("output") if isinstance(answer, dict) and answer.get("status") == "succeeded" else None
    )
    if isinstance(output, dict) and output.get("dry_run") is True:
        return
    if session.wanted.get("ids_only") and output is not None:
        yield from _without_ids(session, str(answer["execution_id"]), output)
    elif session.wanted.get("select"):
        yield from _nowhere(session.wanted["select"], output)


def _without_ids(session: Session, execution: str, output: Any) -> Iterator[str]:
    if not (isinstance(output, dict) and output.keys() == {"ids", "count"}):
        yield "warning: the output is no list, so there are no ids; it is all here"
        return
    elements = _elements(session, execution)
    lacking = 0 if elements is None else len(elements) - output["count"]
    if lacking > 0:
        yield f"warning: {lacking} of {len(elements or [])} elements have no id and are left out"
    elif elements is None and not output["ids"]:
        yield "warning: there is no id; elements without one are left out"


def _elements(session: Session, execution: str) -> list[Any] | None:
    """The list in the whole output, which the ledger keeps; None where it cannot be seen."""
    try:
        whole = session.ask("GET", f"/tools/executions/{part(execution)}/result").document["output"]
    except (Refused, KeyError, TypeError):
        return None
    held = (
        [value for value in whole.values() if isinstance(value, list)] if isinstance(whole, dict) else [whole]
    )
    return held[0] if len(held) == 1 and isinstance(held[0], list) else None


def _nowhere(paths: list[str], output: Any) -> Iterator[str]:
    from toolcrib.contracts.selection import parse_selection  # noqa: PLC0415 only where a part is asked for

    for path in paths:
        selection = parse_selection([path], None, ids_only=False)
        if selection is not None and _is_nothing(selection.apply(output)[0]):
            yield f"warning: the output has nothing at {path}"


def _is_nothing(picked: Any) -> bool:
    """Whether empty objects are all that is left, here or in the elements of lists."""
    if isinstance(picked, dict):
        return all(isinstance(one, list) and _is_nothing(one) for one in picked.values())
    return isinstance(picked, list) and len(picked) > 0 and all(one == {} for one in picked)
