"""An independent judge of the HTTP that Toolcrib sends: Prism mocks a described API and names every request that breaks it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client, Reply
from tests.support.corpora import corpus
from tests.support.prism import Prism, run_prism
from tests.support.server import Server

DATA = Path(__file__).parent / "data"
BORROWED = corpus("openapi-nasty")
SHEETS = {"ferries": DATA} | ({"train_travel": BORROWED} if BORROWED else {})


@dataclass(frozen=True)
class Judged:
    """A server with the tools of one sheet, before its judge."""

    client: Client
    prism: Prism
    sheet: dict[str, Any]

    def run(self, entries: list[dict[str, Any]]) -> list[tuple[str, Reply, Any]]:
        """Each tool with each of its inputs: name, answer, expected output."""
        return [
            (entry["config"]["name"], self.execute(entry["config"]["name"], given), entry.get("output"))
            for entry in entries
            for given in entry["inputs"]
        ]

    def execute(self, tool: str, given: dict[str, Any]) -> Reply:
        return self.client.call("POST", f"/api/v1/tools/{tool}/execute", {"input": given})


@pytest.fixture(params=sorted(SHEETS))
def judged(request: pytest.FixtureRequest, tmp_path: Path, serve: Callable[..., Server]) -> Iterator[Judged]:
    sheet = json.loads((DATA / f"{request.param}.tools.json").read_text("utf-8"))
    with run_prism(SHEETS[request.param] / sheet["spec"], tmp_path) as prism:
        client = serve({"TOOLCRIB_EGRESS_ALLOW": prism.host}).client
        for name, value in sheet["secrets"].items():
            assert client.call("POST", "/api/v1/secrets", {"name": name, "value": value}).status == 201
        for entry in [*sheet["tools"], *sheet["wrong"]]:
            entry["config"]["api"]["base_url"] = prism.url
            registered = client.call("POST", "/api/v1/tools", entry["config"])
            assert registered.status == 201, registered.json
        yield Judged(client, prism, sheet)


def test_every_request_fits_the_description(judged: Judged):
    before = judged.prism.received
    done = judged.run(judged.sheet["tools"])
    refused = [(name, reply.status, reply.json["error"]) for name, reply, _ in done if reply.status != 200]
    read = [(reply.json["output"], output) for _, reply, output in done if output is not None]

    assert len(judged.sheet["tools"]) >= 6
    assert refused == []
    assert [found for found, _ in read] == [expected for _, expected in read]
    assert judged.prism.violations == []
    assert (judged.prism.passed, judged.prism.received - before) == (len(done), len(done))


def test_the_judge_sees_a_config_that_is_wrong(judged: Judged):
    found = []
    for entry in judged.sheet["wrong"]:
        before = len(judged.prism.violations)
        ((name, reply, _),) = judged.run([entry])
        found.append((name, reply.status, len(judged.prism.violations) > before))

    assert found == [(entry["config"]["name"], 502, True) for entry in judged.sheet["wrong"]]
    assert judged.prism.passed == 0


def test_the_judge_sees_a_missing_credential(judged: Judged):
    config = judged.sheet["tools"][0]["config"] | {"name": "wrong.no_key"}
    config["api"] = {name: value for name, value in config["api"].items() if name not in ("auth", "headers")}
    assert judged.client.call("POST", "/api/v1/tools", config).status == 201

    reply = judged.execute("wrong.no_key", judged.sheet["tools"][0]["inputs"][0])

    assert (reply.status, reply.json["error"]["code"]) == (502, "UPSTREAM_ERROR")
