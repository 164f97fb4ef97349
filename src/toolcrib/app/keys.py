"""Files of the data directory that hold keys: the root key, and the owner's API key.

The owner's key is on disk, under a pending name, before the database commits it: a process that dies in between
leaves either a key that is valid and is renamed at the next start, or one that was never made and is overwritten.
"""

import base64
import os
import secrets
import stat
from pathlib import Path

from toolcrib.kit.cipher import KEY_BYTES

from .settings import Settings, UnsafeSetting

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_PENDING = "owner.key.pending"
OWNER_KEY = "owner.key"


def open_data_dir(settings: Settings) -> Path:
    """The data directory, made with 0700 where it does not exist."""
    path = settings.data_dir
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnsafeSetting(
            f"TOOLCRIB_DATA_DIR: {path} cannot be the data directory: {error.strerror}"
        ) from None
    if path.stat().st_mode & stat.S_IWOTH:
        raise UnsafeSetting(f"TOOLCRIB_DATA_DIR: everybody may write to {path}; run chmod 700 on it")
    return path


def root_key(settings: Settings) -> bytes:
    """The root key: from the setting, from the named file, else from the data directory, made at the first start."""
    if settings.root_key_text:
        return _decoded("TOOLCRIB_ROOT_KEY", settings.root_key_text)
    path = Path(settings.root_key_file) if settings.root_key_file else settings.data_dir / "root.key"
    if not path.exists():
        if settings.root_key_file:
            raise UnsafeSetting(f"TOOLCRIB_ROOT_KEY_FILE: there is no file {path}")
        write_private(path, base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())
    if path.stat().st_mode & _OTHERS:
        raise UnsafeSetting(f"TOOLCRIB_ROOT_KEY_FILE: others may read {path}; run chmod 600 on it")
    return _decoded(f"the root key in {path}", path.read_bytes().decode("ascii", "replace").strip())


def keep_pending(data_dir: Path, text: str) -> None:
    """Put the owner's key on disk before it is committed."""
    write_private(data_dir / _PENDING, text)


def pending_key(data_dir: Path) -> str | None:
    """The key that waits to become the owner's, if any."""
    pending = data_dir / _PENDING
    return pending.read_text().strip() if pending.exists() else None


def keep_owner_key(data_dir: Path, *, valid: bool = True) -> Path | None:
    """The pending key becomes `owner.key` if the database knows it. One that was never committed is dropped."""
    pending, final = data_dir / _PENDING, data_dir / OWNER_KEY
    if not pending.exists():
        return None
    if not valid or final.exists():
        pending.unlink()
        return None
    pending.rename(final)
    return final


def _decoded(what: str, text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:  # binascii's, or text beyond ASCII
        key = b""
    if len(key) != KEY_BYTES or len(set(key)) < KEY_BYTES // 4:
        raise UnsafeSetting(
            f"{what} must be {KEY_BYTES} random bytes in base64; make one with: openssl rand -base64 {KEY_BYTES}"
        )
    return key


def write_private(path: Path, text: str) -> None:
    """The whole file or none, readable by its owner alone."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
