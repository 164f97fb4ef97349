"""Issuers of JWTs, read from the settings, and where their keys lie: in a file, or behind an address."""

import asyncio
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from toolcrib.contracts.issuer import LARGEST_JWKS, Issuer, JwtAlgorithm, KeysRefused, KeysUnavailable
from toolcrib.gateway import Verifier
from toolcrib.kit.clock import Clock
from toolcrib.kit.http import Egress, EgressDenied, HttpClient, HttpError, HttpRequest
from toolcrib.kit.logging import logger

from .settings import Settings, UnsafeSetting, issuer_setting

_POOL: Final = "issuers"  # no workspace has this id
_SECONDS: Final = 5.0
_OK: Final = 200
_ACCEPT: Final = (("accept", "application/jwk-set+json, application/json"),)
# In everybody's hands: what examples of identity providers are shipped with.
_PUBLISHED: Final = "super-secret-jwt-token-with-at-least-32-characters-long"
_log = logger("app")


class FileKeys:
    """A JWKS in a file of the operator's; looked at again as often as wanted, read again when it has changed."""

    pause = 1.0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at: tuple[int, ...] = ()

    async def read(self) -> bytes | None:
        """The file, where it is another than before. Raises `KeysUnavailable`."""
        return await asyncio.to_thread(self.changed)

    def changed(self) -> bytes | None:
        """As `read`, at the start."""
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._read_at:
                return None
            with self._path.open("rb") as file:
                text = file.read(LARGEST_JWKS + 1)
        except OSError as error:
            raise KeysUnavailable(f"{self._path} cannot be read: {error.strerror}") from None
        if found.st_mode & stat.S_IWOTH:  # whoever writes it decides who signs in
            raise KeysUnavailable(f"everybody may write to {self._path}; run chmod o-w on it")
        self._read_at = stamp
        return text


class UrlKeys:
    """A JWKS behind an address, fetched as everything that leaves the house, and once a minute at most."""

    pause = 60.0

    def __init__(self, client: HttpClient, url: str) -> None:
        self._client = client
        self._request = HttpRequest("GET", url, _ACCEPT, timeout=_SECONDS, max_reply=LARGEST_JWKS)

    async def read(self) -> bytes:
        """What stands there. A redirect is no answer. Raises `KeysUnavailable`."""
        try:
            reply = await self._client.send(_POOL, self._request)
        except HttpError as error:
            raise KeysUnavailable(str(error)) from None
        if reply.status != _OK:
            raise KeysUnavailable(f"its address answers with status {reply.status}")
        return reply.body


def read_issuers(
    settings: Settings, environment: Mapping[str, str], egress: Egress, client: HttpClient
) -> tuple[Issuer, ...]:
    """The issuers of the settings. Raises `UnsafeSetting` by name for one that is not whole, or not safe."""
    issuers = tuple(
        _Reading(name, settings, environment).issuer(egress, client) for name in settings.jwt_issuers
    )
    urls: dict[str, str] = {}
    for one in issuers:
        other = urls.setdefault(one.url, one.name)
        if other != one.name:
            raise UnsafeSetting(
                f"{issuer_setting(one.name, 'ISSUER')} is that of {other} too; a token could not tell them apart"
            )
        if one.secret is not None:
            _log.warning(
                "tokens of an issuer are checked with a secret that could also make them", issuer=one.name
            )
    return issuers


def open_verifier(issuers: Sequence[Issuer], clock: Clock) -> Verifier:
    """Who checks their tokens. Raises `UnsafeSetting` by name for keys that are not to be trusted."""
    try:
        return Verifier(issuers, clock)
    except KeysRefused as refused:
        shared = any(one.name == refused.issuer and one.secret is not None for one in issuers)
        part = "SECRET" if shared else "JWKS_FILE"
        raise UnsafeSetting(f"{issuer_setting(refused.issuer, part)}: {refused}") from None


class _Reading:
    """The settings of one issuer."""

    def __init__(self, name: str, settings: Settings, environment: Mapping[str, str]) -> None:
        self._name = name
        self._settings = settings
        self._environment = environment

    def issuer(self, egress: Egress, client: HttpClient) -> Issuer:
        """The issuer, whole and safe."""
        url, audiences, algorithm = self._needed("ISSUER"), self._audiences(), self._algorithm()
        if algorithm is JwtAlgorithm.HS256:
            return Issuer(self._name, url, audiences, algorithm, secret=self._secret())
        if self._given("SECRET"):
            raise self._unsafe(
                "SECRET", f"is for HS256; {algorithm.value} has its keys from JWKS_URL or JWKS_FILE"
            )
        address, file = self._given("JWKS_URL"), self._given("JWKS_FILE")
        if bool(address) == bool(file):
            raise self._unsafe(
                "JWKS_URL", "or JWKS_FILE must be set, and not both: one of them has the issuer's keys"
            )
        if address:
            self._check_address(egress, address)
            return Issuer(self._name, url, audiences, algorithm, source=UrlKeys(client, address))
        source = FileKeys(Path(file).absolute())
        try:
            return Issuer(self._name, url, audiences, algorithm, jwks=source.changed(), source=source)
        except KeysUnavailable as error:
            raise self._unsafe("JWKS_FILE", f"names no file to read keys from: {error}") from None

    def _audiences(self) -> frozenset[str]:
        named = frozenset(one.strip() for one in self._needed("AUDIENCE").split(",") if one.strip())
        if not named or "*" in named:
            raise self._unsafe(
                "AUDIENCE", "must name whom tokens are for: one text or several, separated by commas"
            )
        return named

    def _algorithm(self) -> JwtAlgorithm:
        text = self._needed("ALGORITHM")
        if text not in {one.value for one in JwtAlgorithm}:
            raise self._unsafe("ALGORITHM", f"must be one of {', '.join(one.value for one in JwtAlgorithm)}")
        return JwtAlgorithm(text)

    def _secret(self) -> bytes:
        if not self._settings.jwt_shared_secrets:
            raise self._unsafe(
                "ALGORITHM",
                "is HS256: whoever can check such a token can also make one. Take a key pair, or set TOOLCRIB_JWT_SHARED_SECRETS=on",
            )
        if self._given("JWKS_URL") or self._given("JWKS_FILE"):
            raise self._unsafe(
                "ALGORITHM", "is HS256, which has its key from SECRET; take JWKS_URL and JWKS_FILE away"
            )
        secret = self._needed("SECRET")
        if _PUBLISHED in secret and self._settings.environment == "production":
            raise self._unsafe("SECRET", "is one that is published; make one with: openssl rand -base64 48")
        return secret.encode()

    def _check_address(self, egress: Egress, address: str) -> None:
        try:
            egress.check_url(address)
        except EgressDenied:
            raise self._unsafe(
                "JWKS_URL",
                "is not an address that may be called; private ones need an entry in TOOLCRIB_EGRESS_ALLOW",
            ) from None

    def _needed(self, part: str) -> str:
        text = self._given(part)
        if not text or not text.isprintable():
            raise self._unsafe(part, f"must be set: TOOLCRIB_JWT_ISSUERS names {self._name}")
        return text

    def _given(self, part: str) -> str:
        return self._environment.get(issuer_setting(self._name, part), "").strip()

    def _unsafe(self, part: str, why: str) -> UnsafeSetting:
        return UnsafeSetting(f"{issuer_setting(self._name, part)} {why}")
