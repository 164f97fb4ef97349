"""Older shapes of a tool: what each becomes, which secret it wants, and what is refused where."""

import pytest

from tests.unit.contracts.test_forms import told
from toolcrib.contracts.contract import parse_contract
from toolcrib.contracts.forms import normal_form
from toolcrib.contracts.phase8 import secret_name

TICKET = {
    "name": "openTicket",
    "type": "http",
    "description": "Open a ticket in the desk system",
    "inputSchema": {
        "type": "object",
        "properties": {"title": {"type": "string", "minLength": 3}},
        "required": ["title"],
        "additionalProperties": False,
    },
    "outputSchema": {"type": "object", "properties": {"ticketId": {"type": "string"}}},
    "authType": "api_key",
    "endpointConfig": {
        "url": "https://desk.example.test/v1/tickets",
        "method": "POST",
        "headers": {"X-App": "crib"},
        "timeoutSeconds": 5,
    },
    "tenantScope": "tenant",
}
ROW = {"name": "lookUp", "endpoint": "https://desk.example.test/v1/look?deep=1"}
API_ROW = {"name": "quotes", "type": "api", "url": "https://quotes.example.test/query"}


def contract(submitted):
    return parse_contract(normal_form(submitted).document)


def without(document, *names):
    return {name: value for name, value in document.items() if name not in names}


def endpoint(**parts):
    return TICKET | {"endpointConfig": TICKET["endpointConfig"] | parts}


def test_a_definition_becomes_a_contract():
    made = contract(TICKET)
    assert (made.name, made.title, made.kind, made.scope) == ("openticket", "openTicket", "http", "workspace")
    assert (made.api.base_url, made.api.method, made.api.timeout) == (
        "https://desk.example.test/v1/tickets",
        "POST",
        5,
    )
    assert (made.api.headers, made.mapping.raw) == ({"X-App": "crib"}, True)
    assert (made.api.auth.method, made.api.auth.secret_ref) == ("bearer", "${TOOL_OPENTICKET_API_KEY}")
    assert made.input_schema == TICKET["inputSchema"]
    assert made.output_schema == TICKET["outputSchema"]


def test_snake_case_is_the_same():
    snake = {
        "name": "openTicket",
        "type": "http",
        "description": TICKET["description"],
        "input_schema": TICKET["inputSchema"],
        "output_schema": TICKET["outputSchema"],
        "auth_type": "api_key",
        "endpoint_config": {
            "url": "https://desk.example.test/v1/tickets",
            "headers": {"X-App": "crib"},
            "timeout_seconds": 5,
        },
        "tenant_scope": "tenant",
    }
    assert contract(snake) == contract(TICKET)


@pytest.mark.parametrize("kind", ["http", "rest", "webhook"])
def test_three_types_are_one_request(kind):
    assert contract(TICKET | {"type": kind}).kind == "http"


def test_the_method_is_post_unless_given():
    given = without(TICKET["endpointConfig"], "method", "headers", "timeoutSeconds")
    made = contract(TICKET | {"endpointConfig": given})
    assert (made.api.method, made.api.headers, made.api.timeout) == ("POST", {}, 30)


def test_a_silent_input_schema_is_closed_as_in_every_config_written_by_hand():
    made = contract(TICKET | {"inputSchema": {"properties": {"a": {}}}})
    assert made.input_schema["additionalProperties"] is False


def test_what_the_shape_does_not_say_passes_through():
    made = contract(TICKET | {"version": 2, "tags": ["desk"], "mapping": {"response_path": "data"}})
    assert (made.version, made.tags, made.mapping.raw) == ("2.0.0", ["desk"], False)


def test_a_global_scope_is_one():
    assert contract(TICKET | {"tenantScope": "global"}).scope == "global"


@pytest.mark.parametrize(
    ("auth_type", "method"), [("none", "none"), ("api_key", "bearer"), ("oauth_stub", "oauth_stub")]
)
def test_each_auth_type_has_its_method(auth_type, method):
    assert contract(TICKET | {"authType": auth_type}).api.auth.method == method


def test_a_dummy_needs_no_endpoint():
    made = normal_form(without(TICKET, "endpointConfig") | {"type": "dummy"}).document
    assert (made["kind"], "api" in made, "endpoint_config" in made) == ("dummy", False, False)


def test_a_query_in_the_url_becomes_parameters():
    made = contract(endpoint(url="https://desk.example.test/v1?a=1&b="))
    assert (made.api.base_url, made.api.params) == ("https://desk.example.test/v1", {"a": "1", "b": ""})


@pytest.mark.parametrize("url", ["https://x.example/?a=1&a=2", "https://x.example/?a=1#f"])
def test_a_query_that_no_parameters_can_say_stays(url):
    assert contract(endpoint(url=url)).api.base_url == url


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("get-weather", "TOOL_GET_WEATHER_API_KEY"),
        ("a.b c", "TOOL_A_B_C_API_KEY"),
        ("openTicket", "TOOL_OPENTICKET_API_KEY"),
        ("straße", "TOOL_STRA_E_API_KEY"),
    ],
)
def test_the_secret_of_a_key_is_named_after_the_tool(name, secret):
    assert secret_name(name) == secret


@pytest.mark.parametrize(
    "missing", ["name", "type", "description", "inputSchema", "outputSchema", "authType"]
)
def test_what_a_definition_must_say_is_named_when_it_is_missing(missing):
    assert told(without(TICKET, missing)) == {f"/{missing}": "Field required"}


@pytest.mark.parametrize(
    ("submitted", "place"),
    [
        (TICKET | {"type": "email"}, "/type"),
        (TICKET | {"type": "workflow"}, "/type"),
        (TICKET | {"type": "soap"}, "/type"),
        (TICKET | {"type": ["http"]}, "/type"),
        (TICKET | {"type": "api"}, "/type"),
        (TICKET | {"authType": "magic"}, "/authType"),
        (TICKET | {"authType": {}}, "/authType"),
        (TICKET | {"tenantScope": "all"}, "/tenantScope"),
        (TICKET | {"input_schema": {}}, "/inputSchema"),
        (TICKET | {"surprise": 1}, "/surprise"),
        (TICKET | {"endpointConfig": None}, "/endpointConfig"),
        (without(TICKET, "endpointConfig"), "/endpointConfig"),
        (endpoint(proxy="x"), "/endpointConfig/proxy"),
        (endpoint(timeout_seconds=5), "/endpointConfig/timeoutSeconds"),
        (endpoint(timeoutSeconds=0), "/endpointConfig/timeoutSeconds"),
        (endpoint(method="HEAD"), "/endpointConfig/method"),
        (endpoint(headers={"X": 1}), "/endpointConfig/headers/X"),
        (endpoint(url=""), "/endpointConfig/url"),
        (endpoint(url=7), "/endpointConfig/url"),
        (TICKET | {"endpointConfig": {}}, "/endpointConfig/url"),
        (TICKET | {"inputSchema": []}, "/inputSchema"),
        (ROW | {"auth": {"type": "magic"}}, "/auth/type"),
        (ROW | {"auth": "magic"}, "/auth/type"),
        (ROW | {"type": "soap"}, "/type"),
        (ROW | {"headers": {"X": 1}}, "/headers/X"),
        (ROW | {"endpoint": ""}, "/endpoint"),
        (ROW | {"parameters": ["a"]}, "/parameters"),
        (API_ROW | {"api_key": "s3cr3t"}, "/api_key"),
        (API_ROW | {"api_key": ["s3cr3t"]}, "/api_key"),
        (API_ROW | {"method": "get"}, "/method"),
        (API_ROW | {"api_key": "${KEY}", "api_key_header": 7}, "/api_key_header"),
    ],
)  # fmt: skip
def test_a_fault_is_told_where_it_stands(submitted, place):
    assert set(told(submitted)) == {place}


def test_all_faults_of_a_definition_are_told_at_once():
    found = told(without(TICKET, "outputSchema") | {"type": "soap", "authType": "x", "tenantScope": "y"})
    assert set(found) == {"/outputSchema", "/type", "/authType", "/tenantScope"}


def test_an_older_row_becomes_a_contract():
    made = contract(ROW | {"outputSchema": {"type": "object"}, "auth": {"type": "api_key"}})
    assert (made.description, made.api.method, made.scope) == ("Tool lookUp", "POST", "workspace")
    assert (made.api.base_url, made.api.params) == ("https://desk.example.test/v1/look", {"deep": "1"})
    assert made.api.auth.secret_ref == "${TOOL_LOOKUP_API_KEY}"
    assert made.mapping.raw


def test_an_older_row_keeps_the_meaning_of_its_parameters():
    assert contract(ROW).input_schema == {"type": "object", "additionalProperties": True}
    parameters = {"properties": {"a": {"type": "string"}}}
    made = contract(ROW | {"parameters": parameters, "method": "GET", "headers": {"X-App": "crib"}})
    assert made.input_schema == parameters | {"type": "object"}
    assert (made.api.method, made.api.headers, made.api.auth.method) == ("GET", {"X-App": "crib"}, "none")


def test_a_row_of_type_api_refers_to_its_key():
    made = contract(API_ROW | {"api_key": "${QUOTES}", "api_key_header": "X-Key"})
    assert (made.api.method, made.description) == ("GET", "Tool quotes")
    assert (made.api.auth.method, made.api.auth.key_name, made.api.auth.secret_ref) == (
        "api_key_header",
        "X-Key",
        "${QUOTES}",
    )
    assert contract(API_ROW | {"api_key": "${QUOTES}"}).api.auth.key_name is None
    assert contract(API_ROW | {"api_key": "", "method": "POST"}).api.auth.method == "none"


def test_a_literal_key_is_refused_with_the_words_to_write_instead():
    (message,) = told(API_ROW | {"api_key": "s3cr3t"}).values()
    assert "set the secret TOOL_QUOTES_API_KEY to it and write ${TOOL_QUOTES_API_KEY} here" in message
    assert "s3cr3t" not in message


OURS = {"name": "t", "description": "d", "input_schema": {}, "api": {"base_url": "https://x.example"}}


def test_auth_type_stands_beside_an_api_too():
    assert contract(OURS | {"auth_type": "oauth_stub"}).api.auth.method == "oauth_stub"
    assert contract(OURS | {"authType": "api_key"}).api.auth.secret_ref == "${TOOL_T_API_KEY}"


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"auth_type": "magic"}, "/auth_type"),
        ({"authType": None}, "/authType/method"),
        ({"auth_type": "none", "api": OURS["api"] | {"auth": {"method": "none"}}}, "/auth_type"),
        ({"auth_type": "none", "api": "https://x.example"}, "/api"),
        ({"type": "http"}, "/type"),
    ],
)
def test_beside_an_api_a_fault_is_told_where_it_stands(parts, place):
    assert place in told(OURS | parts)


def test_another_kind_of_tool_is_no_definition():
    document = {"name": "t", "kind": "python", "type": "http"}
    assert normal_form(document).document == document
