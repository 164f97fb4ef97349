"""One conversation with the MCP 1.x client. Runs in `.venv/mcp1`; asked on stdin, answers on stdout, both JSON."""

import asyncio
import json
import sys
from typing import Any

from mcp import ClientSession, McpError  # type: ignore[attr-defined]  # of 1.x, not of the version beside the product
from mcp.client.streamable_http import streamablehttp_client  # type: ignore[attr-defined]  # of 1.x


async def talk(url: str, key: str, calls: list[list[Any]]) -> dict[str, Any]:
    async with (
        streamablehttp_client(url, headers={"Authorization": f"Bearer {key}"}) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        tools = (await session.list_tools()).tools
        answers = []
        for name, given, *meta in calls:
            try:
                answer = await session.call_tool(name, given, meta=meta[0] if meta else None)
            except McpError as error:
                answers.append({"code": error.error.code})
            else:
                answers.append(answer.model_dump(mode="json", by_alias=True))
        return {"tools": [tool.model_dump(mode="json", by_alias=True) for tool in tools], "answers": answers}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(talk(**json.load(sys.stdin)))))
