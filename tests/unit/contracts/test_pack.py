"""A pack refuses what no server could load; the face hands out what a pack needs."""

import subprocess
import sys

import pytest

import toolcrib
from toolcrib import Pack, Setting, ToolError, View, tool
from toolcrib.contracts.failures import CallFailed, RequestFailed
from toolcrib.contracts.pack import comes_from_a_pack


@tool
def one() -> int:
    """One."""
    return 1


def test_a_pack_knows_its_tools_and_settings():
    pack = Pack(
        "numbers", "1.0.0", "Numbers", "All of them.", tools=[one], settings=[Setting("BASE_URL", "x")]
    )
    assert [definition.name for definition in pack.definitions] == ["one"]
    assert pack.settings[0].default == "x"


@pytest.mark.parametrize(
    ("name", "tools", "said"),
    [
        ("No Name", [], '"No Name" is no name of a pack'),
        ("numbers", [one, one], "The pack numbers has the tool one twice"),
        ("numbers", [print], "The pack numbers lists print, which is no tool; put @tool before it."),
        ("numbers", [3], "lists 3, which is no tool"),
    ],
)
def test_a_pack_that_no_server_could_load_is_refused(name, tools, said):
    with pytest.raises(ValueError, match=said):
        Pack(name, "1.0.0", tools=tools)


CONFIG = {"name": "tides.next", "description": "", "input_schema": {}, "api": {"base_url": "${TIDES}"}}


def test_a_config_is_registered_for_all_at_the_address_of_the_setting():
    pack = Pack(
        "sea",
        "1.0.0",
        tools=[one],
        configs=[CONFIG | {"metadata": {"a": 1}}],
        settings=[Setting("TIDES", "x")],
    )
    function, config = pack.documents({"OTHER": "z"})
    assert pack.tool_names == ("one", "tides.next")
    assert function["python"] == {"pack": "sea", "function": "one"}
    assert (config["api"], config["scope"], config["kind"]) == ({"base_url": "x"}, "global", "http")
    assert config["metadata"] == {"a": 1, "pack": "sea"}
    assert pack.documents({"TIDES": "https://y"})[1]["api"] == {"base_url": "https://y"}
    assert CONFIG["api"] == {"base_url": "${TIDES}"}


def test_a_config_may_name_its_address_itself():
    config = CONFIG | {"kind": "http", "api": {"base_url": "https://y"}}
    assert Pack("sea", "1.0.0", configs=[config]).documents({})[0]["api"] == {"base_url": "https://y"}


def test_what_a_pack_brought_is_known_by_its_mark():
    assert comes_from_a_pack({"kind": "python"})
    assert comes_from_a_pack({"kind": "http", "metadata": {"pack": "sea"}})
    assert not comes_from_a_pack({"kind": "http"})


@pytest.mark.parametrize(
    ("configs", "said"),
    [
        ([CONFIG], r"The pack sea: tides.next is at \$\{TIDES\}, which is no setting of the pack"),
        ([{"api": {}}], "a config whose name is None; write namespace.action"),
        ([CONFIG | {"name": "No Name"}], "whose name is 'No Name'"),
        ([CONFIG | {"kind": "dummy"}], "the config tides.next is not of kind http"),
        ([{"name": "tides.next"}], "is not of kind http"),
        ([CONFIG | {"name": "one"}], "has the tool one twice"),
    ],
)
def test_a_config_that_no_server_could_load_is_refused(configs, said):
    with pytest.raises(ValueError, match=said):
        Pack("sea", "1.0.0", tools=[one], configs=configs)


def test_the_face_is_what_it_says():
    assert toolcrib.__dir__() == sorted(toolcrib._PLACES)
    assert [name for name in dir(toolcrib) if getattr(toolcrib, name).__name__ != name] == []
    with pytest.raises(AttributeError, match="toolcrib has no Crab; its face is"):
        _ = toolcrib.Crab


def test_the_shell_does_not_pay_for_the_face():
    code = "import sys, toolcrib.cli; sys.exit('toolcrib.contracts.define' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_errors_of_tools_carry_what_callers_may_see():
    error = ToolError("NO_HARBOUR", "There is none.", code_of="oslo")
    assert (error.code, error.message, error.details, error.retryable) == (
        "NO_HARBOUR", "There is none.", {"code_of": "oslo"}, False,
    )  # fmt: skip
    assert (str(error), str(ToolError("NO_HARBOUR"))) == ("NO_HARBOUR: There is none.", "NO_HARBOUR")
    found = {"code": "X", "message": "m", "details": {"a": 1}, "retryable": True}
    failed = CallFailed("tides.next", found, "exe_1", "failed")
    assert (failed.code, failed.details, failed.retryable, failed.tool, failed.execution_id, failed.status) == (
        "X", {"a": 1}, True, "tides.next", "exe_1", "failed",
    )  # fmt: skip
    request = RequestFailed(toolcrib.contracts.errors.Code.UPSTREAM_ERROR, "m", reason="reset", sent=False)
    assert (str(request), request.reason, request.sent) == ("m", "reset", False)


def test_a_view_names_tools_of_its_own_pack():
    with pytest.raises(
        ValueError, match=r"The view place of the pack numbers has two, which is none of its tools"
    ):
        Pack("numbers", "1.0.0", tools=[one], views=[View("place", {"one": {}, "two": {}})])
