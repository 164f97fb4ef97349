"""A workspace that asks for twenty times its quota, on two processes: it gets its quota, and another one has no errors."""

from pathlib import Path

import pytest

from tests.acceptance.rows.fair import Flood, flood_a_bucket, flood_a_quota, flood_and_kill
from tests.acceptance.rows.lab import Lab, sqlite_lab

FLOODS: dict[str, Flood] = {
    "a quota of a day": lambda lab: flood_a_quota(lab, 100),
    "a bucket": lambda lab: flood_a_bucket(lab, 100),
    "a process that dies": lambda lab: flood_and_kill(lab, 200, 13),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_on_two_processes_a_flood_is_let_through_as_far_as_its_quota(lab_on_postgres: Lab, flood: str):
    found = FLOODS[flood](lab_on_postgres)
    assert found.faults == [], str(found)
    assert found.noisy[429] > found.noisy[200]


@pytest.mark.parametrize("flood", FLOODS)
def test_on_one_process_a_flood_is_let_through_as_far_as_its_quota(tmp_path: Path, flood: str):
    with sqlite_lab(tmp_path) as lab:
        found = FLOODS[flood](lab)
    assert found.faults == [], str(found)
    assert found.noisy[429] > found.noisy[200]
