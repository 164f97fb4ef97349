"""Sealing and keyed digests under keys derived from one root key. The vault and identity use it."""

import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16


class Tampered(Exception):
    """Sealed bytes do not open in this place: altered, moved to another row, or sealed under another root key."""


class Cipher:
    """Root key → HKDF per purpose and scope → AES-256-GCM, bound to a context, or HMAC-SHA256."""

    def __init__(self, root_key: bytes) -> None:
        if len(root_key) != KEY_BYTES:
            raise ValueError(f"the root key must be {KEY_BYTES} bytes")
        self._root = root_key
        self._derive = lru_cache(maxsize=1024)(self._derived)

    def seal(self, purpose: str, scope: str, context: str, plain: bytes) -> bytes:
        """Encrypt for one purpose and scope; only the same context opens it again."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._derive(purpose, scope)).encrypt(nonce, plain, context.encode())

    def open(self, purpose: str, scope: str, context: str, sealed: bytes) -> bytes:
        """Decrypt what `seal` gave; raises `Tampered`."""
        if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise Tampered(context)
        try:
            return AESGCM(self._derive(purpose, scope)).decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode()
            )
        except InvalidTag:
            raise Tampered(context) from None

    def digest(self, purpose: str, value: bytes) -> bytes:
        """Keyed digest of a value with full entropy, 32 bytes; compare with `same`."""
        return hmac.digest(self._derive(purpose, ""), value, hashlib.sha256)

    @staticmethod
    def same(one: bytes, other: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(one, other)

    def _derived(self, purpose: str, scope: str) -> bytes:
        info = f"toolcrib:{purpose}:{scope}".encode()
        return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._root)
