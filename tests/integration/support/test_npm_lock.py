"""The lock of what the tests take from npm: every package by its hash, none by an address."""

import json
from typing import Any

import pytest

from tests.support.prism import TESTS

LOCK = TESTS / "package-lock.json"


@pytest.fixture(scope="module")
def packages() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(LOCK.read_text("utf-8"))["packages"]
    return {name: package for name, package in found.items() if name}


def test_every_package_has_a_version_and_a_hash(packages):
    assert packages
    without = [
        n
        for n, p in packages.items()
        if not p.get("version") or not p.get("integrity", "").startswith("sha512-")
    ]
    assert without == []


def test_no_package_has_an_address(packages):
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert ".tgz" not in LOCK.read_text("utf-8")


def test_what_is_asked_for_is_locked_exactly(packages):
    asked = json.loads((TESTS / "package.json").read_text("utf-8"))["devDependencies"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in asked} == asked
