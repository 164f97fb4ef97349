"""What headers tell."""

from datetime import UTC, datetime

import pytest

from toolcrib.cli.notices import notices, state_of


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, []),
        ({"Idempotency-Replayed": "true"}, ["answered from the ledger; what is secret is left out"]),
        ({"Deprecation": "@1"}, ["warning: the tool is deprecated"]),
        ({"Deprecation": "@1", "Sunset": "someday"}, ["warning: the tool is deprecated"]),
        (
            {"deprecation": "@1", "link": '</api/v1/tools/a.b>; rel="successor-version"'},
            ["warning: the tool is deprecated; use a.b instead"],
        ),
    ],
)
def test_headers_are_told_in_a_line(headers, told):
    assert list(notices(headers)) == told


@pytest.mark.parametrize(("day", "state"), [(30, "deprecated"), (31, "deprecated"), (32, "ended")])
def test_a_tool_ends_after_its_last_day(day, state):
    now = datetime(2027, 1 if day < 32 else 2, day if day < 32 else 1, 12, tzinfo=UTC)
    assert state_of({"enabled": True, "deprecated": {"sunset": "2027-01-31"}}, now) == state
