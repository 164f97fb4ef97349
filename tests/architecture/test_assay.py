"""The assay sees the house from outside: neither its tests nor its core import anything of the server, however it is written."""

import ast

import pytest

from tests.architecture.source import ROOT

HOUSE = {"toolcrib", "toolcrib_packs"}
FOLDERS = [ROOT / "tests" / "assay", ROOT / "src" / "toolcrib" / "assay"]


def imported(text: str) -> set[str]:
    """The packages that a module imports, by name or by a text that looks like one of ours."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= HOUSE & {node.value.partition(".")[0]}
    return found


def test_the_assay_imports_nothing_of_the_server():
    files = [path for folder in FOLDERS for path in sorted(folder.rglob("*.py"))]
    assert len(files) >= 12
    assert [path.name for path in files if HOUSE & imported(path.read_text("utf-8"))] == []


@pytest.mark.parametrize(
    "text",
    [
        "import toolcrib", "import toolcrib.kit as k", "from toolcrib.kit import json", "def f():\n    from toolcrib_packs import markets",
        "import importlib\nimportlib.import_module('toolcrib.kit')", "import os, toolcrib",
    ],
)  # fmt: skip
def test_an_import_of_the_server_is_noticed(text):
    assert HOUSE & imported(text)
