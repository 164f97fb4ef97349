"""Borrowed test data, read where `TOOLCRIB_CORPORA` says it lies and never committed.

A test asks `corpus("openapi")` and gets a folder, or None: then it runs on cases of the project's own.
The run names at its very end every corpus that was absent.
"""

import os
from pathlib import Path

import pytest

KNOWN = {
    "agentdojo": "replays of a bank and a chat",
    "blns.json": "naughty strings",
    "bfcl": "function schemas and expected calls",
    "jose": "signed tokens, good and bad",
    "json-parsing": "JSON to accept and to refuse",
    "json-schema-test-suite": "JSON Schema drafts",
    "mcp_tools": "tool lists of real MCP servers",
    "openapi": "real OpenAPI descriptions",
    "openapi-nasty": "awkward OpenAPI descriptions",
    "security": "hostile URLs, paths and strings",
    "tau2": "replays of a shop",
    "toolsearch": "queries with the right tool as label",
}


def root() -> Path | None:
    named = os.environ.get("TOOLCRIB_CORPORA")
    return Path(named).resolve() if named and Path(named).is_dir() else None


def corpus(name: str) -> Path | None:
    """The folder (or file) of that corpus, or None where it is absent. Also callable while tests are collected."""
    if name not in KNOWN:
        raise KeyError(f"{name} is no corpus: name it in tests/support/corpora.py")
    folder = root()
    return folder / name if folder and (folder / name).exists() else None


def absent() -> list[str]:
    return [name for name in sorted(KNOWN) if corpus(name) is None]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Runs after pytest's closing line."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.collectonly or config.option.help:
        return
    for name in absent():
        reporter.write_line(f"corpus absent: {name} ({KNOWN[name]})")
