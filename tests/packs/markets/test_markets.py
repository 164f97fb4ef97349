"""Quotes and symbols over a real server, from a stand-in that speaks as Alpha Vantage does."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote as encoded

import jsonschema_rs
import pytest

import toolcrib_packs.markets
from tests.packs.markets.conftest import KEY, standing_in
from tests.standins import alphavantage
from tests.support.client import Client
from toolcrib_packs.markets import pack

BOTH = ["quotes.get", "quotes.read"]
IBM = {
    "symbol": "IBM", "price": 233.26, "change": 1.58, "change_percent": "0.6820%", "open": 232, "high": 234.1,
    "low": 231.05, "previous_close": 231.68, "volume": 3237668, "day": "2026-11-20",
}  # fmt: skip


@pytest.mark.parametrize("tool", BOTH)
def test_a_quote_has_numbers_where_the_wire_has_text(market, tool):
    assert market.call(tool, symbol="IBM").json["output"] == IBM


@pytest.mark.parametrize("symbol", [*alphavantage.QUOTES, "ibm", "NOPE"])
def test_code_and_config_agree_on_every_symbol(market, symbol):
    code, config = [market.call(tool, symbol=symbol) for tool in BOTH]
    assert (code.status, code.json["output"]) == (config.status, config.json["output"])
    assert code.status == (404 if symbol == "NOPE" else 200)


@pytest.mark.parametrize("tool", BOTH)
@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("NOPE", (404, "SYMBOL_NOT_FOUND")),
        ("FAULT-NOTE", (429, "QUOTE_LIMIT")),
        ("FAULT-INFORMATION", (429, "QUOTE_LIMIT")),
        ("FAULT-MANY", (429, "QUOTE_LIMIT")),
        ("FAULT-CALL", (502, "QUOTE_REFUSED")),
        ("FAULT-HTML", (502, "UPSTREAM_ERROR")),
        ("FAULT-RESET", (502, "UPSTREAM_ERROR")),
        ("a b", (400, "VALIDATION_ERROR")),
        ("", (400, "VALIDATION_ERROR")),
    ],
)
def test_every_fault_has_its_code(market, tool, symbol, expected):
    assert market.code(tool, symbol=symbol) == expected


@pytest.mark.parametrize(
    ("symbol", "code", "config"),
    [
        ("FAULT-STATUS", "QUOTE_REFUSED", "UPSTREAM_ERROR"),
        ("FAULT-ODD", "QUOTE_REFUSED", "INVALID_OUTPUT"),
        ("FAULT-LIST", "QUOTE_REFUSED", "MAPPING_FAILED"),
    ],
)
def test_what_no_documentation_foresees_is_a_fault_of_the_upstream(market, symbol, code, config):
    assert [market.code(tool, symbol=symbol) for tool in BOTH] == [(502, code), (502, config)]


def test_a_slow_upstream_is_a_timeout_within_the_operators_seconds(hurried):
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda tool: hurried.code(tool, symbol="FAULT-SLOW"), BOTH))
    assert told == [(504, "UPSTREAM_TIMEOUT")] * 2


def test_a_wrong_and_a_missing_key_are_told_apart(hurried):
    hurried.set_key("another")
    assert [hurried.code(tool, symbol="IBM") for tool in BOTH] == [(502, "QUOTE_REFUSED")] * 2
    hurried.server.client.call("DELETE", "/api/v1/secrets/ALPHAVANTAGE_KEY")
    assert [hurried.code(tool, symbol="IBM") for tool in BOTH] == [(409, "SECRET_NOT_FOUND")] * 2


def test_companies_come_best_first_in_selected_fields(market):
    assert market.call("companies.search", keywords="tesco").json["output"] == {
        "companies": [
            {
                "symbol": "TSCO.LON",
                "name": "Tesco PLC",
                "region": "United Kingdom",
                "currency": "GBX",
                "score": 0.7273,
            }
        ]
    }
    found = market.call("companies.search", keywords="i", limit=2).json["output"]["companies"]
    assert [one["symbol"] for one in found] == ["IBM", "AAPL"]
    assert market.call("companies.search", keywords="nobody").json["output"] == {"companies": []}


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ("FAULT-NOTE", (429, "QUOTE_LIMIT")),
        ("FAULT-CALL", (502, "QUOTE_REFUSED")),
        ("FAULT-ODD", (502, "QUOTE_REFUSED")),
        ("FAULT-HTML", (502, "UPSTREAM_ERROR")),
        ("", (400, "VALIDATION_ERROR")),
    ],
)
def test_a_search_tells_the_same_faults(market, keywords, expected):
    assert market.code("companies.search", keywords=keywords) == expected


def test_a_symbol_that_a_search_found_has_a_quote(market):
    found = market.call("companies.search", keywords="berkshire").json["output"]["companies"]
    assert market.call("quotes.get", symbol=found[0]["symbol"]).json["output"]["price"] == 741250


def test_the_key_stands_in_no_answer_no_record_and_no_log(market):
    client = market.server.client
    for tool in BOTH:
        for symbol in ("IBM", "FAULT-INFORMATION", "FAULT-ODD", "FAULT-RESET"):
            said = market.call(tool, symbol=symbol)
            assert not holds_the_key(said.body)
    pages = ["tools/executions?limit=200", "audit?limit=200", "secrets", *(f"tools/{tool}" for tool in BOTH)]
    for page in pages:
        shown = client.call("GET", f"/api/v1/{page}")
        assert (shown.status, holds_the_key(shown.body)) == (200, False)
    for execution in client.call("GET", "/api/v1/tools/executions?limit=200").json["items"]:
        path = f"/api/v1/tools/executions/{execution['execution_id']}"
        assert not holds_the_key(client.call("GET", path).body + client.call("GET", f"{path}/events").body)
    assert not holds_the_key(market.server.stderr.encode() + market.server.stdout.encode())
    for file in market.server.data_dir.glob("toolcrib.db*"):
        assert not holds_the_key(file.read_bytes())


def holds_the_key(content: bytes) -> bool:
    return any(form.encode() in content for form in (KEY, encoded(KEY, safe=""), json.dumps(KEY)[1:-1]))


def test_the_tools_are_global_and_say_where_they_come_from(market):
    tools = market.server.client.call("GET", "/api/v1/tools?scope=global").json["tools"]
    assert [tool["name"] for tool in tools] == ["companies.search", "quotes.get", "quotes.read"]
    config = market.server.client.call("GET", "/api/v1/tools/quotes.read").json["config"]
    assert (config["metadata"], config["kind"], config["scope"]) == ({"pack": "markets"}, "http", "global")


@pytest.mark.parametrize("document", pack.documents({}), ids=lambda document: document["name"])
def test_examples_fit_the_schemas_and_descriptions_say_when_not(document):
    for example in document["examples"]:
        jsonschema_rs.validate(document["input_schema"], example["input"])
        jsonschema_rs.validate(document["output_schema"], example["output"])
    assert [part for part in ("Use it when", "Not for") if part not in document["description"]] == []


def test_the_examples_are_what_the_tools_answer(market):
    for document in pack.documents({}):
        for example in document["examples"]:
            assert market.call(document["name"], **example["input"]).json["output"] == example["output"]


def test_the_table_of_the_readme_names_every_tool_and_its_errors():
    text = Path(toolcrib_packs.markets.__file__).with_name("README.md").read_text("utf-8")
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    assert set(pack.tool_names) <= rows.keys()
    for document in pack.documents({})[:2]:
        assert all(
            f"`{one['code']}` {one['http_status']}" in rows[document["name"]] for one in document["errors"]
        )


def test_another_address_of_the_upstream_is_taken_at_the_next_start(hurried):
    with standing_in("second") as address:
        server = hurried.server
        before = server.client.call("GET", "/api/v1/tools/quotes.read").json
        server.env |= {
            "ALPHAVANTAGE_BASE_URL": address,
            "TOOLCRIB_EGRESS_ALLOW": address.removeprefix("http://"),
        }
        server.restart()
        after = server.client.call("GET", "/api/v1/tools/quotes.read").json
    assert (after["id"], after["config"]["api"]["base_url"]) == (before["id"], address)
    assert (before["version"], after["version"]) == ("1.0.0", "1.0.1")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/query?function=X&apikey=k", "Error Message"),
        ("/query?function=GLOBAL_QUOTE&symbol=IBM", "Error Message"),
    ],
)
def test_the_stand_in_refuses_as_alpha_vantage_does(path, said):
    with standing_in("k") as address:
        status, _, answer = Client(address).call("GET", path)
    assert (status, list(answer)) == (200, [said])
