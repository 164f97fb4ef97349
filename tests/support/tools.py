"""Tool configs against the scripted upstream, as a user would write them."""

from typing import Any

from tests.support.client import Client
from tests.support.upstream import Upstream


def tide(upstream: Upstream) -> dict[str, Any]:
    """The toolset seed's shape, field by field: keys with dots, a secret in a header, text that becomes a number."""
    return {
        "name": "get_tide",
        "description": "Next high tide at a harbour",
        "version": 1,
        "enabled": True,
        "api": {
            "base_url": f"{upstream.url}/v2",
            "path": "next",
            "method": "GET",
            "params": {"unit": "m"},
            "auth": {"method": "api_key_header", "key_name": "X-Tide-Key", "secret_ref": "${TIDE_KEY}"},
            "timeout": 4,
        },
        "input_schema": {
            "type": "object",
            "properties": {"harbour": {"type": "string"}},
            "required": ["harbour"],
            "additionalProperties": False,
        },
        "output_schema": {
            "type": "object",
            "properties": {"height": {"type": "number"}, "at": {"type": "string"}},
            "required": ["height"],
        },
        "mapping": {
            "input_to_params": {"harbour": "h"},
            "response_path": "Next Tide",
            "response_to_output": {"height": "01. height", "at": "time.utc"},
        },
        "tags": ["sea"],
    }


def marked(upstream: Upstream, name: str, path: str, timeout: float = 30, **inputs: str) -> dict[str, Any]:
    """A GET of that path whose input `n` marks the call; `inputs` are further ones, name and JSON type."""
    properties = {"n": {"type": "string"}} | {key: {"type": kind} for key, kind in inputs.items()}
    return {
        "name": name,
        "description": f"GET {path}",
        "api": {"base_url": upstream.url, "path": path, "timeout": timeout},
        "input_schema": {"type": "object", "properties": properties, "required": ["n"]},
    }


def register(client: Client, *configs: dict[str, Any]) -> list[str]:
    """Their ids."""
    replies = [client.call("POST", "/api/v1/tools", config) for config in configs]
    assert [(reply.status, reply.json) for reply in replies if reply.status != 201] == []
    return [reply.json["tool_id"] for reply in replies]


def enable(client: Client, tool: str, *, enabled: bool) -> None:
    reply = client.call("PUT", f"/api/v1/tools/{tool}/enablement", {"enabled": enabled})
    assert reply.status == 200, reply.json


def make_key(client: Client, name: str) -> tuple[str, str]:
    """Its id and its text."""
    reply = client.call("POST", "/api/v1/keys", {"name": name})
    assert reply.status == 201, reply.json
    return reply.json["id"], reply.json["key"]


def revoke_key(client: Client, key_id: str) -> None:
    assert client.call("DELETE", f"/api/v1/keys/{key_id}").status == 204
