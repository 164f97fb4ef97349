"""A pack of somebody else: built, installed beside the house, named by the operator, called."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import Server, start_server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with the guest in it. It is built from a copy, so that nothing is left in the tree."""
    folder = tmp_path_factory.mktemp("guest")
    subprocess.run(["cp", "-r", str(ROOT / "examples/hello_pack"), str(folder / "source")], check=True)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]
    command += [
        "--no-deps",
        "--no-build-isolation",
        "--target",
        str(folder / "packages"),
        str(folder / "source"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "packages"


@pytest.fixture
def server(installed: Path, tmp_path: Path):
    path = f"{installed}:{ROOT / 'src'}"
    env = {"TOOLCRIB_PACKS": "hello", "PYTHONPATH": path, "HELLO_LANGUAGE": "no"}
    with start_server(tmp_path / "data", env) as started:
        yield started


def say(server: Server, **given: str):
    return server.client.call("POST", "/api/v1/tools/hello.say/execute", {"input": given})


def test_a_server_loads_the_guest_by_its_name_and_calls_it(server: Server):
    assert say(server, name="Ada", language="fr").json["output"] == {"greeting": "Bonjour, Ada!"}
    assert say(server, name="Ada").json["output"] == {"greeting": "Hei, Ada!"}
    refused = say(server, name="Ada", language="la")
    assert (refused.status, refused.json["error"]["code"]) == (404, "LANGUAGE_NOT_FOUND")


def test_the_guests_own_test_passes_where_it_is_installed(installed: Path, tmp_path: Path):
    tests = installed.parent / "source"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tests), str(tests / "tests")],
        cwd=tests, env={"PYTHONPATH": f"{installed}:{ROOT / 'src'}", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_guest_imports_the_face_only():
    text = (ROOT / "examples/hello_pack/src/hello_pack/__init__.py").read_text("utf-8")
    assert [line for line in text.splitlines() if "toolcrib." in line and "import" in line] == []
