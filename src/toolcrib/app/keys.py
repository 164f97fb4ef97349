"""Files of the data directory that hold keys: the root key, and the owner's API key.

The owner's key is on disk, under a pending name, before the database commits it: a process that dies in between
leaves either a key that is valid and is renamed at the next start, or one that was never made and is overwritten.
"""

import base64
import contextlib
import itertools
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
    """The data directory, made with 0700 where it does not exist and closed to others where it does."""
    path = settings.data_dir
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnsafeSetting(
            f"TOOLCRIB_DATA_DIR: {path} cannot be the data directory: {error.strerror}"
        ) from None
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise UnsafeSetting(
            f"TOOLCRIB_DATA_DIR: {path} belongs to another user; give it to the one that runs Toolcrib"
        )
    if found.st_mode & stat.S_IWOTH:  # what lies in it may be anybody's
        raise UnsafeSetting(f"TOOLCRIB_DATA_DIR: everybody may write to {path}; run chmod 700 on it")
    if found.st_mode & _OTHERS:
        path.chmod(0o700)
    return path


def check_unwritable(setting: str, path: Path) -> None:
    """A file that decides whom the server believes, or what it knows. Raises `UnsafeSetting` where everybody may write to it."""
    with contextlib.suppress(OSError):  # what is not there is refused by whoever reads it, or made
        if path.stat().st_mode & stat.S_IWOTH:
            raise UnsafeSetting(f"{setting}: everybody may write to {path}; run chmod o-w on it")


def root_key(settings: Settings) -> bytes:
    """The root key, made where there is none yet: of processes that start together one makes it and all read it."""
    known = known_root_key(settings)
    if known is not None:
        return known
    path = settings.data_dir / "root.key"
    made = _written_beside(path, base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())
    try:
        with contextlib.suppress(FileExistsError):
            os.link(made, path)
    finally:
        made.unlink()
    _keep_entry(path)
    return _read(path)


def known_root_key(settings: Settings) -> bytes | None:
    """The root key: from the setting, from the named file, else from the data directory; None before the first start."""
    if settings.root_key_text:
        return _decoded("TOOLCRIB_ROOT_KEY", settings.root_key_text)
    path = Path(settings.root_key_file) if settings.root_key_file else settings.data_dir / "root.key"
    if not path.exists():
        if settings.root_key_file:
            raise UnsafeSetting(f"TOOLCRIB_ROOT_KEY_FILE: there is no file {path}")
        return None
    return _read(path)


def previous_root_key(settings: Settings) -> bytes | None:
    """The root key before this one, while rows are left under it."""
    if settings.root_key_previous_text:
        found = _decoded("TOOLCRIB_ROOT_KEY_PREVIOUS", settings.root_key_previous_text)
    elif settings.root_key_previous_file:
        path = Path(settings.root_key_previous_file)
        if not path.exists():
            raise UnsafeSetting(f"TOOLCRIB_ROOT_KEY_PREVIOUS_FILE: there is no file {path}")
        found = _read(path, "TOOLCRIB_ROOT_KEY_PREVIOUS_FILE")
    else:
        return None
    if found == known_root_key(settings):
        raise UnsafeSetting("TOOLCRIB_ROOT_KEY_PREVIOUS is the root key itself; leave it out")
    return found


def _read(path: Path, setting: str = "TOOLCRIB_ROOT_KEY_FILE") -> bytes:
    if path.stat().st_mode & _OTHERS:
        raise UnsafeSetting(f"{setting}: others may read {path}; run chmod 600 on it")
    return _decoded(f"{setting}: the key in {path}", path.read_bytes().decode("ascii", "replace").strip())


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
    if len(key) != KEY_BYTES or len(set(key)) < KEY_BYTES // 4 or _is_typed(key) or _is_patterned(key):
        raise UnsafeSetting(
            f"{what} must be {KEY_BYTES} random bytes in base64; make one with: openssl rand -base64 {KEY_BYTES}"
        )
    return key


def _is_typed(key: bytes) -> bool:
    """Whether it is a text that somebody thought of, or hexadecimal digits: chance does not make one in 10**13."""
    return key.isascii() and key.decode("ascii").isprintable()


def _is_patterned(key: bytes) -> bool:
    """Whether it counts in steps or says something twice: chance makes neither."""
    steps = {(after - before) % 256 for before, after in itertools.pairwise(key)}
    return len(steps) < KEY_BYTES // 4 or any(key[n:] == key[:-n] for n in range(1, KEY_BYTES // 2 + 1))


def write_private(path: Path, text: str) -> None:
    """The whole file or none, readable by its owner alone."""
    _written_beside(path, text).rename(path)


def _written_beside(path: Path, text: str) -> Path:
    """A new file of ours alone under a name that nobody can have laid a trap at."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(partial, flags, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    return partial


def _keep_entry(path: Path) -> None:
    """Put the name of a file on disk: its contents alone would not outlive a loss of power."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
