"""Where the CLI speaks to, and whom it may reach."""

import pytest

from toolcrib.cli.refused import Refused, from_error
from toolcrib.cli.session import Session, address_of, is_here, only, part, usual_url


@pytest.mark.parametrize(
    ("base", "allowed"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://localhost", "localhost:80"),
        ("https://crib.example", "crib.example:443"),
        ("https://crib.example/behind/a/path", "crib.example:443"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_exactly_the_named_server_may_be_called(base, allowed):
    assert only(base) == allowed


@pytest.mark.parametrize(
    "base",
    [
        "127.0.0.1:8000",
        "ftp://host",
        "http://",
        "http://u:p@host",
        "http://host?x=1",
        "http://host:99999",
        "x",
    ],
)
def test_what_is_no_address_is_a_usage_error(base):
    with pytest.raises(Refused, match="is not the address of a server"):
        only(base)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"TOOLCRIB_PORT": "9000"}, "http://127.0.0.1:9000"),
        ({"TOOLCRIB_HOST": "::1"}, "http://[::1]:8000"),
        ({"TOOLCRIB_HOST": "0.0.0.0"}, "http://127.0.0.1:8000"),
        ({"TOOLCRIB_HOST": "::", "TOOLCRIB_PORT": "1"}, "http://[::1]:1"),
        ({"TOOLCRIB_URL": "https://crib.example/", "TOOLCRIB_PORT": "9000"}, "https://crib.example"),
    ],
)
def test_the_usual_place_follows_the_environment(monkeypatch, environment, url):
    for name in ("TOOLCRIB_URL", "TOOLCRIB_HOST", "TOOLCRIB_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert usual_url() == url


def test_a_name_stays_one_segment_of_the_path():
    assert part("a/b?c#d e") == "a%2Fb%3Fc%23d%20e"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_leave_its_place_is_refused(name):
    with pytest.raises(Refused):
        part(name)


def test_an_ipv6_host_is_bracketed():
    assert (address_of("::1", 8000), address_of("h", "1")) == ("http://[::1]:8000", "http://h:1")


def test_a_refusal_carries_every_fault():
    errors = [{"path": "/a", "message": "x"}, {"path": "", "message": "y"}]
    refused = from_error({"code": "VALIDATION_ERROR", "message": "no", "details": {"errors": errors}})
    assert (refused.faults, refused.exit) == ((("/a", "x"), ("", "y")), 2)


def test_a_missing_secret_is_named_in_the_next_step():
    refused = from_error({"code": "SECRET_NOT_FOUND", "message": "no", "details": {"name": "TIDE_KEY"}})
    assert refused.next_step == "toolcrib secrets set TIDE_KEY"


@pytest.mark.parametrize(
    "base",
    [
        "http://127.0.0.1:8000",
        "https://127.9.9.9",
        "http://[::1]:1",
        "http://localhost:8000/x",
        "http://LOCALHOST",
    ],
)
def test_these_are_on_this_machine(base):
    assert is_here(base)


ELSEWHERE = [
    "http://10.0.0.1",
    "https://crib.example",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://0.0.0.0:1",
]


@pytest.mark.parametrize("base", ELSEWHERE)
def test_the_owners_key_goes_to_this_machine_alone(monkeypatch, tmp_path, base):
    monkeypatch.delenv("TOOLCRIB_API_KEY", raising=False)
    monkeypatch.setenv("TOOLCRIB_DATA_DIR", str(tmp_path))
    (tmp_path / "owner.key").write_text("tcb_owner\n")
    assert Session("http://127.0.0.1:8000").key == "tcb_owner"
    with pytest.raises(Refused, match="is not sent to") as refused:
        _ = Session(base).key
    assert refused.value.next_step == "set TOOLCRIB_API_KEY"


@pytest.mark.parametrize(
    ("base", "warned"), [("http://10.0.0.1", True), ("https://10.0.0.1", False), ("http://127.0.0.1", False)]
)
def test_a_key_that_leaves_this_machine_unencrypted_is_warned_of(monkeypatch, capsys, base, warned):
    monkeypatch.setenv("TOOLCRIB_API_KEY", "tcb_given")
    assert Session(base).key == "tcb_given"
    said = capsys.readouterr()
    assert (("unencrypted" in said.err), said.out) == (warned, "")
    assert "tcb_given" not in said.err
