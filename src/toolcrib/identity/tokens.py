"""The text of an API key: `tcb_<workspace>_<key>_<secret><checksum>`. It names its workspace, so no look-up crosses workspaces.

An invitation reads the same way, from `tci_` on.
"""

import secrets
import zlib
from dataclasses import dataclass

KEY, INVITATION = "tcb", "tci"
_SECRET_HEX = 64
_SUM_HEX = 8
_PARTS = 4
_MOST = 200


@dataclass(frozen=True, slots=True)
class Token:
    """A key's whole text, and whom it names."""

    text: str
    workspace_id: str
    key_id: str

    def __repr__(self) -> str:
        return f"Token({self.workspace_id}, {self.key_id})"


def new_token(workspace_id: str, prefix: str = KEY) -> Token:
    """A key that nobody has seen: its secret part has 256 bits of chance."""
    key_id = secrets.token_hex(6)
    body = f"{prefix}_{workspace_id}_{key_id}_{secrets.token_hex(_SECRET_HEX // 2)}"
    return Token(body + _checksum(body), workspace_id, key_id)


def parse_token(text: str, prefix: str = KEY) -> Token | None:
    """The parts of a well-formed key, or None. The checksum keeps typing errors off the database."""
    if len(text) > _MOST or not text.isascii():
        return None
    parts = text.split("_")
    if len(parts) != _PARTS or parts[0] != prefix or len(parts[3]) != _SECRET_HEX + _SUM_HEX:
        return None
    return Token(text, parts[1], parts[2]) if _checksum(text[:-_SUM_HEX]) == text[-_SUM_HEX:] else None


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
