"""Workspaces for tests from outside, made by the operator."""

from tests.support.server import Server


def add_workspaces(server: Server, *names: str) -> list[str]:
    """The keys of their owners."""
    made = [server.client.call("POST", "/api/v1/workspaces", {"name": name}) for name in names]
    assert all(reply.status == 201 for reply in made), made
    return [str(reply.json["key"]) for reply in made]
