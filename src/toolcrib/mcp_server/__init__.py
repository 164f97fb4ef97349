"""The MCP door: lists and calls tools for any MCP client, with an API key."""

from .door import McpDoor

__all__ = ["McpDoor"]
