"""A mapping names inputs that exist, places that are free and may be set, and paths that can be read."""

import pytest

from tests.unit.providers.http.fakes import contract, faults


def mapped(*inputs, method="GET", **mapping):
    return contract(*(inputs or ("a", "b")), api={"method": method}, mapping=mapping)


@pytest.mark.parametrize("group", ["input_to_params", "input_to_headers", "input_to_body"])
def test_a_mapping_of_an_input_that_does_not_exist_is_refused(group):
    assert faults(mapped(method="POST", **{group: {"c": "x"}})).keys() == {f"/mapping/{group}/c"}


def test_a_mapping_is_free_where_the_schema_declares_no_properties():
    assert faults(contract(mapping={"input_to_params": {"anything": "x"}})) == {}


def test_an_input_behind_a_schema_with_an_address_exists():
    part = {"$id": "http://x/part", "$ref": "#/$defs/in", "$defs": {"in": {"properties": {"c": {}}}}}
    schema = {
        "type": "object",
        "properties": {"a": {}},
        "$ref": "http://x/part",
        "$defs": {"in": {}, "p": part},
    }
    mapping = {"input_to_params": {"a": "a", "c": "c"}}
    assert faults(contract(input_schema=schema, mapping=mapping)) == {}
    wrong = {"input_to_params": {"b": "b"}}
    assert faults(contract(input_schema=schema, mapping=wrong)).keys() == {"/mapping/input_to_params/b"}


@pytest.mark.parametrize("group", ["input_to_params", "input_to_headers", "input_to_body"])
def test_two_inputs_for_one_place_are_refused(group):
    assert f"/mapping/{group}/b" in faults(mapped(method="POST", **{group: {"a": "x", "b": "x"}}))


def test_parameters_that_differ_in_case_are_two_and_headers_are_one():
    assert faults(mapped(input_to_params={"a": "x", "b": "X"})) == {}
    assert "/mapping/input_to_headers/b" in faults(mapped(input_to_headers={"a": "X-A", "b": "x-a"}))


@pytest.mark.parametrize("group", ["input_to_params", "input_to_headers", "input_to_body"])
def test_an_empty_place_is_refused(group):
    assert f"/mapping/{group}/a" in faults(mapped(method="POST", **{group: {"a": ""}}))


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_body_for_a_method_without_one_is_refused(method):
    assert "/mapping/input_to_body" in faults(mapped(method=method, input_to_body={"a": "a"}))


def test_a_place_in_the_body_inside_anothers_is_refused():
    assert "/mapping/input_to_body/b" in faults(mapped(method="POST", input_to_body={"a": "/x", "b": "/x/y"}))


@pytest.mark.parametrize("place", ["/a~2", "/a" * 65])
def test_a_place_in_the_body_that_cannot_be_read_is_refused(place):
    assert "/mapping/input_to_body/a" in faults(mapped(method="POST", input_to_body={"a": place}))


@pytest.mark.parametrize("name", ["Authorization", "authorization", "Content-Type", "X-KEY"])
def test_an_input_never_sets_what_proves_or_frames_the_request(name):
    auth = {"method": "api_key_header", "key_name": "X-Key", "secret_ref": "${KEY}"}
    of = contract("a", api={"auth": auth}, mapping={"input_to_headers": {"a": name}})
    assert "/mapping/input_to_headers/a" in faults(of)


def test_an_input_never_takes_the_place_of_a_secret():
    changes = {"headers": {"X-A": "${A}"}, "params": {"p": "${B}"}}
    of = contract(
        "a", "b", api=changes, mapping={"input_to_headers": {"a": "x-a"}, "input_to_params": {"b": "p"}}
    )
    assert faults(of).keys() == {"/mapping/input_to_headers/a", "/mapping/input_to_params/b"}


def test_an_input_never_sets_the_auth_parameter():
    auth = {"method": "api_key_query", "secret_ref": "${KEY}"}
    assert "/mapping/input_to_params/a" in faults(
        contract("a", api={"auth": auth}, mapping={"input_to_params": {"a": "apikey"}})
    )
    assert "/input_schema/properties/apikey" in faults(contract("apikey", api={"auth": auth}))


def test_response_paths_are_read_at_registration():
    found = faults(
        mapped(response_path=["a"] * 64, response_to_output={"x": "/~", "y": ["a", -1], "z": "a.b"})
    )
    assert found.keys() == {"/mapping/response_to_output/x", "/mapping/response_to_output/y"}


def test_response_paths_have_a_limit_in_all():
    long = {str(i): ".".join(["a"] * 64) for i in range(33)}
    assert "/mapping/response_to_output" in faults(mapped(response_to_output=long))
