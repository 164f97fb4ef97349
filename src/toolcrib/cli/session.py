"""A conversation with a running server: where it is, which key is shown, and the answers in JSON."""

import asyncio
import ipaddress
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import typer

from toolcrib.contracts.errors import Code

from .exits import Exit
from .refused import UNREACHABLE, Refused, from_error, usage

if TYPE_CHECKING:
    from toolcrib.kit.http import HttpClient

_SECONDS = 60.0
_MOST = 256_000_000
_ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 where a server on all addresses is reached from here
API = "/api/v1"
USUAL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Answer:
    """What the API said: the bytes as they came, what they mean (None for an empty answer), and the headers."""

    raw: bytes
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Session:
    """`url` is as the user gave it, None for the usual place; `wanted` is in which view a call is made, and what of
    the output shall be answered.
    """

    url: str | None = None
    as_json: bool = False
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    wanted: dict[str, Any] = field(default_factory=dict)
    credential: str | None = field(default=None, repr=False)
    workspace: str | None = None

    @cached_property
    def base(self) -> str:
        """The server's address, without a slash at the end."""
        return self.url.rstrip("/") if self.url else usual_url()

    @cached_property
    def key(self) -> str | None:
        """The API key: from the environment, else, for a server on this machine, the owner's in the data directory."""
        given = self.credential or os.environ.get("TOOLCRIB_API_KEY")
        if given:
            if self.credential is None and self.base.startswith("http://") and not is_here(self.base):
                typer.echo(f"warning: the API key goes to {self.base} unencrypted; use https", err=True)
            return given
        if not is_here(self.base):
            message = f"the owner's key of the data directory is not sent to {self.base}, which is not on this machine"
            raise usage(message, "set TOOLCRIB_API_KEY")
        path = data_dir() / "owner.key"
        try:
            return path.read_text("utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise usage(f"the key in {path} cannot be read: {error}", "set TOOLCRIB_API_KEY") from None

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = _SECONDS,
    ) -> Answer:
        """One request under the API. Raises `Refused` for every answer that is no success."""
        try:
            asked = self.exchange(method, API + path, body, query=query, headers=headers, seconds=seconds)
            return asyncio.run(asked)
        except Refused as refused:
            raise self.explained(refused, path) from None

    def explained(self, refused: Refused, path: str) -> Refused:
        """A refusal with what is known here: that there is no key, or what the next step is about."""
        if refused.code == Code.UNAUTHORIZED and self.key is None:
            message = f"There is no API key: TOOLCRIB_API_KEY is not set, and there is no {data_dir() / 'owner.key'}."
            return replace(refused, message=message)
        return replace(refused, next_step=_about(path, refused.next_step))

    async def exchange(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = _SECONDS,
    ) -> Answer:
        """The same inside a running loop, for any path of the server. `body` is bytes, or a value to write as JSON."""
        async with self.open() as ask:
            return await ask(method, path, body, query=query, headers=headers, seconds=seconds)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Exchange"]:
        """`exchange` for many requests: their connections are kept until the end."""
        client = client_for(self.base)
        try:
            yield Exchange(self, client)
        finally:
            await client.close()

    async def pieces(
        self, path: str, headers: Mapping[str, str], silence: float
    ) -> AsyncGenerator[bytes, None]:
        """A stream under the API, as it comes. Raises `Refused` for any other answer, and when the connection is lost."""
        from toolcrib.kit.http import HttpError, HttpRequest  # noqa: PLC0415 costs 0.1 s; help needs none of it

        shown = (*self.headers_for(None, "text/event-stream"), *headers.items())
        request = HttpRequest("GET", self.base + API + path, shown, timeout=silence)
        client = client_for(self.base)
        try:
            async with client.stream("cli", request) as stream:
                if not stream.headers.get("content-type", "").startswith("text/event-stream"):
                    _understood(stream.status, stream.headers, await stream.body(), self.base)
                    raise _stranger(stream.status, stream.headers, self.base)
                async for piece in stream.pieces():
                    yield piece
        except HttpError as error:
            raise unreachable(self.base, str(error).replace("upstream", "server")) from None
        finally:
            await client.close()

    def headers_for(
        self, content: bytes | None, accepted: str = "application/json"
    ) -> tuple[tuple[str, str], ...]:
        """What goes with every request: what is understood, who asks, and in which of several workspaces."""
        headers = [("Accept", accepted)]
        headers += [("Authorization", f"Bearer {self.key}")] if self.key else []
        named = self.workspace or os.environ.get("TOOLCRIB_WORKSPACE")
        headers += [("X-Toolcrib-Workspace", named)] if named else []
        return (*headers, ("Content-Type", "application/json")) if content is not None else tuple(headers)


@dataclass(frozen=True)
class Exchange:
    """Requests over connections that stay open."""

    session: Session
    client: "HttpClient"

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = _SECONDS,
    ) -> Answer:
        """As `Session.exchange`."""
        from toolcrib.kit.http import HttpError, HttpRequest  # noqa: PLC0415 as in `open`
        from toolcrib.kit.json import dumps  # noqa: PLC0415 as in `open`

        base = self.session.base
        content = body if body is None or isinstance(body, bytes) else dumps(body)
        url = base + path + (f"?{urlencode(query)}" if query else "")
        try:
            shown = (*self.session.headers_for(content), *(headers or {}).items())
            reply = await self.client.send(
                "cli", HttpRequest(method, url, shown, content, seconds, _MOST, _MOST)
            )
        except HttpError as error:
            raise unreachable(base, str(error).replace("upstream", "server")) from None
        except ValueError as error:
            raise usage(str(error)) from None
        return _understood(reply.status, reply.headers, reply.body, base)


def part(name: str) -> str:
    """A name as one segment of a path."""
    if name in ("", ".", ".."):
        raise usage(f"{name!r} is no name")
    return quote(name, safe="")


def client_for(base: str) -> "HttpClient":
    """A client for this one server. Unlike the server's own, it trusts whom other programs of the shell trust."""
    from toolcrib.kit.http import Egress, HttpClient  # noqa: PLC0415 as above

    named = os.environ.get("SSL_CERT_FILE", "") if base.startswith("https:") else ""
    try:
        return HttpClient(Egress.parse(only(base), named if Path(named).is_file() else None))
    except ValueError as error:
        raise usage(str(error)) from None
    except OSError:  # ssl's errors are among them
        raise usage(f"SSL_CERT_FILE: {named} holds no certificates", "unset it, or name a PEM file") from None


def only(base: str) -> str:
    """An egress list with exactly the host and port of this address: where the user pointed, and nowhere else."""
    step = "give one such as http://127.0.0.1:8000, with --url or TOOLCRIB_URL"
    refused = usage(f"{base} is not the address of a server", step)
    try:
        parts = urlsplit(base)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        raise refused from None
    host = parts.hostname
    if not host or parts.query or parts.fragment or "@" in parts.netloc:
        raise refused
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_here(base: str) -> bool:
    """Whether this address is on the loopback of this machine. Raises `Refused` for what is no address."""
    only(base)
    host = urlsplit(base).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_NOUNS = {"approval-rules": "approvals rules", "security": "workspaces"}
"""Where a route has another name than the command that lists what it is about."""


def usual_url() -> str:
    """TOOLCRIB_URL, else where a server with this environment's settings listens."""
    given = os.environ.get("TOOLCRIB_URL")
    if given:
        return given.rstrip("/")
    host = os.environ.get("TOOLCRIB_HOST") or "127.0.0.1"
    return address_of(_ANY_HOST.get(host, host), os.environ.get("TOOLCRIB_PORT") or "8000")


def address_of(host: str, port: int | str) -> str:
    """The URL of a host and port."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def data_dir() -> Path:
    """The data directory of this environment's settings."""
    from toolcrib.app.settings import Settings, UnsafeSetting  # noqa: PLC0415 only where a key or a database is looked for

    try:
        return Settings.read().data_dir
    except UnsafeSetting as error:
        raise usage(str(error)) from None


def _about(path: str, step: str | None) -> str | None:
    """A next step with the noun and the name of the route that refused."""
    if step is None:
        return None
    parts = path.removeprefix("/tools/executions").strip("/").split("/")
    noun = "executions" if path.startswith("/tools/executions") else parts.pop(0)
    return step.replace("NOUN", _NOUNS.get(noun, noun)).replace(
        "NAME", unquote(parts[0]) if parts else "NAME"
    )


def _understood(status: int, headers: Mapping[str, str], body: bytes, base: str) -> Answer:
    from toolcrib.kit.json import JsonRefused, loads  # noqa: PLC0415 as in `exchange`

    try:
        document = loads(body, max_depth=128) if body else None
    except JsonRefused:
        raise _stranger(status, headers, base) from None
    if 200 <= status < 300:  # noqa: PLR2004 the class of success
        return Answer(body, document, headers)
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict) or not {"code", "message"} <= error.keys():
        raise _stranger(status, headers, base)
    execution = document.get("execution_id") if isinstance(document, dict) else None
    refused = from_error(error, execution_id=str(execution) if execution else None, raw=body)
    raise replace(refused, headers=headers)


def unreachable(base: str, why: str) -> Refused:
    """No answer came."""
    step = "start a server with: toolcrib serve; or name another with --url or TOOLCRIB_URL"
    return Refused(UNREACHABLE, f"no answer from {base}: {why}", next_step=step, exit=Exit.UNAVAILABLE)


def _stranger(status: int, headers: Mapping[str, str], base: str) -> Refused:
    aside = f" and points to {headers['location']}" if "location" in headers else ""
    message = f"{base} answers with status {status}{aside}, but not as Toolcrib does"
    return Refused(
        UNREACHABLE,
        message,
        next_step="give the address of a Toolcrib server with --url or TOOLCRIB_URL",
        exit=Exit.UNAVAILABLE,
    )
