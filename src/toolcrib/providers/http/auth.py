"""How a request proves itself to the upstream: one header or one query parameter made of a secret."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from toolcrib.contracts.contract import SECRET_REF, Auth
from toolcrib.contracts.secret import Secret
from toolcrib.providers.http.text import HEADER_VALUE, Pair, UnsendableError, encode, encode_secret

DEFAULT_HEADER = "X-API-Key"
DEFAULT_PARAM = "apikey"
WITHOUT_SECRET = ("none", "oauth_stub")


@dataclass(frozen=True, slots=True)
class Credential:
    """The auth of a contract made ready. It holds the secret's name; its value is handed in for each run."""

    auth: Auth
    secret: str

    def header(self, secrets: Mapping[str, Secret]) -> Pair | None:
        """The header to send; refused when the secret could not stand in one."""
        name = auth_header(self.auth)
        if name is None:
            return None
        value = self._header_value(secrets)
        if not HEADER_VALUE.match(value):
            raise UnsendableError(
                f"The secret {self.secret} holds a line break or another character that no header can carry. Set it again."
            )
        return name, value

    def param(self, secrets: Mapping[str, Secret]) -> str | None:
        """The encoded query parameter to send."""
        name = auth_param(self.auth)
        return (
            None
            if name is None
            else f"{encode(name, name)}={encode_secret(secrets[self.secret].reveal(), self.secret)}"
        )

    def basic_forms(self, secrets: Mapping[str, Secret]) -> list[str]:
        """What else basic auth makes of the secret: user and password as one text, the password alone, the token."""
        if self.auth.method != "basic":
            return []
        both = self._user_and_password(secrets)
        return [both, both.partition(":")[2], b64encode(both.encode()).decode()]

    def _user_and_password(self, secrets: Mapping[str, Secret]) -> str:
        secret = secrets[self.secret].reveal()
        return secret if self.auth.username is None else f"{self.auth.username}:{secret}"

    def _header_value(self, secrets: Mapping[str, Secret]) -> str:
        if self.auth.method == "basic":
            return self._basic(self._user_and_password(secrets))
        value = secrets[self.secret].reveal()
        return f"Bearer {value}" if self.auth.method == "bearer" else value

    def _basic(self, both: str) -> str:
        if ":" not in both:
            raise UnsendableError(
                f"The secret {self.secret} must be `user:password`, or name the user in api.auth.username."
            )
        try:
            return "Basic " + b64encode(both.encode()).decode()
        except UnicodeEncodeError:
            raise UnsendableError(
                f"The secret {self.secret} holds half a character (a lone surrogate). Set it again."
            ) from None


def credential(auth: Auth) -> Credential | None:
    """The credential that a checked auth describes; None when it asks for none."""
    found = SECRET_REF.fullmatch(auth.secret_ref or "")
    return Credential(auth, found[1]) if found and auth.method not in WITHOUT_SECRET else None


def auth_header(auth: Auth) -> str | None:
    """The header that this auth sets."""
    if auth.method == "api_key_header":
        return auth.key_name or DEFAULT_HEADER
    return "Authorization" if auth.method in ("bearer", "basic") else None


def auth_param(auth: Auth) -> str | None:
    """The query parameter that this auth sets."""
    return (auth.key_name or DEFAULT_PARAM) if auth.method == "api_key_query" else None
