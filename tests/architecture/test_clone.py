"""What a stranger's clone holds: no machine, no registry, no secret, no borrowed data, and locks with a hash for everything."""

import hashlib
import re

import pytest

from tests.architecture.source import ROOT, tracked, tracked_texts
from tests.support import corpora

# Written without their dots and slashes, so that this file does not find itself.
REGISTRIES = ["pypi org", "pythonhosted org", "registry npmjs org", "registry yarnpkg com", "npmmirror com"]
REGISTRIES += ["proxy golang org", "static crates io", "deb debian org"]
HOSTS = "|".join(name.replace(" ", r"\.") for name in REGISTRIES)
HOST = re.compile(HOSTS + r"|--(?:extra-)?index-url\s+\S|--find-links\s+\S", re.IGNORECASE)
TOPS = "work|root|home|Users|farm"
MACHINE = re.compile(rf"(?<![\w.:/])/(?:{TOPS})/[\w.-]+")
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bsk-[A-Za-z0-9]{40,}\b"
)
# These say which addresses must not appear, or are made of paths; each with its reason.
ALLOWED_HOSTS = {"scripts/lock.py"}  # refuses the same options in the locks
ALLOWED_PATHS: set[str] = set()
SMALLEST_TELLING_FILE = 200
LOCKS = ["locks/serve.lock", "locks/test.lock"]


def breaches(pattern: re.Pattern[str], allowed: set[str]) -> list[str]:
    found = [(name, pattern.search(text)) for name, text in tracked_texts() if name not in allowed]
    return [f"{name}: {match.group(0)}" for name, match in found if match]


def test_no_file_names_a_package_registry():
    assert breaches(HOST, ALLOWED_HOSTS) == []


def test_no_file_names_a_path_of_one_machine():
    assert breaches(MACHINE, ALLOWED_PATHS) == []


def test_no_file_holds_a_secret():
    assert breaches(SECRET, set()) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_an_exact_version_and_hashes(lock):
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / lock).read_text("utf-8"))[1:]
    assert entries
    assert [
        e.split()[0] for e in entries if not re.match(r"[\w.-]+==\S+", e) or "--hash=sha256:" not in e
    ] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock):
    assert re.findall(r"\w+://\S*", (ROOT / lock).read_text("utf-8")) == []


def test_both_locks_agree_on_every_version():
    serve, test = (
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE))
        for lock in LOCKS
    )
    assert {name: test.get(name) for name in serve} == serve


def test_every_dependency_is_locked():
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    wanted = re.findall(r'^    "([\w.-]+)>=[\d.]+",$', project, re.MULTILINE)
    locked = "".join((ROOT / f"locks/{name}.lock").read_text("utf-8") for name in ("test", "shop"))
    assert wanted
    assert [name for name in wanted if not re.search(rf"^{re.escape(name)}==", locked, re.MULTILINE)] == []


def test_no_borrowed_file_is_committed():
    folder = corpora.root()
    borrowed = (
        {} if folder is None else {digest(p.read_bytes()): p.name for p in folder.rglob("*") if p.is_file()}
    )
    ours = {name: digest((ROOT / name).read_bytes()) for name in tracked() if is_telling(name)}
    assert [name for name in tracked() if "corpora" in name.split("/")[:-1]] == []
    assert [f"{name} is {borrowed[hashed]}" for name, hashed in ours.items() if hashed in borrowed] == []


def is_telling(name: str) -> bool:
    """A tiny file (`{}`, an empty list) is the same everywhere and nobody's; the licence text is everybody's."""
    return name != "LICENSE" and (ROOT / name).stat().st_size >= SMALLEST_TELLING_FILE


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
