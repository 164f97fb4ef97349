"""The floors bite: one missed branch in a fully covered room is enough."""

import pytest

from tests.support.coverage_floors import Floors, missing_lines, room_of, rooms


def entry(lines, branches, missing_lines=(), missing_branches=()):
    covered, statements = lines
    taken, ways = branches
    counts = {
        "covered_lines": covered,
        "num_statements": statements,
        "covered_branches": taken,
        "num_branches": ways,
    }
    return {
        "summary": counts,
        "missing_lines": list(missing_lines),
        "missing_branches": list(missing_branches),
    }


@pytest.mark.parametrize(
    ("file", "room"),
    [
        ("src/toolcrib/ledger/tables.py", "ledger"),
        ("src/toolcrib/kit/http/client.py", "kit"),
        ("src/toolcrib/__init__.py", "(face)"),
        ("src/toolcrib_packs/climate/tools.py", "packs.climate"),
        ("src/toolcrib/assay/parts.py", "assay"),
    ],
)
def test_a_file_belongs_to_its_room(file, room):
    assert room_of(file) == room


def test_a_missed_branch_puts_a_full_room_below_its_floor():
    files = {"src/toolcrib/policy/rules.py": entry((10, 10), (3, 4), missing_branches=[[7, -1]])}
    assert [room.below for room in rooms(files)] == [True]
    assert list(missing_lines(files)) == ["  src/toolcrib/policy/rules.py: 7->exit"]


def test_another_room_may_miss_a_tenth():
    files = {
        "src/toolcrib/kit/ids.py": entry((9, 10), (0, 0), [3]),
        "src/toolcrib/api/tools.py": entry((89, 100), (0, 0)),
    }
    assert {room.name: room.below for room in rooms(files)} == {"kit": False, "api": True}


def test_a_full_room_that_nothing_ran_is_below_its_floor():
    assert Floors().low() == ["contracts", "gateway", "ledger", "policy"]
