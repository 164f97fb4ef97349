"""The operator's settings, read from the environment once. Each stands in `docs/reference/settings.md`."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit


class UnsafeSetting(Exception):
    """A setting that the server does not start with; the text names it and says what to do."""


_PREFIX = "TOOLCRIB_"
_USUAL_PORTS = {"https": 443, "http": 80}
_OF_OTHERS = ("TOOLCRIB_URL", "TOOLCRIB_API_KEY", "TOOLCRIB_WORKSPACE")  # the command line's
OF_AN_ISSUER = ("ISSUER", "AUDIENCE", "ALGORITHM", "JWKS_URL", "JWKS_FILE", "SECRET")
"""Each issuer that TOOLCRIB_JWT_ISSUERS names has these settings, under its name in capitals."""
_ISSUER_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


def _setting(name: str, default: str) -> str:
    return field(default=default, metadata={"env": name})


@dataclass(frozen=True, slots=True)
class Settings:
    """As text from the environment; the properties give them their types."""

    database_url: str = _setting("TOOLCRIB_DATABASE_URL", "")
    database_role: str = _setting("TOOLCRIB_DATABASE_ROLE", "")
    data_dir_text: str = _setting("TOOLCRIB_DATA_DIR", "./.toolcrib")
    host: str = _setting("TOOLCRIB_HOST", "127.0.0.1")
    port_text: str = _setting("TOOLCRIB_PORT", "8000")
    egress_allow: str = _setting("TOOLCRIB_EGRESS_ALLOW", "")
    egress_ca: str = _setting("TOOLCRIB_EGRESS_CA", "")
    egress_proxy: str = _setting("TOOLCRIB_EGRESS_PROXY", "")
    max_request_text: str = _setting("TOOLCRIB_MAX_REQUEST", "32000000")
    max_reply_text: str = _setting("TOOLCRIB_MAX_REPLY", "64000000")
    max_seconds_text: str = _setting("TOOLCRIB_MAX_SECONDS", "120")
    retention_days_text: str = _setting("TOOLCRIB_RETENTION_DAYS", "")
    approval_seconds_text: str = _setting("TOOLCRIB_APPROVAL_SECONDS", "900")
    environment_text: str = _setting("TOOLCRIB_ENV", "development")
    root_key_text: str = _setting("TOOLCRIB_ROOT_KEY", "")
    root_key_file: str = _setting("TOOLCRIB_ROOT_KEY_FILE", "")
    root_key_previous_text: str = _setting("TOOLCRIB_ROOT_KEY_PREVIOUS", "")
    root_key_previous_file: str = _setting("TOOLCRIB_ROOT_KEY_PREVIOUS_FILE", "")
    env_secrets: str = _setting("TOOLCRIB_ENV_SECRETS", "")
    notifications_text: str = _setting("TOOLCRIB_NOTIFICATIONS", "on")
    packs: str = _setting("TOOLCRIB_PACKS", "")
    cors_origins_text: str = _setting("TOOLCRIB_CORS_ORIGINS", "")
    jwt_issuers_text: str = _setting("TOOLCRIB_JWT_ISSUERS", "")
    jwt_shared_secrets_text: str = _setting("TOOLCRIB_JWT_SHARED_SECRETS", "off")
    log_level: str = _setting("TOOLCRIB_LOG_LEVEL", "info")

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """From the environment; raises `UnsafeSetting` for what cannot be or must not be."""
        source = os.environ if environment is None else environment
        fields = cls.__dataclass_fields__.values()
        settings = cls(**{f.name: source[f.metadata["env"]] for f in fields if f.metadata["env"] in source})
        settings._check()
        return settings

    @classmethod
    def misspelled(cls, environment: Mapping[str, str]) -> list[tuple[str, str | None]]:
        """Names that look like settings and are none, each with the setting that was probably meant."""
        from difflib import get_close_matches  # noqa: PLC0415 only where somebody looks

        known = {f.metadata["env"].removeprefix(_PREFIX) for f in cls.__dataclass_fields__.values()}
        issuers = _names(environment.get("TOOLCRIB_JWT_ISSUERS", ""))
        known |= {
            issuer_setting(name, part).removeprefix(_PREFIX) for name in issuers for part in OF_AN_ISSUER
        }
        others = {name.removeprefix(_PREFIX) for name in _OF_OTHERS}
        given = {name.removeprefix(_PREFIX) for name in environment if name.startswith(_PREFIX)}
        strange = sorted(given - known - others)
        meant = [
            next(iter(get_close_matches(name, sorted(known), n=1, cutoff=0.7)), None) for name in strange
        ]
        return [(_PREFIX + name, near and _PREFIX + near) for name, near in zip(strange, meant, strict=True)]

    @property
    def data_dir(self) -> Path:
        """Where the database, the root key and the owner's key lie."""
        return Path(self.data_dir_text).absolute()

    @property
    def port(self) -> int:
        """The port to listen on."""
        return _number("TOOLCRIB_PORT", self.port_text, 1, 65_535)

    @property
    def max_request(self) -> int:
        """Bytes that any request may have."""
        return _number("TOOLCRIB_MAX_REQUEST", self.max_request_text, 1_000, 1_000_000_000)

    @property
    def max_reply(self) -> int:
        """Bytes that any upstream's reply may have."""
        return _number("TOOLCRIB_MAX_REPLY", self.max_reply_text, 1_000, 1_000_000_000)

    @property
    def max_seconds(self) -> int:
        """Seconds that any tool may take."""
        return _number("TOOLCRIB_MAX_SECONDS", self.max_seconds_text, 1, 3_600)

    @property
    def retention_days(self) -> int | None:
        """Days after which inputs and outputs are deleted; None keeps them. Their records and events stay."""
        text = self.retention_days_text
        return _number("TOOLCRIB_RETENTION_DAYS", text, 1, 36_500) if text else None

    @property
    def approval_seconds(self) -> int:
        """Seconds that a call waits for a person."""
        return _number("TOOLCRIB_APPROVAL_SECONDS", self.approval_seconds_text, 1, 604_800)

    @property
    def environment(self) -> Literal["development", "production"]:
        """`production` logs JSON, hides the API's pages and may listen beyond loopback."""
        if self.environment_text == "production":
            return "production"
        if self.environment_text == "development":
            return "development"
        raise UnsafeSetting("TOOLCRIB_ENV must be development or production")

    @property
    def notifications(self) -> bool:
        """Whether processes on PostgreSQL tell each other of changes early; without, they look every second."""
        if self.notifications_text not in ("on", "off"):
            raise UnsafeSetting("TOOLCRIB_NOTIFICATIONS must be on or off")
        return self.notifications_text == "on"

    @property
    def cors_origins(self) -> tuple[str, ...]:
        """Origins whose pages may read the API's answers, each as browsers send it."""
        return tuple(_origin(one.strip()) for one in self.cors_origins_text.split(",") if one.strip())

    @property
    def jwt_issuers(self) -> tuple[str, ...]:
        """Names of the issuers whose tokens say who somebody is; each has settings of its own."""
        names = _names(self.jwt_issuers_text)
        for name in names:
            if not _ISSUER_NAME.fullmatch(name):
                raise UnsafeSetting(
                    f"TOOLCRIB_JWT_ISSUERS: {name} is no name; use small letters, digits and _, and begin with a letter"
                )
        if len(set(names)) < len(names):
            raise UnsafeSetting("TOOLCRIB_JWT_ISSUERS names an issuer twice")
        return names

    @property
    def jwt_shared_secrets(self) -> bool:
        """Whether an issuer may sign with a secret that this server knows too, and could sign with as well."""
        if self.jwt_shared_secrets_text not in ("on", "off"):
            raise UnsafeSetting("TOOLCRIB_JWT_SHARED_SECRETS must be on or off")
        return self.jwt_shared_secrets_text == "on"

    def _check(self) -> None:
        _ = (
            self.cors_origins,
            self.port,
            self.max_request,
            self.max_reply,
            self.max_seconds,
            self.notifications,
            self.retention_days,
            self.approval_seconds,
            self.jwt_issuers,
            self.jwt_shared_secrets,
        )
        if self.environment == "development" and not _is_loopback(self.host):
            raise UnsafeSetting(
                "TOOLCRIB_HOST is not a loopback address; listen beyond this machine only with TOOLCRIB_ENV=production"
            )
        if self.database_url and not self.database_url.startswith(
            ("postgresql://", "postgres://", "sqlite:///")
        ):
            raise UnsafeSetting("TOOLCRIB_DATABASE_URL must start with postgresql:// or sqlite:///")
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise UnsafeSetting("TOOLCRIB_LOG_LEVEL must be debug, info, warning or error")
        if self.log_level == "debug" and self.environment == "production":
            raise UnsafeSetting(
                "TOOLCRIB_LOG_LEVEL is debug, which tells who asked for what at each request; with TOOLCRIB_ENV=production take info"
            )
        if self.root_key_text and self.root_key_file:
            raise UnsafeSetting("TOOLCRIB_ROOT_KEY and TOOLCRIB_ROOT_KEY_FILE are both set; keep one")
        if self.root_key_previous_text and self.root_key_previous_file:
            raise UnsafeSetting(
                "TOOLCRIB_ROOT_KEY_PREVIOUS and TOOLCRIB_ROOT_KEY_PREVIOUS_FILE are both set; keep one"
            )


def issuer_setting(name: str, part: str) -> str:
    """The environment variable for one part of an issuer."""
    return f"{_PREFIX}JWT_{name.upper()}_{part}"


def _names(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(",") if one.strip())


def _number(name: str, text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise UnsafeSetting(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def _origin(text: str) -> str:
    if text == "*":
        raise UnsafeSetting("TOOLCRIB_CORS_ORIGINS: * would let every page in; name each origin")
    try:
        parts = urlsplit(text)
        port = "" if parts.port in (None, _USUAL_PORTS.get(parts.scheme)) else f":{parts.port}"
        exact = f"{parts.scheme}://{parts.hostname}{port}"
    except ValueError:
        exact = ""
    if exact != text or not text.startswith(("https://", "http://")) or "*" in text:
        raise UnsafeSetting(
            f"TOOLCRIB_CORS_ORIGINS: {text} is no origin; write it as browsers send it, such as https://app.example.com"
        )
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
