"""B17 and T30 from behind: whatever an upstream writes is a typed failure or a success, never a 500 and never a NaN onwards."""

import json

import pytest

from tests.security.documents import documents
from tests.security.errors import error_of, is_plain
from tests.security.stage import reply


@pytest.fixture
def read_aloud(each_house):
    """Calls one tool whose upstream answers with a text; `{v}` in the path only tells the texts apart."""
    house, line = each_house, each_house.line
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    name = house.tool("/reply/{n}", input_schema=schema)

    def call(number, raw):
        house.stage.answers[f"/reply/{number}"] = raw if callable(raw) else lambda _: raw
        return line.send("POST", f"/api/v1/tools/{name}/execute", b'{"input":{"n":%d}}' % number)

    return call


def test_a_reply_that_is_no_strict_json_is_the_upstreams_error(read_aloud):
    for number, document in enumerate(d for d in documents() if d.verdict == "n" and d.text):
        answer = read_aloud(number, reply(document.text))
        assert error_of(answer)["code"] == "UPSTREAM_ERROR", (document.name, answer.body[:300])
        assert error_of(answer)["details"]["reason"] == "invalid_json", document.name


def test_a_reply_that_is_json_arrives_as_it_was(read_aloud):
    for number, document in enumerate(d for d in documents() if d.verdict == "y"):
        answer = read_aloud(number, reply(document.text))
        assert answer.status == 200, (document.name, answer.body[:300])
        assert answer.json["output"] == json.loads(document.text), document.name


def test_a_reply_that_may_be_either_is_answered_in_one_shape(read_aloud):
    for number, document in enumerate(d for d in documents() if d.verdict == "i"):
        assert is_plain(read_aloud(number, reply(document.text))), document.name


def test_no_answer_is_more_lenient_than_the_house_itself(read_aloud):
    for number, document in enumerate(documents()):
        answer = read_aloud(number, reply(document.text))
        assert answer.json is not None, (
            document.name,
            answer.body[:300],
        )  # our reader refuses NaN and Infinity
        answer.body.decode("utf-8", "strict")


def test_every_such_call_is_in_the_ledger_with_its_end(each_house, read_aloud):
    chosen = documents()[::9]
    for number, document in enumerate(chosen):
        answer = read_aloud(number, reply(document.text)).json
        found = each_house.execution(answer["execution_id"])
        assert found["status"] == answer["status"] in {"succeeded", "failed"}, document.name
        assert found["output_payload"] == answer["output"], document.name
        assert found["error_code"] == (answer["error"] or {"code": None})["code"], document.name


def test_an_output_schema_holds_whatever_the_upstream_says(each_house):
    schema = {
        "type": "object",
        "properties": {"n": {"type": "number"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    name = each_house.tool("/schema-held", output_schema=schema)
    line = each_house.line
    for document in [d for d in documents() if d.verdict != "n"][:60]:
        each_house.stage.answers["/schema-held"] = document.text
        answer = line.send("POST", f"/api/v1/tools/{name}/execute", b"{}")
        assert answer.status == 502, (document.name, answer.body[:300])
        assert error_of(answer)["code"] in {"INVALID_OUTPUT", "UPSTREAM_ERROR"}, document.name
