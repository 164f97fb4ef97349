"""A secret prints as its name alone, however it is written down."""

import copy
import pickle

import orjson
import pytest

from toolcrib.contracts.execution import Call
from toolcrib.contracts.provider import Invocation
from toolcrib.contracts.secret import Secret, texts

VALUE = "s3cr3t-value"
SECRET = Secret("KEY", VALUE, version=3, hosts=("api.example.com",))


@pytest.mark.parametrize(
    "written",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>20}",
        f"{SECRET:s}",
        "%s %r" % (SECRET, SECRET),  # noqa: UP031 each way to write is tried
        str({"k": SECRET}),
        repr(Invocation("e", "w", {}, {"KEY": SECRET}, passed={"K": SECRET})),
        repr(Call("t", {}, hidden={"KEY": SECRET})),
    ],
)
def test_a_secret_prints_as_its_name(written):
    assert "[secret:KEY]" in written
    assert VALUE not in written


def test_a_secret_is_no_json_and_is_not_pickled():
    with pytest.raises(TypeError):
        orjson.dumps({"k": SECRET})
    with pytest.raises(TypeError, match=r"\[secret:KEY\] is not written down") as refused:
        pickle.dumps(SECRET)
    assert VALUE not in str(refused.value)


def test_only_reveal_gives_the_value():
    assert SECRET.reveal() == VALUE
    assert (SECRET.name, SECRET.version, SECRET.hosts) == ("KEY", 3, ("api.example.com",))
    assert list(texts({"KEY": SECRET})) == [("KEY", VALUE)]


def test_copies_are_the_secret_itself():
    assert copy.copy(SECRET) is SECRET
    assert copy.deepcopy({"k": SECRET})["k"] is SECRET


def test_an_empty_one_counts_as_none():
    assert SECRET
    assert not Secret("KEY", "")
