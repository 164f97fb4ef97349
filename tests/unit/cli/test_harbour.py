"""The demo's tides."""

import pytest

from toolcrib.cli.demo.harbour import HARBOURS, PERIOD, next_high_tide

NOW = 1_800_000_000.0


@pytest.mark.parametrize("harbour", HARBOURS)
def test_the_next_high_tide_comes_within_one_tide(harbour):
    height, high = next_high_tide(harbour, NOW)
    _, mean, amplitude, _ = HARBOURS[harbour]
    assert 0 <= high - NOW <= PERIOD
    assert mean < height <= mean + 1.25 * amplitude


def test_after_a_high_tide_the_next_one_is_meant():
    _, first = next_high_tide("oslo", NOW)
    _, second = next_high_tide("oslo", first + 1)
    assert second - first == pytest.approx(PERIOD)
