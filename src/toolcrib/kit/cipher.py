"""Sealing and keyed digests under keys derived from the root key, and under data keys. The vault and identity use it."""

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
    """Sealed bytes do not open in this place: altered, moved to another row, or sealed under a key that is not held."""


def new_key() -> bytes:
    """A key that nobody has seen."""
    return os.urandom(KEY_BYTES)


def seal_with(key: bytes, context: str, plain: bytes) -> bytes:
    """Encrypt with AES-256-GCM; only the same context opens it again."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode())


def open_with(key: bytes, context: str, sealed: bytes) -> bytes:
    """Decrypt what `seal_with` gave; raises `Tampered`."""
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise Tampered(context)
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
    except InvalidTag:
        raise Tampered(context) from None


class Cipher:
    """Root key → HKDF per purpose and scope → AES-256-GCM, bound to a context, or HMAC-SHA256.

    It seals under one root key and opens under that and a `previous` one, each known by its fingerprint.
    """

    def __init__(self, root_key: bytes, previous: bytes | None = None) -> None:
        given = [root_key] if previous is None else [root_key, previous]
        if any(len(key) != KEY_BYTES for key in given):
            raise ValueError(f"the root key must be {KEY_BYTES} bytes")
        self._roots = {_fingerprint(key): key for key in given}
        self.fingerprint = next(iter(self._roots))
        self._digest_keys: dict[str, bytes] = {}
        self._derive = lru_cache(maxsize=1024)(self._derived)

    @property
    def held(self) -> tuple[str, ...]:
        """The fingerprints of the root keys at hand."""
        return tuple(self._roots)

    def use(self, fingerprint: str) -> None:
        """Seal under this one of the root keys at hand from now on."""
        if fingerprint not in self._roots:
            raise Tampered(fingerprint)
        self.fingerprint = fingerprint

    def seal(self, purpose: str, scope: str, context: str, plain: bytes) -> bytes:
        """Encrypt for one purpose and scope; only the same context opens it again."""
        return seal_with(self._derive(self.fingerprint, purpose, scope), context, plain)

    def open(self, purpose: str, scope: str, context: str, sealed: bytes, root: str | None = None) -> bytes:
        """Decrypt what `seal` gave under `root`, or under any root key at hand; raises `Tampered`."""
        for one in self._roots if root is None else {root} & self._roots.keys():
            try:
                return open_with(self._derive(one, purpose, scope), context, sealed)
            except Tampered:
                continue
        raise Tampered(context)

    def digest(self, purpose: str, value: bytes) -> bytes:
        """Keyed digest of a value with full entropy, 32 bytes; compare with `same`."""
        return hmac.digest(self.digest_key(purpose), value, hashlib.sha256)

    def digest_key(self, purpose: str, root: str | None = None) -> bytes:
        """The key of a purpose's digests: the one adopted, else derived from a root key. Raises `Tampered`."""
        if root is None and purpose in self._digest_keys:
            return self._digest_keys[purpose]
        return self._derive(root or self.fingerprint, purpose, "")

    def adopt(self, purpose: str, key: bytes) -> None:
        """Make the digests of a purpose with this key, whatever becomes of the root key."""
        self._digest_keys[purpose] = key

    @staticmethod
    def same(one: bytes, other: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(one, other)

    def _derived(self, root: str, purpose: str, scope: str) -> bytes:
        if root not in self._roots:
            raise Tampered(purpose)
        return _derived(self._roots[root], purpose, scope)


def _derived(root: bytes, purpose: str, scope: str) -> bytes:
    info = f"toolcrib:{purpose}:{scope}".encode()
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(root)


def _fingerprint(root: bytes) -> str:
    return hmac.digest(_derived(root, "root-key-check", ""), b"toolcrib", hashlib.sha256).hex()
