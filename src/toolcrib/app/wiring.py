"""Puts the house together: engine, cipher, egress, providers, gateway, door."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolcrib.api import ApiOptions, create_app
from toolcrib.contracts.errors import Unauthorized
from toolcrib.contracts.pack import Pack
from toolcrib.contracts.provider import Provider
from toolcrib.gateway import Options, open_gateway
from toolcrib.kit.cipher import Cipher
from toolcrib.kit.clock import SystemClock
from toolcrib.kit.db import Database, Engine, Tx, UnsafeDatabase
from toolcrib.kit.http import Egress, HttpClient, Proxy
from toolcrib.mcp_server import McpDoor
from toolcrib.providers.dummy import DummyProvider
from toolcrib.providers.http import HttpProvider, Limits
from toolcrib.providers.python import PythonProvider

from .environment import environment_secrets
from .issuers import open_verifier, read_issuers
from .keys import (
    check_unwritable,
    keep_owner_key,
    keep_pending,
    known_root_key,
    open_data_dir,
    pending_key,
    previous_root_key,
    root_key,
)
from .packs import install_packs, load_packs, tell_missing, with_settings
from .settings import Settings, UnsafeSetting

Migrate = Callable[[Tx], Awaitable[None]]


def open_engine(settings: Settings) -> Engine:
    """The database of the settings; on SQLite this process alone."""
    url = settings.database_url
    if url.startswith("postgres"):
        from toolcrib.kit.db.postgres import PostgresEngine  # noqa: PLC0415 asyncpg costs start-up time and memory

        return PostgresEngine(url, role=settings.database_role, notify=settings.notifications)
    from toolcrib.kit.db.sqlite import SqliteEngine  # noqa: PLC0415 only where it is used

    if not url:
        return SqliteEngine(settings.data_dir / "toolcrib.db")
    path = Path(url.removeprefix("sqlite:///"))
    check_unwritable("TOOLCRIB_DATABASE_URL", path)
    return SqliteEngine(path)


class House:
    """Everything, put together and not yet started. One that does not listen has no port that tools must keep off."""

    def __init__(self, settings: Settings, version: str, *, listens: bool = True) -> None:
        self._listens = listens
        self._data_dir = open_data_dir(settings)
        known_root_key(settings)  # a refusal comes before anything is opened
        previous = previous_root_key(settings)
        beside = environment_secrets(settings.env_secrets, os.environ)
        egress = _egress(settings)
        self._packs = load_packs(settings.packs, os.environ)
        self._client = _client(egress, settings, (settings.port,) if listens else ())
        clock = SystemClock()
        self._verifier = open_verifier(read_issuers(settings, os.environ, egress, self._client), clock)
        self._engine = open_engine(settings)
        key = root_key(settings)  # made by the one process that holds the database
        limits = Limits(
            max_request=settings.max_request, max_reply=settings.max_reply, seconds=settings.max_seconds
        )
        self._python = PythonProvider(
            self._packs, self._client, limits, clock, tracebacks=settings.environment == "development"
        )
        http = HttpProvider(self._client, egress, limits)
        providers: list[Provider] = [http, self._python, DummyProvider()]
        self.gateway = open_gateway(
            Database(self._engine),
            Cipher(key, previous),
            clock,
            providers,
            Options(
                settings.retention_days,
                settings.max_seconds,
                verify=self._verifier.claims,
                beside=beside,
                narrow=self._client.narrow,
                approval_seconds=settings.approval_seconds,
            ),
        )
        options = ApiOptions(
            max_request=settings.max_request,
            docs=settings.environment == "development",
            version=version,
            cors_origins=settings.cors_origins,
        )
        self._mcp = McpDoor(self.gateway, version, settings.cors_origins)
        self.app = create_app(self.gateway, options, {"/mcp": self._mcp})

    async def start(self, migrate: Migrate) -> Path | None:
        """Bring the database up and take part. Answers where the owner's key lies when this was the first start."""
        try:
            await self._engine.set_up(migrate)
        except UnsafeDatabase as error:
            raise UnsafeSetting(f"TOOLCRIB_DATABASE_URL: {error}") from error
        await self.gateway.start(lambda text: keep_pending(self._data_dir, text))
        await install_packs(self.gateway, self._packs)
        if self._listens:  # in a process of its own, functions come later
            await tell_missing(self.gateway, self._python)
        pending = pending_key(self._data_dir)
        return None if pending is None else keep_owner_key(self._data_dir, valid=await self._knows(pending))

    async def bring(self, pack: Pack) -> None:
        """Take in a pack while running. Raises `Invalid` and `Conflict`, and then has not taken it."""
        self._python.load(with_settings(pack, os.environ))
        try:
            await self.gateway.packs.install(pack)
        except BaseException:
            self._python.unload(pack.name)
            raise

    def function(self, pack: str, name: str) -> Callable[..., Any] | None:
        """The function that runs a pack's tool, where the pack is loaded."""
        return self._python.function(pack, name)

    async def _knows(self, key: str) -> bool:
        try:
            await self.gateway.credentials.principal(key)
        except Unauthorized:
            return False
        return True

    async def stop(self) -> None:
        """Leave in order: running calls are closed in the ledger first."""
        await self._mcp.stop()
        await self.gateway.stop()
        await self._verifier.stop()
        self._python.close()
        await self._client.close()


def _client(egress: Egress, settings: Settings, own_ports: tuple[int, ...]) -> HttpClient:
    if settings.egress_ca:
        check_unwritable("TOOLCRIB_EGRESS_CA", Path(settings.egress_ca))
    try:
        return HttpClient(egress, own_ports=own_ports)
    except OSError as error:  # ssl's errors are among them
        raise UnsafeSetting(
            f"TOOLCRIB_EGRESS_CA: {settings.egress_ca} holds no certificates: {error.strerror}"
        ) from None


def _egress(settings: Settings) -> Egress:
    try:
        egress = Egress.parse(settings.egress_allow, settings.egress_ca or None)
    except ValueError as error:
        raise UnsafeSetting(f"TOOLCRIB_EGRESS_ALLOW: {error}") from None
    try:
        return replace(egress, proxy=Proxy.parse(settings.egress_proxy))
    except ValueError as error:
        raise UnsafeSetting(f"TOOLCRIB_EGRESS_PROXY is not readable: {error}") from None
