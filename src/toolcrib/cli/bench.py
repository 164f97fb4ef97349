"""`toolcrib bench`: calls of one tool on a running server, as many as it takes, and how long each lasts."""

import asyncio
import json
import math
import sys
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter
from typing import Annotated, Any

import typer

from .command import command
from .exits import Exit
from .meant import ask_for
from .options import Fields, Name, Whole
from .refused import UNREACHABLE, Refused, usage
from .safe import one_line
from .session import API, Session, part
from .values import tool_input

_PATIENCE = 130.0
_PAUSE = 0.1
_MOST_SECONDS, _MOST_CONNECTIONS = 600, 128
_DOES = {"write": "writes", "destructive": "destroys"}


@dataclass
class Load:
    """What came of the calls so far: milliseconds of each that was answered, and codes of those that failed."""

    spent: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    def at(self, share: float) -> float:
        """The milliseconds within which this share of the calls was answered."""
        return sorted(self.spent)[math.ceil(share * len(self.spent)) - 1]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "bench", example="toolcrib bench tides.next -i harbour=oslo --seconds 10 --connections 16")(
        bench
    )


def bench(
    session: Session,
    tool: Name,
    *,
    whole: Whole = None,
    fields: Fields = None,
    seconds: Annotated[int, typer.Option(metavar="N", min=1, max=_MOST_SECONDS, help="How long.")] = 5,
    connections: Annotated[
        int, typer.Option(metavar="N", min=1, max=_MOST_CONNECTIONS, help="Calls under way at a time.")
    ] = 8,
    yes: Annotated[bool, typer.Option("--yes", help="Also where the tool does more than read.")] = False,
) -> None:
    """Call a tool for some seconds and measure calls a second and their times. Each call is real and stands in the ledger;
    figures tell of server, upstream and this machine together.
    """
    given = {"input": tool_input(whole, fields or [])}
    if not yes:
        _refuse_writes(session, tool)
    path = f"/tools/{part(tool)}/execute"
    # One call that cannot be made is told as `call` tells it.
    first = ask_for(session, "POST", tool, "/execute", given, seconds=_PATIENCE)
    if first.document.get("status") == "awaiting_approval":
        raise usage(f"a person has to agree to each call of {tool}", "measure a tool whose calls do not wait")
    load, spent = asyncio.run(_loaded(session, path, given, seconds, connections))
    figures = _figures(load, spent)
    if session.as_json:
        print(json.dumps({"tool": tool, "connections": connections} | figures))
    else:
        _view(tool, connections, figures)
    raise typer.Exit(Exit.OTHER if load.failed else Exit.OK)


def _refuse_writes(session: Session, tool: str) -> None:
    effect = ask_for(session, "GET", tool).document["effects"]
    if effect != "read":
        message = f"{tool} {_DOES[effect]}, and every call of a measurement is a real one"
        raise usage(message, "measure a tool that reads, or say --yes")


async def _loaded(
    session: Session, path: str, given: Any, seconds: int, connections: int
) -> tuple[Load, float]:
    """Each connection makes one call after the other until the time is over."""
    load, began = Load(), perf_counter()
    async with session.open() as ask:

        async def connection() -> None:
            while perf_counter() - began < seconds:
                started = perf_counter()
                try:
                    await ask("POST", API + path, given, seconds=_PATIENCE)
                except Refused as refused:
                    load.failed[refused.code] += 1
                    if refused.code == UNREACHABLE:
                        await asyncio.sleep(_PAUSE)
                        continue
                load.spent.append((perf_counter() - started) * 1_000)

        telling = asyncio.create_task(_tell(load, began, seconds))
        await asyncio.gather(*(connection() for _ in range(connections)))
        telling.cancel()
    _clear()
    return load, perf_counter() - began


async def _tell(load: Load, began: float, seconds: int) -> None:
    while sys.stderr.isatty():
        await asyncio.sleep(1)
        done = min(int(perf_counter() - began), seconds)
        print(f"\r{done} of {seconds} s, {len(load.spent)} calls", end="", file=sys.stderr, flush=True)


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _figures(load: Load, spent: float) -> dict[str, Any]:
    answered = len(load.spent)
    lost = load.failed[UNREACHABLE]
    times = (
        {"p50": load.at(0.5), "p95": load.at(0.95), "p99": load.at(0.99), "max": load.at(1.0)}
        if answered
        else {}
    )
    return {
        "seconds": round(spent, 3),
        "calls": answered + lost,
        "failed": {code: count for code, count in sorted(load.failed.items()) if count},
        "calls_per_second": round(answered / spent, 1),
        "milliseconds": {name: round(value, 2) for name, value in times.items()},
    }


def _view(tool: str, connections: int, figures: dict[str, Any]) -> None:
    from .views import pairs  # noqa: PLC0415 rich is needed only for people

    failed = ", ".join(f"{count} {code}" for code, count in figures["failed"].items())
    times = figures["milliseconds"]
    pairs(
        [
            ("tool", one_line(tool)), ("calls", f"{figures['calls']} in {figures['seconds']:.1f} s over {connections} connections"),
            ("failed", failed or "none"), ("calls/s", figures["calls_per_second"]),
            *((name, f"{value:.2f} ms") for name, value in times.items()),
        ]
    )  # fmt: skip
