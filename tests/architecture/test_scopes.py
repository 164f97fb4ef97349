"""Statements that look across workspaces are few, and ADR 36 lists each with its reason."""

import re

from tests.architecture.source import ROOT, SRC

LISTED = "docs/adr/0036-row-security-is-the-second-wall.md"
ACROSS = re.compile(r'across=\s*"([^"]+)"')


def test_every_statement_that_looks_across_workspaces_is_listed_with_its_reason():
    reasons = [reason for path in SRC.rglob("*.py") for reason in ACROSS.findall(path.read_text("utf-8"))]
    listed = re.findall(r"^- (.+)$", (ROOT / LISTED).read_text("utf-8"), re.MULTILINE)
    assert sorted(reasons) == sorted(listed)


def test_no_statement_looks_across_workspaces_without_a_written_reason():
    uses = sum(path.read_text("utf-8").count("across=") for path in SRC.rglob("*.py"))
    written = sum(len(ACROSS.findall(path.read_text("utf-8"))) for path in SRC.rglob("*.py"))
    assert uses - written == 1  # the one that `_timed` passes on
