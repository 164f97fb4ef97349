"""Every provider of the house passes the suite, and the suite notices one that does not keep a promise."""

import asyncio

import pytest

from tests.support import toolbox
from toolcrib.contracts.provider import Failure, Success
from toolcrib.contracts.secret import texts
from toolcrib.kit.http import Egress, HttpClient
from toolcrib.providers.dummy import DummyProvider
from toolcrib.providers.http import HttpProvider
from toolcrib.testing import FakeClock, FakeProvider, check_provider, tool_config

SECRET = "tide-key-of-the-suite"
DUMMY = tool_config(kind="dummy") | {"dummy": {"output": {"berth": 7}}}
DUMMY.pop("api")
CONFIG = tool_config()


async def test_the_http_provider_passes(upstream):
    egress = Egress.parse("127.0.0.1")
    client = HttpClient(egress)
    auth = {"method": "api_key_header", "key_name": "X-Tide-Key", "secret_ref": "${KEY}"}
    api = {"base_url": upstream.url, "path": "echo", "auth": auth}
    try:
        answered = await check_provider(
            HttpProvider(client, egress, toolbox.LIMITS),
            tool_config(api=api),
            given={"harbour": "oslo"},
            secrets={"KEY": SECRET},
            refused=tool_config(api={"base_url": "http://10.0.0.1"}),
            slow=tool_config(api=api | {"path": "hold"}),
        )
    finally:
        await client.close()
    assert answered.output["query"] == {"harbour": "oslo"}


async def test_the_python_provider_passes():
    python, _ = toolbox.providers(FakeClock(), toolbox.numbers)
    answered = await check_provider(
        python,
        toolbox.add.tool.in_pack("numbers"),
        given={"a": 1},
        refused=toolbox.add.tool.in_pack("nobody"),
        slow=toolbox.forever.tool.in_pack("numbers"),
    )
    assert answered == Success({"total": 2})


async def test_the_dummy_provider_passes():
    slow = DUMMY | {"dummy": {"delay": 9}}
    assert await check_provider(DummyProvider(), DUMMY, slow=slow) == Success({"berth": 7})


async def test_the_fake_provider_passes():
    async def shown(_):
        return Success({"dry_run": True})

    assert await check_provider(FakeProvider(shows=shown), CONFIG, given={"n": 1}) == Success({"n": 1})


async def swallow(_):
    """A run that cannot be cancelled."""
    try:
        await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        await asyncio.sleep(60)
    return Success(None)


async def alter(invocation):
    invocation.input["more"] = 1
    return Success(None)


async def tell(invocation):
    return Failure("ODD", f"with {dict(texts(invocation.secrets))}")


def answering(outcome):
    async def answer(_):
        return outcome

    return answer


WITH_SECRET = CONFIG | {
    "api": {"base_url": "https://x.example", "auth": {"method": "bearer", "secret_ref": "${KEY}"}}
}


@pytest.mark.parametrize(
    ("provider", "contract", "rest", "said"),
    [
        (FakeProvider("dummy"), CONFIG, {}, "of kind dummy"),
        (FakeProvider(), WITH_SECRET, {}, "names the secrets"),
        (FakeProvider(behaviour=answering(Failure("ODD", "no"))), CONFIG, {}, "answered ODD: no"),
        (FakeProvider(behaviour=answering(Success({1, 2}))), CONFIG, {}, "output is JSON"),
        (FakeProvider(behaviour=alter), CONFIG, {}, "leaves what it was handed"),
        (FakeProvider(behaviour=tell), WITH_SECRET, {"secrets": {"KEY": SECRET}}, "holds KEY"),
        (FakeProvider(shows=answering(Success({}))), CONFIG, {}, "says that it is a dry run"),
        (FakeProvider(), CONFIG, {"refused": CONFIG}, "is refused at registration"),
        (FakeProvider(), CONFIG, {"slow": CONFIG}, "is a timeout"),
    ],
)
async def test_a_provider_that_breaks_a_promise_is_told_which(provider, contract, rest, said):
    with pytest.raises(AssertionError, match=said):
        await check_provider(provider, contract, **rest)


async def test_a_run_that_cannot_be_cancelled_is_noticed(monkeypatch):
    monkeypatch.setattr("toolcrib.testing.suite._PATIENCE", 0.2)
    with pytest.raises(AssertionError, match="a run that is cancelled ends"):
        await check_provider(FakeProvider(behaviour=swallow), CONFIG)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
