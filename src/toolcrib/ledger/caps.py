"""How many calls may run at once: counted where intents are recorded, so that it is true for all processes together.

A batch holds the numbers of its workspaces from its beginning to its commit, so no other process records beside it. Rows
of a process that died count until it is found dead.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from toolcrib.kit.db import Query, Tx
from toolcrib.kit.json import dumps

Of = Literal["workspace_id", "actor_id", "tool_id", "host"]
_OF = ("actor_id", "tool_id", "host")
_TEXT = (
    "SELECT workspace_id, actor_id, tool_id, host, count(*) AS n FROM executions {index}WHERE status = 'running' "
    "AND workspace_id IN ({names}) GROUP BY workspace_id, actor_id, tool_id, host"
)
_RUNNING = Query(
    sqlite=_TEXT.format(index="INDEXED BY executions_running ", names="SELECT value FROM json_each(:names)"),
    postgresql=_TEXT.format(index="", names="SELECT json_array_elements_text(CAST(:names AS json))"),
)


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many running calls that have one of these in common with the call."""

    of: Of
    most: int


@dataclass(frozen=True, slots=True)
class Full:
    """The cap that a call found reached."""

    cap: Cap


class Capped(Protocol):
    """An intent, as far as it is counted."""

    workspace_id: str
    caps: tuple[Cap, ...]


async def crowded(tx: Tx, intents: Sequence[Capped]) -> dict[int, Full]:
    """The intents that would be too many, by identity, in the order in which they came; one statement, or none."""
    if not intents:
        return {}
    running = await count(tx, sorted({one.workspace_id for one in intents}))
    found: dict[int, Full] = {}
    for one in intents:
        full = next((cap for cap in one.caps if running[_key(one, cap.of)] >= cap.most), None)
        if full is not None:
            found[id(one)] = Full(full)
        else:
            running.update(_key(one, of) for of in ("workspace_id", *_OF))
    return found


async def count(tx: Tx, workspaces: Sequence[str]) -> Counter[Hashable]:
    """How many calls run, by workspace and by what they have in common in it."""
    running: Counter[Hashable] = Counter()
    for row in await tx.rows(_RUNNING, names=dumps(list(workspaces)).decode()):
        running[row["workspace_id"], "workspace_id", row["workspace_id"]] += row["n"]
        for of in _OF:
            running[row["workspace_id"], of, row[of]] += row["n"]
    return running


def _key(one: Capped, of: str) -> Hashable:
    return one.workspace_id, of, getattr(one, of)
