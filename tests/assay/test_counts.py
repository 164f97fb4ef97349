"""Where a server counts requests, a count that rises between two of them is no leak; one that always differs is."""

from types import SimpleNamespace
from typing import Any

import pytest

from assay.isolation import Isolation
from assay.wire import Reply


class Counting:
    """Answers with the next of these bodies each time; the last stays."""

    sent = ()

    def __init__(self, *bodies: str, counted: bool) -> None:
        self.bodies, self.entry = list(bodies), SimpleNamespace(counted=counted)

    def by(self, _party: Any) -> Reply:
        body = self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]
        return Reply(200, {}, body.encode())


@pytest.mark.parametrize(
    ("foreign", "nobodys", "counted", "leaks"),
    [
        (["1"], ["1"], True, 0),
        (["1", "2"], ["2"], True, 0),
        (["1", "3", "4"], ["2", "4"], True, 0),
        (["1"], ["2"], True, 1),
        (["1", "2"], ["2"], False, 1),
    ],
)
def test_a_difference_is_told_where_it_stays(foreign, nobodys, counted, leaks):
    told: list[tuple[Any, ...]] = []
    isolation: Any = SimpleNamespace(
        strangers=lambda _entry: [SimpleNamespace(name="owner")],
        known=lambda _party: (),
        leak=lambda *what: told.append(what),
        look=lambda *_: None,
    )
    Isolation.twins(
        isolation, Counting(*foreign, counted=counted), Counting(*nobodys, counted=counted), "X-Workspace"
    )  # type: ignore[arg-type]
    assert len(told) == leaks
