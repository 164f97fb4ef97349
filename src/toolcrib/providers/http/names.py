"""Names of headers and parameters: which may be set at all, which mean a credential."""

import re
from itertools import pairwise

from toolcrib.providers.http.text import HEADER_NAME

# They frame the message, name its receiver or belong to one connection: the client's business alone.
_FORBIDDEN = frozenset({
    "accept-encoding", "connection", "content-encoding", "content-length", "cookie", "cookie2",
    "expect", "host", "http2-settings", "keep-alive", "set-cookie", "te", "trailer", "trailers",
    "transfer-encoding", "upgrade",
})  # fmt: skip
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_CREDENTIAL_WORDS = frozenset({
    "apikey", "appkey", "authorization", "cookie", "credential", "credentials", "passwd", "password",
    "pwd", "secret", "token",
})  # fmt: skip
_KEY_OWNERS = frozenset({
    "access", "account", "api", "app", "application", "auth", "client", "master", "private", "secret",
    "security", "subscription",
})  # fmt: skip
# A value that starts like this is a credential wherever it stands.
_SCHEME = re.compile(r"(?:bearer|basic|digest|token|negotiate)\s+\S{6,}\Z", re.IGNORECASE)
_VAGUE_WORDS = frozenset(["appid", "auth", "key", "sig", "signature"])
_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/=_.-]{16,}\Z")


def header_fault(name: str) -> str | None:
    """Why a tool may not set this header; None when it may."""
    if not HEADER_NAME.match(name):
        return "This is no header name."
    if name.lower() in _FORBIDDEN or name.lower().startswith("proxy-"):
        return f"The header {name} is not a tool's to set."
    return None


def is_credential(name: str, value: str) -> bool:
    """Whether a literal value under this name is a key in a config, and so a leaked key."""
    words = [word.lower() for word in _WORD.findall(name)]
    if _CREDENTIAL_WORDS & {*words, "".join(words)} or _SCHEME.match(value):
        return True
    if any(owner in _KEY_OWNERS and word == "key" for owner, word in pairwise(words)):
        return True
    return bool(_VAGUE_WORDS.intersection(words) and _RANDOM.match(value))
