"""The table from error code to exit code."""

import pytest

from toolcrib.cli.exits import EXITS, NEXT, Exit, exit_for
from toolcrib.contracts.errors import Code


def test_every_code_of_the_house_has_an_exit_code_and_a_next_step():
    assert set(EXITS) == set(NEXT) == {code.value for code in Code}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("VALIDATION_ERROR", 2),
        ("UNAUTHORIZED", 3),
        ("FORBIDDEN", 3),
        ("TOOL_DISABLED", 3),
        ("EGRESS_DENIED", 3),
        ("SUBJECT_MISMATCH", 3),
        ("NOT_FOUND", 4),
        ("CONFLICT", 5),
        ("SECRET_NOT_FOUND", 5),
        ("UPSTREAM_ERROR", 6),
        ("UPSTREAM_TIMEOUT", 6),
        ("MAPPING_FAILED", 6),
        ("INVALID_OUTPUT", 6),
        ("UNDECLARED_ERROR", 6),
        ("UNAVAILABLE", 7),
        ("RATE_LIMITED", 7),
        ("INTERNAL_ERROR", 1),
        ("HARBOUR_NOT_FOUND", 1),
        ("", 1),
    ],
)
def test_a_code_has_its_exit(code, expected):
    assert exit_for(code) == expected


def test_no_failure_exits_as_a_success():
    assert Exit.OK not in EXITS.values()
