"""A call costs the same in a large installation: 10,000 tools and 1,000,000 executions beside ten tools and none.

Both servers stand before one upstream and are called in turns, so that a slow minute hits both.
"""

import random
import sqlite3
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.rows.lab import Lab, sqlite_lab
from tests.support.costs import cpu_seconds
from tests.support.server import Server
from tests.support.tools import marked, register

TOOLS, EXECUTIONS, TURNS, CALLS = 10_000, 1_000_000, 10, 200
MOST_RATIO = 1.3


@dataclass
class Growth:
    tools: int = 0
    executions: int = 0
    ratio: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.tools:,} tools and {self.executions:,} executions: CPU a call x {self.ratio:.2f} "
            f"(median of {TURNS} turns of {CALLS} calls)"
        )


def grow(lab: Lab, _rng: random.Random) -> Growth:
    """`lab` stays small; a second one grows."""
    found = Growth()
    with sqlite_lab(lab.folder / "large", {"TOOLCRIB_EGRESS_ALLOW": lab.upstream.host}) as other:
        small, large = _ready(lab, lab), _ready(other, lab)
        large.stop()
        found.tools, found.executions = _fill(other.folder / "toolcrib.db")
        large.start()
        costs = [(_cost(large, other), _cost(small, lab)) for _ in range(TURNS + 1)][1:]
    found.ratio = statistics.median(much / little for much, little in costs)
    if found.ratio > MOST_RATIO:
        found.faults.append(f"a call costs {found.ratio:.2f} times as much; at most {MOST_RATIO} is allowed")
    if (found.tools, found.executions) != (TOOLS, EXECUTIONS):
        found.faults.append("the large installation was not filled")
    return found


def _ready(lab: Lab, upstream_of: Lab) -> Server:
    server = lab.serve()
    register(lab.client(server), *(marked(upstream_of.upstream, f"t{n}", "/echo") for n in range(10)))
    return server


def _cost(server: Server, lab: Lab) -> float:
    client = lab.client(server)
    before = cpu_seconds(server.pid)
    for n in range(CALLS):
        assert client.call("POST", "/api/v1/tools/t7/execute", {"input": {"n": str(n)}}).status == 200
    return cpu_seconds(server.pid) - before


def _fill(database: Path) -> tuple[int, int]:
    """Copies of one tool and one execution, as the product wrote them, under names and ids of their own."""
    with sqlite3.connect(database) as db:
        _copy(db, "tools", ("id", "name", "wire_name"), TOOLS - 10)
        db.execute("DELETE FROM executions")
        _execution(db)
        _copy(db, "executions", ("id",), EXECUTIONS - 1)
        counts = [
            db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("tools", "executions")
        ]
    db.close()
    return counts[0], counts[1]


def _execution(db: sqlite3.Connection) -> None:
    tool = db.execute("SELECT workspace_id, id FROM tools WHERE name = 't7'").fetchone()
    columns = [row[1] for row in db.execute("PRAGMA table_info(executions)")]
    given = {"workspace_id": tool[0], "id": "exe_000000000000", "tool_id": tool[1], "status": "succeeded"}
    values = [given.get(name, 1 if name.endswith(("_at", "_us")) else "x") for name in columns]
    db.execute(f"INSERT INTO executions VALUES ({','.join('?' * len(columns))})", values)


def _copy(db: sqlite3.Connection, table: str, renamed: Sequence[str], times: int) -> None:
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    taken = ", ".join(f"{name} || '_' || n" if name in renamed else name for name in columns)
    db.execute(
        f"WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {times}) "
        f"INSERT INTO {table} SELECT {taken} FROM (SELECT * FROM {table} LIMIT 1), counted"
    )
