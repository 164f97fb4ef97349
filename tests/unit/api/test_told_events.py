"""An event is written once for all who listen, and never for another one."""

from dataclasses import replace

from toolcrib.api.events import _MOST_TOLD, _event, _Told
from toolcrib.contracts.execution import Event, EventType

ONE = Event(1, EventType.TOOL_ENABLED, None, "user", "user:a", "t", 0, {})


def test_the_same_event_is_written_once():
    told = _Told()
    assert told.of(ONE) == _event(ONE)
    assert told.of(ONE) is told.of(ONE)


def test_another_event_is_written_for_itself_also_in_the_place_of_one_that_is_gone():
    told = _Told()
    told.of(ONE)
    for seq in range(2, 2_000):
        other = replace(ONE, seq=seq)
        told._written[id(other)] = ONE, b"stale"
        assert told.of(other) == _event(other)
        assert told.of(other) != b"stale"


def test_so_many_are_kept_and_no_more():
    told = _Told()
    for seq in range(_MOST_TOLD + 10):
        told.of(replace(ONE, seq=seq))
    assert len(told._written) == _MOST_TOLD
