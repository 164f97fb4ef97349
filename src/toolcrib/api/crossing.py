"""Pages of other origins before the API and the doors beside it: only those that the operator names, with a key of their own and no cookies."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

_METHODS = ("GET", "POST", "PUT", "DELETE")
_OF_MCP = ("Mcp-Protocol-Version", "Mcp-Session-Id", "Mcp-Method", "Mcp-Name")
_SENT = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Prefer", *_OF_MCP)
_READ = ("Idempotency-Replayed", "Location", "Retry-After", "Server-Timing", "WWW-Authenticate")
_SECONDS = 600


def crossing(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """The application as these origins may use it; without any, as it is."""
    if not origins:
        return app
    return CORSMiddleware(
        app, allow_origins=origins, allow_methods=_METHODS, allow_headers=_SENT, expose_headers=_READ, max_age=_SECONDS
    )  # fmt: skip
