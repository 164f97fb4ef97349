"""What every answer says of its time, what the log says of a request, and what pages of other origins get."""

import pytest

from tests.support.door import Door
from toolcrib.api import ApiOptions, create_app
from toolcrib.api.timing import Timed
from toolcrib.kit import logging

TOOLS = "/api/v1/tools"
APP = "https://app.example.com"


@pytest.fixture
def every_line():
    logging.configure(json=True, level="debug")
    yield
    logging.configure(json=False)


def lines(capsys):
    import json

    found = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == "request"]


async def test_every_answer_of_the_api_says_how_long_it_took(rig, door):
    tool = await rig.register()
    for method, path, body in (
        ("GET", TOOLS, None), ("POST", f"{TOOLS}/{tool}/execute", {"input": {}}), ("GET", "/health", None),
    ):  # fmt: skip
        headers = (await door(method, path, body)).headers
        name, _, spent = headers["server-timing"].partition(";dur=")
        assert (name, float(spent) >= 0) == ("total", True)


async def test_what_is_not_there_is_answered_without_a_time(rig, door):
    assert "server-timing" not in (await door("GET", f"{TOOLS}/none.such")).headers


async def test_a_request_is_one_line_without_what_was_sent(rig, door, capsys, every_line):
    tool = await rig.register("secret.name")
    capsys.readouterr()
    await door("POST", f"{TOOLS}/{tool}/execute", {"input": {"password": "swordfish"}})
    await door("GET", f"{TOOLS}/{tool}?q=swordfish")
    await door.as_("")("GET", f"{TOOLS}/executions/swordfish")
    await door("GET", "/swordfish")
    told = lines(capsys)
    assert [(line["method"], line["route"], line["status"]) for line in told] == [
        ("POST", "/api/v1/tools/{tool}/execute", 200),
        ("GET", "/api/v1/tools/{tool}", 200),
        ("GET", "/api/v1/tools/executions/{execution_id}", 401),
        ("GET", "none", 404),
    ]
    assert [line["actor"] for line in told] == ["user:owner", "user:owner", None, None]
    assert told[0]["workspace"] == rig.owner.workspace_id
    assert all(line["bytes"] > 0 and line["milliseconds"] >= 0 for line in told)
    assert "swordfish" not in str(told)
    assert "secret.name" not in str(told)


async def test_usually_only_what_is_slow_or_failed_is_told(rig, door, capsys):
    logging.configure(json=True, level="info")
    await door("GET", TOOLS)
    await door("GET", f"{TOOLS}/none.such")
    assert lines(capsys) == []

    async def fails(scope, receive, send):
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    await Door(Timed(fails))("GET", "/x")
    [told] = lines(capsys)
    assert (told["level"], told["status"], told["bytes"]) == ("info", 503, 2)
    logging.configure(json=False)


async def test_headers_that_answers_share_do_not_grow():
    shared = [(b"content-type", b"text/event-stream")]

    async def answers(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": shared})
        await send({"type": "http.response.body", "body": b""})

    told = [(await Door(Timed(answers))("GET", "/x")).headers for _ in range(2)]
    assert shared == [(b"content-type", b"text/event-stream")]
    assert all("server-timing" in headers for headers in told)


def across(rig, *origins):
    return Door(create_app(rig.gateway, ApiOptions(cors_origins=origins)), rig.owner_key)


async def test_a_named_origin_may_read_and_send_a_key_and_no_cookies(rig):
    door = across(rig, APP)
    asked = {
        "origin": APP,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    allowed = await door("OPTIONS", f"{TOOLS}/x/execute", headers=asked)
    assert allowed.status == 200
    assert allowed.headers["access-control-allow-origin"] == APP
    assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
    read = await door("GET", TOOLS, headers={"origin": APP})
    assert (read.status, read.headers["access-control-allow-origin"]) == (200, APP)
    assert "access-control-allow-credentials" not in {**read.headers, **allowed.headers}


async def test_other_origins_and_a_server_without_the_setting_allow_nothing(rig):
    for door, origin in (
        (across(rig, APP), f"{APP}.evil.example"),
        (across(rig, APP), "null"),
        (across(rig), APP),
    ):
        read = await door("GET", TOOLS, headers={"origin": origin})
        assert (read.status, "access-control-allow-origin" in read.headers) == (200, False)
