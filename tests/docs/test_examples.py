"""Every config that the pages print can be registered."""

import json
from collections.abc import Iterator

import pytest

from tests.docs.pages import Block, blocks, pages
from tests.docs.terminal import made_by_make
from tests.support.server import Server, start_server

EXAMPLES = [block for page in pages() for block in blocks(page) if block.mark == "tool-config"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    name, _, value = made_by_make()[0].partition("=")
    with start_server(tmp_path_factory.mktemp("examples") / "data", {name: value}) as started:
        yield started


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.place)
def test_a_config_in_the_docs_registers(server: Server, example: Block):
    reply = server.client.call("POST", "/api/v1/tools", json.loads(example.text))

    assert reply.status == 201, reply.json


def test_there_are_examples():
    assert len(EXAMPLES) >= 2
