"""Packs for tests, and a process that has them loaded. `python -m` servers load them by `tests.support.toolbox:numbers`."""

import asyncio
import os
import threading
from typing import Annotated, Any

from pydantic import BaseModel, Field

from tests.support.fakes import FakeClock
from toolcrib import Context, Pack, Setting, ToolError, tool
from toolcrib.contracts.provider import Provider
from toolcrib.kit.http import Egress, HttpClient
from toolcrib.providers.dummy import DummyProvider
from toolcrib.providers.http import Limits
from toolcrib.providers.python import LoadedPack, PythonProvider, Slots

LIMITS = Limits(max_request=1_000_000, max_reply=1_000_000, seconds=20)


class Sum(BaseModel):
    total: int


@tool("numbers.add", effects="read", errors=[{"code": "TOO_LARGE", "http_status": 413}])
async def add(a: int, b: Annotated[int, Field(ge=0)] = 1) -> Sum:
    """Add two numbers."""
    if a > 1_000:
        raise ToolError("TOO_LARGE", "Add smaller numbers.", most=1_000)
    return Sum(total=a + b)


@tool("numbers.undeclared")
def undeclared() -> None:
    """Answer an error that the contract does not declare."""
    raise ToolError("NEVER_HEARD", "secret words")


@tool("numbers.crash")
def crash() -> None:
    """Fail in a way that nobody foresaw."""
    raise RuntimeError("secret words")


@tool("numbers.wrong")
async def wrong() -> int:
    """Give what the contract does not say."""
    return "text"  # type: ignore[return-value]  # the case


@tool("numbers.odd")
async def odd(how: str) -> Any:
    """Give what is no JSON."""
    cycle: list[Any] = []
    cycle.append(cycle)
    return {"cycle": cycle, "huge": "x" * 70_000_000, "nan": float("nan"), "object": object()}[how]


@tool("numbers.forever", timeout=0.2, effects="read")
async def forever() -> None:
    """Never end."""
    await asyncio.Event().wait()


@tool("numbers.stuck", timeout=0.2)
def stuck() -> None:
    """Never end, and hold a thread meanwhile."""
    threading.Event().wait()


@tool("numbers.deeper")
async def deeper(context: Context, depth: int = 0) -> Any:
    """Call itself until it is stopped; tell how deep that was."""
    context.progress(depth)
    return await context.call("numbers.deeper", {"depth": depth + 1})


@tool("numbers.relay")
async def relay(context: Context, tool: str, input: dict[str, Any]) -> Any:  # noqa: A002 the word of the contract
    """Call another tool."""
    return await context.call(tool, input)


@tool("numbers.echo", errors=["SAID"])
async def echo(text: str, fail: bool = False) -> str:
    """Give back what it was given."""
    if fail:
        raise ToolError("SAID", f"it was {text}")
    return text


@tool("numbers.spill", secrets=["SPILLED"])
async def spill(context: Context, fail: bool = False) -> str:
    """Hand a secret to another tool."""
    try:
        answer = await context.call("numbers.echo", {"text": context.secret("SPILLED"), "fail": fail})
        return "same" if answer == context.secret("SPILLED") else "other"
    except ToolError as error:
        return error.message


@tool("numbers.seen")
async def seen(context: Context) -> list[str]:
    """The tools that the caller may call."""
    return [brief.name for brief in await context.list_tools()]


@tool("numbers.fetch", effects="read")
async def fetch(context: Context, url: str, method: str = "GET", secret: bool = False) -> Any:
    """Send a request and tell what came back."""
    headers = {"Authorization": f"Bearer {context.settings['NUMBERS_TOKEN']}"} if secret else {}
    body = None if method == "GET" else {"n": 1}
    answer = await context.http.request(method, url, headers=headers, json=body)
    return {"status": answer.status, "said": answer.json()}


TOOLS = (add, undeclared, crash, wrong, odd, forever, stuck, deeper, relay, echo, spill, seen, fetch)
numbers = Pack("numbers", "1.0.0", "Numbers", tools=TOOLS, settings=[Setting("NUMBERS_TOKEN", "t0ken")])
again = Pack("again", "1.0.0", tools=[add])


@tool("numbers.add", version=os.environ.get("ADD_VERSION", "2.0.0"))
async def add_anew(a: int) -> int:
    """Add one."""
    return a + 1


newer = Pack("numbers", "2.0.0", tools=[add_anew])
not_a_pack = 7


def providers(clock: FakeClock, *packs: Pack, client: HttpClient | None = None) -> list[Provider]:
    """What runs these packs in a rig."""
    loaded = [LoadedPack(pack, {one.name: one.default for one in pack.settings}) for pack in packs]
    out = client or HttpClient(Egress.parse("127.0.0.1/32"))
    return [
        PythonProvider(loaded, out, LIMITS, clock, Slots(most=4, most_of_one=2, patience=0)),
        DummyProvider(),
    ]
