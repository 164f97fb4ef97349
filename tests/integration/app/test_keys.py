"""Key files of the data directory: private, whole or absent, and never lost between file and commit."""

import base64
import hashlib
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from toolcrib.app.keys import keep_owner_key, keep_pending, open_data_dir, root_key
from toolcrib.app.settings import Settings, UnsafeSetting

RANDOM = hashlib.sha256(b"the key of these tests").digest()
GOOD = base64.b64encode(RANDOM).decode()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def data_dir(tmp_path):
    return open_data_dir(Settings(data_dir_text=str(tmp_path / "a" / "data")))


def test_the_data_directory_is_made_private(data_dir):
    assert mode(data_dir) == 0o700


def test_a_data_directory_that_everybody_writes_to_is_refused(data_dir):
    data_dir.chmod(0o777)
    with pytest.raises(UnsafeSetting, match="TOOLCRIB_DATA_DIR: everybody may write"):
        open_data_dir(Settings(data_dir_text=str(data_dir)))


def test_a_data_directory_of_ours_is_closed_to_others(data_dir):
    data_dir.chmod(0o755)
    open_data_dir(Settings(data_dir_text=str(data_dir)))
    assert mode(data_dir) == 0o700


def test_a_data_directory_of_somebody_else_is_refused_by_name(data_dir):
    if os.geteuid() == 0:
        os.chown(data_dir, 12_345, -1)
    else:
        data_dir = "/usr"
    with pytest.raises(UnsafeSetting, match=r"TOOLCRIB_DATA_DIR: .* belongs to another user"):
        open_data_dir(Settings(data_dir_text=str(data_dir)))


def test_processes_that_start_together_read_one_root_key(data_dir):
    settings = Settings(data_dir_text=str(data_dir))
    together = threading.Barrier(8)

    def start(_):
        together.wait()
        return root_key(settings)

    with ThreadPoolExecutor(8) as starts:
        for _ in range(50):
            keys = set(starts.map(start, range(8)))
            assert keys == {root_key(settings)}
            assert [path.name for path in data_dir.iterdir()] == ["root.key"]
            (data_dir / "root.key").unlink()


def test_a_link_that_somebody_laid_is_not_written_through(data_dir, tmp_path):
    (data_dir / "owner.key.pending").symlink_to(tmp_path / "elsewhere")
    keep_pending(data_dir, "tcb_x")
    assert not (tmp_path / "elsewhere").exists()
    assert not (data_dir / "owner.key.pending").is_symlink()


def test_a_data_directory_that_is_a_file_is_refused_by_name(tmp_path):
    (tmp_path / "data").write_text("x")
    with pytest.raises(UnsafeSetting, match="TOOLCRIB_DATA_DIR"):
        open_data_dir(Settings(data_dir_text=str(tmp_path / "data")))


def test_the_first_start_makes_a_private_root_key_and_later_ones_read_it(data_dir):
    settings = Settings(data_dir_text=str(data_dir))
    key = root_key(settings)
    assert len(key) == 32
    assert mode(data_dir / "root.key") == 0o600
    assert root_key(settings) == key
    assert [path.name for path in data_dir.iterdir()] == ["root.key"]


def test_a_root_key_comes_from_the_setting_or_the_named_file(data_dir):
    (data_dir / "my.key").write_text(GOOD + "\n")
    (data_dir / "my.key").chmod(0o600)
    assert root_key(Settings(root_key_text=GOOD)) == RANDOM
    assert root_key(Settings(root_key_file=str(data_dir / "my.key"))) == RANDOM
    assert not (data_dir / "root.key").exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(32)).decode(),
        base64.b64encode(b"password" * 4 * 2).decode(),
        base64.b64encode(b"correct horse battery staple 123").decode(),
        base64.b64encode(b"0123456789abcdef0123456789abcdef").decode(),
        GOOD + "=",
    ],
)
def test_a_root_key_that_is_none_or_guessable_is_refused(data_dir, text):
    (data_dir / "root.key").write_text(text)
    (data_dir / "root.key").chmod(0o600)
    with pytest.raises(UnsafeSetting, match="openssl rand") as refused:
        root_key(Settings(data_dir_text=str(data_dir)))
    assert not text or text not in str(refused.value)


def test_a_weak_root_key_in_the_setting_is_refused_by_name():
    with pytest.raises(UnsafeSetting, match=r"^TOOLCRIB_ROOT_KEY must be 32 random bytes"):
        root_key(Settings(root_key_text="secret"))


def test_a_root_key_file_of_raw_bytes_is_refused(data_dir):
    (data_dir / "raw.key").write_bytes(RANDOM)
    (data_dir / "raw.key").chmod(0o600)
    with pytest.raises(UnsafeSetting, match="base64"):
        root_key(Settings(root_key_file=str(data_dir / "raw.key")))


def test_a_root_key_file_that_is_not_there_is_refused_by_name(data_dir):
    with pytest.raises(UnsafeSetting, match="TOOLCRIB_ROOT_KEY_FILE: there is no file"):
        root_key(Settings(root_key_file=str(data_dir / "none")))


@pytest.mark.parametrize("open_to", [0o640, 0o604, 0o660])
def test_a_root_key_that_others_may_read_is_refused(data_dir, open_to):
    (data_dir / "root.key").write_text(GOOD)
    (data_dir / "root.key").chmod(open_to)
    with pytest.raises(UnsafeSetting, match="chmod 600"):
        root_key(Settings(data_dir_text=str(data_dir)))


def test_the_owners_key_waits_until_it_is_committed(data_dir):
    keep_pending(data_dir, "tcb_x")
    assert not (data_dir / "owner.key").exists()
    assert keep_owner_key(data_dir) == data_dir / "owner.key"
    assert (data_dir / "owner.key").read_text() == "tcb_x\n"
    assert mode(data_dir / "owner.key") == 0o600
    assert [path.name for path in data_dir.iterdir()] == ["owner.key"]


def test_a_later_start_has_nothing_pending(data_dir):
    assert keep_owner_key(data_dir) is None


def test_a_pending_key_of_a_killed_start_is_overwritten(data_dir):
    keep_pending(data_dir, "tcb_never_made")
    keep_pending(data_dir, "tcb_made")
    keep_owner_key(data_dir)
    assert (data_dir / "owner.key").read_text() == "tcb_made\n"


def test_a_key_that_stands_is_not_replaced(data_dir):
    keep_pending(data_dir, "tcb_first")
    keep_owner_key(data_dir)
    keep_pending(data_dir, "tcb_second")
    assert keep_owner_key(data_dir) is None
    assert (data_dir / "owner.key").read_text() == "tcb_first\n"
    assert [path.name for path in data_dir.iterdir()] == ["owner.key"]
