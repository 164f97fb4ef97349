"""What people are told beside an answer: the next step after a refusal, and what of an answer would go unseen."""

import json

import pytest

from tests.integration.cli.typed import typed
from tests.support.server import start_server

SHOP = {
    "name": "shop.quote", "description": "Quotes.", "kind": "dummy", "effects": "read",
    "dummy": {"output": {"items": [{"id": "a", "price": 1}, {"price": 2}]}},
    "input_schema": {"type": "object", "properties": {"sku": {"type": "string"}}, "additionalProperties": False},
}  # fmt: skip
ENDED = SHOP | {"name": "shop.ended", "deprecated": {"sunset": "2020-01-31", "use": "shop.quote"}}
EMPTY = SHOP | {"name": "shop.empty", "dummy": {"output": []}}
ONE = SHOP | {"name": "shop.one", "dummy": {"output": {"a": 1}}}
OLD = SHOP | {"name": "shop.old", "deprecated": {"sunset": "2990-01-31", "use": "shop.quote"}}
OVER = SHOP | {"name": "shop.over", "deprecated": {"sunset": "2020-01-31"}}


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    with start_server(tmp_path_factory.mktemp("told") / "data") as server:
        for config in (SHOP, ENDED, OVER, OLD, EMPTY, ONE):
            assert server.client.call("POST", "/api/v1/tools", config).status == 201
        yield {"TOOLCRIB_DATA_DIR": str(server.data_dir), "TOOLCRIB_PORT": str(server.port)}


@pytest.fixture
def run(env):
    return lambda *arguments, **more: typed(*arguments, env=env, **more)


def next_step(done) -> str:
    return next(line for line in done.stderr.splitlines() if line.startswith("next: ")).removeprefix("next: ")


def test_a_name_that_is_taken_leads_to_the_update(run, tmp_path):
    (tmp_path / "quote.json").write_text(json.dumps(SHOP))
    done = run("tools", "register", str(tmp_path / "quote.json"))
    assert next_step(done).startswith(
        "to change it: toolcrib tools update shop.quote FILE, or toolcrib apply DIR"
    )


def test_a_change_that_breaks_callers_leads_to_the_version_it_needs(run, tmp_path):
    narrow = SHOP | {"input_schema": SHOP["input_schema"] | {"required": ["sku"]}}
    (tmp_path / "quote.json").write_text(json.dumps(narrow))
    for done in (
        run("apply", str(tmp_path)),
        run("tools", "update", "shop.quote", str(tmp_path / "quote.json")),
    ):
        assert next_step(done) == "send it as version 2.0.0 if it is meant, or put back what callers rely on"
        assert "details.breaking" not in done.stderr


def test_a_name_that_looks_like_anothers_to_models_asks_for_another(run, tmp_path):
    (tmp_path / "twin.json").write_text(json.dumps(SHOP | {"name": "shop__quote"}))
    assert next_step(run("apply", str(tmp_path))).startswith("choose another name; ")


def test_what_is_deprecated_is_told_in_the_list_the_tool_and_its_call(run):
    listed = [line.split() for line in run("tools", "list").stdout.splitlines()[1:]]
    states = {row[0]: row[3] for row in listed if row[0] not in {"shop.empty", "shop.one"}}
    assert states == {
        "shop.ended": "ended",
        "shop.old": "deprecated",
        "shop.over": "ended",
        "shop.quote": "enabled",
    }
    assert "\nstate       ended, workspace\n" in run("tools", "show", "shop.ended").stdout
    line = "warning: the tool is deprecated; its last day is 2990-01-31; use shop.quote instead\n"
    for more in ((), ("--json",)):
        assert run("call", "shop.old", *more).stderr == line
    assert run("call", "shop.quote").stderr == ""
    failed = run("call", "shop.old", "-i", "n=1")
    assert (failed.exit_code, failed.stderr.startswith(line)) == (2, True)


def test_an_answer_of_the_ledger_is_told_from_a_fresh_one(run):
    call = ("call", "shop.quote", "--key", "one")
    assert (run(*call).stderr, run(*call).stderr) == (
        "",
        "answered from the ledger; what is secret is left out\n",
    )


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (("--ids-only",), ["warning: 1 of 2 elements have no id and are left out"]),
        (("--ids-only", "--limit", "1"), ["warning: 1 of 2 elements have no id and are left out"]),
        (("--select", "price"), []),
        (
            ("--select", "items.price", "--select", "cost", "--json"),
            ["warning: the output has nothing at cost"],
        ),
        (("--select", "items.cost"), ["warning: the output has nothing at items.cost"]),
        (
            ("--ids-only", "--dry-run"),
            ["a dry run: nothing was done; --no-dry-run does it, or asks for the approval that it needs"],
        ),
    ],
    ids=" ".join,
)
def test_what_was_asked_of_an_output_and_is_not_there_is_told(run, part, said):
    done = run("call", "shop.quote", *part)
    assert (done.exit_code, [line for line in done.stderr.splitlines() if "a part of" not in line]) == (
        0,
        said,
    )


def test_ids_of_what_is_no_list_or_an_empty_one(run):
    assert run("call", "shop.empty", "--ids-only").stderr == ""
    assert run("call", "shop.empty", "--select", "id").stderr == ""
    assert run("call", "shop.one", "--ids-only").stderr.startswith("warning: the output is no list")


def test_a_name_that_is_not_there_is_named_with_the_one_that_is_near(run):
    for command in (
        ("call",),
        ("tools", "show"),
        ("tools", "delete"),
        ("tools", "disable"),
        ("tools", "versions"),
    ):
        done = run(*command, "shop.quot")
        assert (done.exit_code, done.stderr.splitlines()) == (
            4, ["error: NOT_FOUND There is no tool shop.quot here.", "next: did you mean shop.quote? toolcrib tools list shows what there is"],
        )  # fmt: skip
    assert next_step(run("call", "other")) == "toolcrib tools list shows what there is"
    assert run("call", "shop.quot", "--json").stdout.startswith('{"error":{"code":"NOT_FOUND"')


@pytest.mark.parametrize("verb", [("call",), ("tools", "validate")], ids=" ".join)
def test_a_tool_past_its_last_day_leads_to_its_successor(run, verb):
    assert next_step(run(*verb, "shop.ended")) == "use shop.quote instead: toolcrib tools show shop.quote"
    assert next_step(run(*verb, "shop.over")) == "toolcrib tools list shows what there is"
