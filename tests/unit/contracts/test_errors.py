"""The errors of the house: one base, closed codes, safe texts."""

import pytest

from toolcrib.contracts.errors import (
    Code,
    Conflict,
    Invalid,
    RateLimited,
    ToolcribError,
    Unauthorized,
    Unavailable,
)
from toolcrib.contracts.faults import Fault


def subclasses(kind: type[ToolcribError]) -> list[type[ToolcribError]]:
    found = [sub for sub in kind.__subclasses__() if sub.__module__.startswith("toolcrib.contracts")]
    return found + [below for sub in found for below in subclasses(sub)]


def test_the_class_text_is_the_usual_message():
    assert Unauthorized().message.startswith("No valid credential. Send `Authorization: Bearer <key>`")


def test_a_message_and_details_of_its_own_are_kept():
    error = Conflict("taken", reason="name_taken")
    assert (str(error), error.message, error.details) == ("taken", "taken", {"reason": "name_taken"})


def test_a_class_without_text_has_an_empty_message():
    class Silent(ToolcribError):
        __doc__ = None

    assert Silent().message == ""


@pytest.mark.parametrize("kind", subclasses(ToolcribError))
def test_each_error_has_a_code_of_its_own_and_a_text(kind):
    assert isinstance(kind.code, Code)
    assert kind().message


def test_no_two_errors_share_a_code():
    codes = [kind.code for kind in subclasses(ToolcribError)]
    assert len(codes) == len(set(codes))


def test_only_what_may_mend_itself_is_retryable():
    assert [kind for kind in subclasses(ToolcribError) if kind.retryable] == [RateLimited, Unavailable]


def test_faults_are_listed_with_their_places():
    error = Invalid.because("no", [Fault("/a", "wrong"), Fault("", "odd")])
    assert error.details == {"errors": [{"path": "/a", "message": "wrong"}, {"path": "", "message": "odd"}]}


def test_a_code_is_its_own_text():
    assert all(code.name == code.value == str(code) for code in Code)
