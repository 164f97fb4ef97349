"""A disk that takes no more, by the system's own refusal."""

from tests.acceptance.rows.full import fill_the_disk
from tests.acceptance.rows.lab import Lab

STEPS = 32


def test_a_full_disk_loses_nothing_that_was_told_and_needs_no_restart(lab_on_sqlite: Lab):
    found = fill_the_disk(lab_on_sqlite, STEPS)

    assert found.faults == []
    assert 0 < found.refused < STEPS * 3
    assert found.changes > 0
