"""The checker: what clients saw and what the upstream received, held against the ledger on disk. It finds; it never waits."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from tests.support.books import FINAL, Books, Row
from tests.support.calls import Seen

REQUESTED = "ToolExecutionRequested"
LEARNED = "OutcomeLearned"
CLOSING = {
    "succeeded": "ToolExecutionCompleted",
    "failed": "ToolExecutionFailed",
    "denied": "ToolExecutionDenied",
    "cancelled": "ToolExecutionCancelled",
    "interrupted": "ToolExecutionInterrupted",
}


def audit(books: Books, hits: Counter[str], seen: Sequence[Seen]) -> list[str]:
    """Every fault found, none if all is well. Run it when no call runs and nobody owes an outcome."""
    rows = books.executions()
    return [*audit_books(books), *_once(rows), *_answers(rows, seen), *_upstream(rows, hits)]


def audit_books(books: Books) -> list[str]:
    """What the ledger says of itself: every call final, with its events, and no number left out."""
    rows, events = books.executions(), books.events()
    return [*books.faults(), *_final(rows), *_events(rows, events), *_sequence(books, events)]


def _final(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row["status"] not in FINAL:
            yield f"{row['id']} is {row['status']}, which is not final"
        if row["finished_at"] is None:
            yield f"{row['id']} is {row['status']} and has no end"


def _once(rows: Sequence[Row]) -> Iterator[str]:
    yield from (f"{times} rows for the one call {n}" for n, times in _marks(rows).items() if times > 1)


def _answers(rows: Sequence[Row], seen: Sequence[Seen]) -> Iterator[str]:
    """A client that was told an outcome finds exactly that, under the id it was told."""
    by_id = {row["id"]: row for row in rows}
    told = Counter(answer.execution_id for answer in seen if answer.execution_id)
    yield from (f"{execution} was told to {times} callers" for execution, times in told.items() if times > 1)
    for answer in seen:
        if answer.execution_id is None:
            continue
        row = by_id.get(answer.execution_id)
        if row is None:
            yield f"{answer.execution_id} was acknowledged ({answer.state}) and is not in the ledger"
        elif row["status"] != answer.state:
            yield f"{answer.execution_id} was acknowledged as {answer.state} and stands as {row['status']}"
        elif _mark(row) != answer.n:
            yield f"{answer.execution_id} was told for {answer.n} and stands for {_mark(row)}"


def _upstream(rows: Sequence[Row], hits: Counter[str]) -> Iterator[str]:
    """Nothing reached the upstream twice, or without an intent that was allowed to run."""
    ran = Counter(_mark(row) for row in rows if row["status"] != "denied")
    yield from (f"the upstream received {n} {times} times" for n, times in hits.items() if times > 1)
    yield from (f"the upstream received {n}, which has no intent row" for n in hits if n not in ran)


def _events(rows: Sequence[Row], events: Sequence[Row]) -> Iterator[str]:
    """One request and one close for each call that ran; one close for each that was refused; in this order."""
    told: defaultdict[str, list[str]] = defaultdict(list)
    for event in events:
        if event["execution_id"] and event["type"] != LEARNED:
            told[event["execution_id"]].append(event["type"])
    for row in rows:
        closing = CLOSING.get(row["status"])
        if told[row["id"]] not in ([REQUESTED, closing], [closing]):
            yield f"{row['id']} is {row['status']} and its events are {told[row['id']]}"
    unknown = told.keys() - {row["id"] for row in rows}
    yield from (f"events tell of {execution}, which is not in the ledger" for execution in unknown)


def _sequence(books: Books, events: Sequence[Row]) -> Iterator[str]:
    """Numbers are commit order without a gap: whoever resumes from one misses nothing."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        numbers[event["workspace_id"]].append(event["seq"])
    last = {
        row["workspace_id"]: row["seq"] for row in books.rows("SELECT workspace_id, seq FROM workspace_state")
    }
    for workspace, found in numbers.items():
        first = found[0]
        if found != list(range(first, first + len(found))) or found[-1] != last[workspace]:
            yield f"the event numbers of {workspace} have gaps: {len(found)} from {first} to {found[-1]} of {last[workspace]}"


def _mark(row: Row) -> str:
    return str((row["input"] or {}).get("n"))


def _marks(rows: Iterable[Row]) -> Counter[str]:
    return Counter(_mark(row) for row in rows if (row["input"] or {}).get("n"))
