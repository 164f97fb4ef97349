"""Routes as a stranger finds them: from the OpenAPI file of the running server."""

import re
from dataclasses import dataclass

from tests.support.client import Client

STREAM = "/api/v1/events"
"""It never ends, so it is not asked over and over."""
SIGN_IN = "/api/v1/invitations/accept"
"""For people with a token of their issuer; a key, whatever its body, is refused there."""
_PARAMETER = re.compile(r"\{[^}]+\}")


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    needs_body: bool = True

    def at(self, name: str) -> str:
        """The path with this name in each of its places."""
        return _PARAMETER.sub(name, self.path)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes(client: Client) -> list[Route]:
    paths = client.call("GET", "/openapi.json", key="").json["paths"]
    return [Route(method.upper(), path) for path, methods in paths.items() for method in methods]


def body_routes(client: Client) -> list[Route]:
    """Those that take a body from the holder of a key; an empty list would make every test over it pass, so it is refused."""
    paths = client.call("GET", "/openapi.json", key="").json["paths"]
    found = [
        Route(method.upper(), path, operation["requestBody"].get("required", False))
        for path, methods in paths.items()
        for method, operation in methods.items()
        if path != SIGN_IN and method in {"post", "put", "patch"} and "requestBody" in operation
    ]
    assert len(found) >= 6, found
    return found
