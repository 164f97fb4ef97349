"""What a request leaves to the garbage collector: nothing. Whatever is left, its body too, stays until garbage is looked for,
and all others wait for that.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.crew import API

TIMES = 20


@contextmanager
def nothing_left() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
        assert gc.collect() < TIMES
    finally:
        gc.enable()


async def test_calls(sqlite_crew):
    tool = await sqlite_crew.tool("a.tool")
    await sqlite_crew.call(sqlite_crew.owner, tool)
    with nothing_left():
        for _ in range(TIMES):
            assert (await sqlite_crew.call(sqlite_crew.owner, tool)).status == 200


@pytest.mark.parametrize("kind", ["workspace", "tool"])
async def test_calls_over_a_limit(sqlite_crew, kind):
    """Known before the body is read where the limit is the workspace's, and after it where it is the tool's."""
    tool = await sqlite_crew.tool("a.tool")
    name = {"workspace": "*", "tool": tool}[kind]
    await sqlite_crew.owner(
        "PUT", f"{API}/workspaces/{sqlite_crew.shop}/limits/{kind}/{name}", {"per_day": 1}
    )
    for _ in range(2):
        await sqlite_crew.call(sqlite_crew.owner, tool)
    with nothing_left():
        for _ in range(TIMES):
            assert (await sqlite_crew.call(sqlite_crew.owner, tool)).status == 429


@pytest.mark.parametrize(
    ("raw", "path", "status"),
    [
        (b"no json", "a.tool", 400),
        (b'{"input": 1}', "a.tool", 400),
        (b'{"input": {"symbol": 1}}', "a.tool", 400),
        (b"{}", "no.tool", 404),
    ],
)
async def test_other_refusals(sqlite_crew, raw, path, status):
    await sqlite_crew.tool(
        "a.tool", input_schema={"type": "object", "properties": {"symbol": {"type": "string"}}}
    )
    execute = f"{API}/tools/{path}/execute"
    await sqlite_crew.owner("POST", execute, raw=raw)
    with nothing_left():
        for _ in range(TIMES):
            assert (await sqlite_crew.owner("POST", execute, raw=raw)).status == status


async def test_strangers(sqlite_crew):
    stranger = sqlite_crew.owner.as_("tcb_nobody")
    with nothing_left():
        for _ in range(TIMES):
            assert (await stranger("GET", f"{API}/me")).status == 401
            assert (await stranger("POST", f"{API}/tools/a.tool/execute", raw=b"{}")).status == 401
