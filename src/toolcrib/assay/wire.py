"""HTTP as the assay needs it: one request, one stream, and who asks. Whoever runs it brings the client."""

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Reply:
    """A whole answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return self.status < 300  # noqa: PLR2004 what the numbers mean


class Wire(Protocol):
    """A client of one server."""

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """One request; `target` is the path with its query."""
        ...

    def stream(self, target: str, headers: Mapping[str, str]) -> AbstractContextManager[Iterator[bytes]]:
        """An answer as it comes, which has begun once the context is entered."""
        ...


@dataclass(frozen=True)
class Party:
    """Who asks: a credential with a name, and headers that go with each request."""

    name: str
    wire: Wire = field(repr=False)
    key: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def ask(
        self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request with this credential; an empty one sends none."""
        content = None if body is None else json.dumps(body).encode()
        return self.wire.send(method, target, self._headers(content, headers), content)

    def follow(
        self, target: str, headers: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """A stream with this credential."""
        return self.wire.stream(
            target, self._headers(None, {"Accept": "text/event-stream", **(headers or {})})
        )

    def _headers(self, content: bytes | None, given: Mapping[str, str] | None) -> dict[str, str]:
        shown = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return {**shown, **self.headers, **(_JSON if content is not None else {}), **(given or {})}
