"""The ledger's words are closed sets, and records cannot be changed."""

import dataclasses

import pytest

from toolcrib.contracts.execution import Call, EventType, Status
from toolcrib.contracts.provider import Failure, Invocation, Success


def test_the_states_of_an_execution_are_these():
    assert {status.value for status in Status} == {
        "requested", "awaiting_approval", "running", "succeeded", "failed", "denied", "cancelled", "interrupted", "expired",
    }  # fmt: skip


def test_events_are_facts_in_camel_case():
    assert all(event.value.isalpha() and event.value[0].isupper() for event in EventType)
    assert {"ToolExecutionRequested", "ToolExecutionCompleted", "ToolExecutionFailed"} <= set(EventType)


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (Call("t", {}), "tool"),
        (Invocation("e", "w", {}, {}), "input"),
        (Success(1), "output"),
        (Failure("X", "m"), "code"),
    ],
)
def test_records_are_frozen(record, name):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, name, None)


def test_a_failure_says_nothing_more_than_it_is_told():
    failure = Failure("X", "m")
    assert (failure.details, failure.retryable, failure.http_status) == ({}, False, None)
