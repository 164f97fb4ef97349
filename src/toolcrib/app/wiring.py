"""Puts the house together: engine, cipher, egress, providers, gateway, door."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from toolcrib.api import ApiOptions, create_app
from toolcrib.contracts.errors import Unauthorized
from toolcrib.gateway import open_gateway
from toolcrib.kit.cipher import Cipher
from toolcrib.kit.clock import SystemClock
from toolcrib.kit.db import Database, Engine, Tx
from toolcrib.kit.http import Egress, HttpClient
from toolcrib.providers.http import HttpProvider, Limits

from .keys import keep_owner_key, keep_pending, known_root_key, open_data_dir, pending_key, root_key
from .settings import Settings, UnsafeSetting

Migrate = Callable[[Tx], Awaitable[None]]


def open_engine(settings: Settings) -> Engine:
    """The database of the settings; on SQLite this process alone."""
    url = settings.database_url
    if url.startswith("postgres"):
        from toolcrib.kit.db.postgres import PostgresEngine  # noqa: PLC0415 asyncpg costs start-up time and memory

        return PostgresEngine(url, notify=settings.notifications)
    from toolcrib.kit.db.sqlite import SqliteEngine  # noqa: PLC0415 only where it is used

    return SqliteEngine(Path(url.removeprefix("sqlite:///")) if url else settings.data_dir / "toolcrib.db")


class House:
    """Everything, put together and not yet started."""

    def __init__(self, settings: Settings, version: str) -> None:
        self._data_dir = open_data_dir(settings)
        known_root_key(settings)  # a refusal comes before anything is opened
        egress = _egress(settings)
        self._engine = open_engine(settings)
        key = root_key(settings)  # made by the one process that holds the database
        self._client = _client(egress, settings)
        limits = Limits(
            max_request=settings.max_request, max_reply=settings.max_reply, seconds=settings.max_seconds
        )
        self.gateway = open_gateway(
            Database(self._engine),
            Cipher(key),
            SystemClock(),
            [HttpProvider(self._client, egress, limits)],
            retention_days=settings.retention_days,
        )
        options = ApiOptions(
            max_request=settings.max_request, docs=settings.environment == "development", version=version
        )
        self.app = create_app(self.gateway, options)

    async def start(self, migrate: Migrate) -> Path | None:
        """Bring the database up and take part. Answers where the owner's key lies when this was the first start."""
        await self._engine.transact((), migrate)
        await self.gateway.start(lambda text: keep_pending(self._data_dir, text))
        pending = pending_key(self._data_dir)
        return None if pending is None else keep_owner_key(self._data_dir, valid=await self._knows(pending))

    async def _knows(self, key: str) -> bool:
        try:
            await self.gateway.credentials.principal(key)
        except Unauthorized:
            return False
        return True

    async def stop(self) -> None:
        """Leave in order: running calls are closed in the ledger first."""
        await self.gateway.stop()
        await self._client.close()


def _client(egress: Egress, settings: Settings) -> HttpClient:
    try:
        return HttpClient(egress, own_ports=(settings.port,))
    except OSError as error:  # ssl's errors are among them
        raise UnsafeSetting(
            f"TOOLCRIB_EGRESS_CA: {settings.egress_ca} holds no certificates: {error.strerror}"
        ) from None


def _egress(settings: Settings) -> Egress:
    try:
        return Egress.parse(settings.egress_allow, settings.egress_ca or None)
    except ValueError as error:
        raise UnsafeSetting(f"TOOLCRIB_EGRESS_ALLOW: {error}") from None
