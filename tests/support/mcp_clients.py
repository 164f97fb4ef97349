"""The official MCP clients in use, each driven through one conversation: what it listed, what it was answered, what it was refused.

The 2.x client is installed beside the product; the 1.x client runs in an environment of its own (`make test` makes it).
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

Calls = Sequence[tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], dict[str, Any]]]
"""Names, arguments, and where wanted the `_meta` of the request."""
CLIENTS = ("1.x", "legacy", "2026-07-28", "auto")
SECONDS = 60
_ENVIRONMENT = Path(sys.prefix) / "mcp1" / "bin" / "python"


@dataclass(frozen=True)
class Talk:
    """`tools` as listed, `answers` to the calls in order; one that is refused by the protocol has only a `code`."""

    tools: list[dict[str, Any]]
    answers: list[dict[str, Any]]


def talk(client: str, url: str, key: str, calls: Calls) -> Talk:
    """List, and make the calls."""
    if client == "1.x":
        return _older(url, key, calls)
    return asyncio.run(asyncio.wait_for(_newer(client, url, key, calls), SECONDS))


async def _newer(mode: str, url: str, key: str, calls: Calls) -> Talk:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        tools = await client.list_tools()
        answers = []
        for name, given, *meta in calls:
            try:
                answer = await client.call_tool(name, given, meta=meta[0] if meta else None)  # type: ignore[arg-type]  # an open map
            except MCPError as error:
                answers.append({"code": error.error.code})
            else:
                answers.append(answer.model_dump(mode="json", by_alias=True))
        return Talk([tool.model_dump(mode="json", by_alias=True) for tool in tools.tools], answers)


def _older(url: str, key: str, calls: Calls) -> Talk:
    if not _ENVIRONMENT.exists():
        raise RuntimeError("the MCP 1.x client is not installed: make .venv/mcp1/.made")
    script = Path(__file__).with_name("mcp_older.py")
    asked = json.dumps({"url": url, "key": key, "calls": calls})
    done = subprocess.run(
        [str(_ENVIRONMENT), "-I", str(script)], input=asked, capture_output=True, text=True, timeout=SECONDS, check=False
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return Talk(**json.loads(done.stdout))
