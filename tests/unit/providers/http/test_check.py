"""What could never run, or would leak, is refused at registration with every fault and its place."""

import pytest

from tests.unit.providers.http.fakes import FakeClient, contract, faults, provider
from toolcrib.contracts.errors import EgressRefused
from toolcrib.kit.http import Egress
from toolcrib.providers.http import HttpProvider, Limits


def api(**changes):
    return contract("a", "b", api=changes)


def test_a_plain_contract_has_no_fault():
    assert faults(contract("harbour", api={"path": "/{harbour}/next"})) == {}


def test_every_fault_is_listed_at_once():
    of = contract(
        "a",
        api={
            "base_url": "https://u:p@h.example.com/?x=1",
            "path": "{b}",
            "headers": {"Host": "x"},
            "params": {"token": "abc"},
            "auth": {"method": "bearer"},
            "timeout": 500,
        },
        mapping={"input_to_body": {"c": "c"}, "response_path": "/~"},
    )
    assert faults(of).keys() == {
        "/api/base_url",
        "/api/path",
        "/api/headers/Host",
        "/api/params/token",
        "/api/auth/secret_ref",
        "/api/timeout",
        "/mapping/input_to_body",
        "/mapping/input_to_body/c",
        "/mapping/response_path",
    }


@pytest.mark.parametrize(
    "literal", ["sk-live-123456", "${}", "${A}${B}", "Bearer ${A}", " ${A}", "$A", "${A-B}", "", "${A}\n"]
)
def test_a_secret_ref_that_is_not_exactly_a_name_is_refused(literal):
    found = faults(api(auth={"method": "bearer", "secret_ref": literal}))
    assert "${NAME}" in found["/api/auth/secret_ref"]
    assert "sk-live" not in str(found)


@pytest.mark.parametrize("method", ["api_key_header", "api_key_query", "bearer", "basic"])
def test_auth_without_a_secret_is_refused(method):
    assert "/api/auth/secret_ref" in faults(api(auth={"method": method}))


@pytest.mark.parametrize("method", ["api_key_header", "api_key_query", "bearer", "basic"])
def test_auth_with_a_secret_is_taken(method):
    assert faults(api(auth={"method": method, "secret_ref": "${KEY}"})) == {}


@pytest.mark.parametrize("name", ["Host", "X Y", "Cookie", "Proxy-Authorization"])
def test_the_key_header_must_be_a_header_that_a_tool_may_set(name):
    auth = {"method": "api_key_header", "key_name": name, "secret_ref": "${KEY}"}
    assert "/api/auth/key_name" in faults(api(auth=auth))


def test_names_of_parameters_hold_no_secret():
    auth = {"method": "api_key_query", "key_name": "${A}", "secret_ref": "${KEY}"}
    assert faults(api(auth=auth, params={"${B}": "x"})).keys() == {"/api/auth/key_name", "/api/params/${B}"}


@pytest.mark.parametrize("username", ["a:b", "${USER}", "a\nb"])
def test_a_user_name_that_could_not_be_sent_is_refused(username):
    auth = {"method": "basic", "username": username, "secret_ref": "${KEY}"}
    assert "/api/auth/username" in faults(api(auth=auth))


def test_what_auth_sets_is_not_set_again():
    header = api(headers={"authorization": "${B}"}, auth={"method": "bearer", "secret_ref": "${KEY}"})
    param = api(params={"apikey": "${B}"}, auth={"method": "api_key_query", "secret_ref": "${KEY}"})
    assert faults(header).keys() == {"/api/headers/authorization"}
    assert faults(param).keys() == {"/api/params/apikey"}


CREDENTIALS = ["Authorization", "X-API-Key", "x-apikey", "api_key", "ApiKey", "X-Auth-Token", "access_token"]
CREDENTIALS += [
    "client_secret",
    "password",
    "token",
    "secret",
    "subscription-key",
    "accessKey",
    "Ocp-Apim-Subscription-Key",
]


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_literal_credential_is_refused_in_headers_and_params(name):
    found = faults(api(headers={name: "hunter2hunter2"}, params={name: "hunter2hunter2"}))
    assert found.keys() == {f"/api/headers/{name}", f"/api/params/{name}"}
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_credential_by_reference_is_taken(name):
    assert faults(api(headers={name: "Key ${KEY}"}, params={name: "${KEY}"})) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", "100"),
        ("sort_key", "name"),
        ("key", "name"),
        ("keyword", "api"),
        ("tokenizer", "x"),
        ("unit", "m"),
    ],
)
def test_innocent_parameters_are_no_credentials(name, value):
    assert faults(api(params={name: value})) == {}


@pytest.mark.parametrize(
    ("name", "value"), [("key", "AIzaSyA1234567890abcdef"), ("X-Custom", "Bearer abcdef123456")]
)
def test_a_value_that_is_plainly_a_key_is_refused_under_a_vague_name(name, value):
    assert faults(api(headers={name: value})).keys() == {f"/api/headers/{name}"}


@pytest.mark.parametrize("text", ["${", "${A-B}", "${1A}", "x ${A} ${"])
def test_a_broken_reference_is_refused(text):
    assert faults(api(headers={"X-A": text}, params={"p": text})).keys() == {
        "/api/headers/X-A",
        "/api/params/p",
    }


FORBIDDEN = ["Host", "content-length", "Transfer-Encoding", "Connection", "Cookie", "TE", "Upgrade", "Expect"]
FORBIDDEN += [
    "Proxy-Authorization",
    "Proxy-X",
    "Keep-Alive",
    "Trailer",
    "Accept-Encoding",
    "X Y",
    "X:Y",
    "X\r\nY",
    "",
    "É",
]


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_header_that_is_not_a_tools_to_set_is_refused(name):
    found = faults(contract("a", api={"headers": {name: "${A}"}}, mapping={"input_to_headers": {"a": name}}))
    assert f"/api/headers/{name}" in found
    assert "/mapping/input_to_headers/a" in found


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\0b", "a\x7fb", "日本", "a\x85b"])
def test_a_header_value_outside_the_grammar_is_refused(value):
    assert "/api/headers/X-A" in faults(api(headers={"X-A": value}))


def test_a_header_given_twice_is_refused():
    assert "/api/headers/x-a" in faults(api(headers={"X-A": "1", "x-a": "2"}))


def test_an_idempotency_key_of_its_own_is_refused_only_for_an_idempotent_tool():
    changes = {
        "api": {"headers": {"Idempotency-Key": "x"}},
        "mapping": {"input_to_headers": {"a": "idempotency-key"}},
    }
    assert faults(contract("a", idempotent=False, **changes)) == {}
    assert len(faults(contract("a", idempotent=True, **changes))) == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pass@h.example.com",
        "https://h.example.com/?a=1",
        "https://h.example.com?",
        "https://h.example.com/#a",
        "https://${HOST}/",
        "https://{host}/",
        "https://h.example.com/{a}",
        "https://h.example.com/a/../b",
        "https://h.example.com/%2e%2e/b",
        "https://h.example.com/a%2f..%2fb",
        "https://h.example.com/..;x/b",
        "https://h.example.com/a\\b",
        "https://h.example.com/a\nb",
        "https://h.example.com/%0a",
        "https://h .example.com/",
        "https://bücher.example.com/",
        "https://h.example.com:0/",
        "https://h.example.com:x/",
        "https://[::1",
        "https:///path",
        "ftp://h.example.com/",
        "h.example.com/v2",
        "//h.example.com",
    ],
)
def test_a_base_url_that_says_more_than_where_is_refused(url):
    assert "/api/base_url" in faults(api(base_url=url))


def test_the_refused_query_names_params_as_the_place():
    assert "api.params" in faults(api(base_url="https://h.example.com/?api_key=abc"))["/api/base_url"]


@pytest.mark.parametrize(
    "path",
    [
        "{c}",
        "{a",
        "a}",
        "{}",
        "{{a}}",
        "${KEY}",
        "../x",
        "a/./b",
        "%2e%2e/x",
        "a?b=1",
        "a#b",
        "a\\b",
        "a\nb",
        "a%00b",
        "..;/x",
    ],
)
def test_a_path_template_that_could_leave_its_place_is_refused(path):
    assert "/api/path" in faults(api(path=path))


@pytest.mark.parametrize(
    "path", ["", "/", "{a}", "/x/{a}.json", "{a}/{b}", "/{a}-{b}", "a b/é", "50%", "a%2Fb", "/...", "//x"]
)
def test_an_honest_path_template_is_taken(path):
    assert faults(api(path=path)) == {}


def test_a_path_parameter_may_be_declared_through_a_reference():
    schema = {"allOf": [{"$ref": "#/$defs/x%7E1y"}], "$defs": {"x/y": {"properties": {"c": {}}}}}
    of = contract(api={"path": "{c}"}, input_schema=schema)
    assert faults(of) == {}


@pytest.mark.parametrize(("field", "value"), [("timeout", 11), ("max_request", 101), ("max_reply", 201)])
def test_a_limit_above_the_operators_is_refused(field, value):
    assert faults(api(**{field: value}), Limits(100, 200, 10)).keys() == {f"/api/{field}"}


def test_a_limit_that_the_contract_leaves_open_is_no_fault():
    assert faults(api(), Limits(100, 200, 10)) == {}


@pytest.mark.parametrize(
    "url",
    ["http://h.example.com/", "https://127.0.0.1/", "https://10.0.0.1/v2", "https://h.example.com:8443/"],
)
def test_an_address_that_tools_may_not_call_is_refused_as_egress(url):
    with pytest.raises(EgressRefused):
        provider().check(api(base_url=url))


def test_a_base_url_is_checked_in_the_form_that_is_sent():
    HttpProvider(FakeClient(), Egress.parse(""), Limits(100, 200, 30)).check(
        api(base_url="https://h.example.com/a b/é")
    )
