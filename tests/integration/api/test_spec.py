"""The OpenAPI file in the repository says what the code does."""

import json
import re

import pytest
from scripts.spec import PATH, spec

SHORT = re.compile(r"[a-z]+(_[a-z]+){0,3}\Z")


@pytest.fixture(scope="module")
def document():
    return json.loads(PATH.read_text("utf-8"))


def operations(document):
    return {(method, path): one for path, found in document["paths"].items() for method, one in found.items()}


def test_the_file_is_as_the_code_would_write_it():
    assert PATH.read_text("utf-8") == spec(), "run: make spec"


def test_operations_have_short_names_of_their_own(document):
    names = [one["operationId"] for one in operations(document).values()]
    assert [name for name in names if not SHORT.match(name)] == []
    assert len(set(names)) == len(names)
    assert {
        "list_tools",
        "register_tool",
        "execute_tool",
        "update_tool",
        "get_execution",
        "root_health",
    } <= set(names)


def test_every_operation_tells_its_errors(document):
    without = [
        at for at, one in operations(document).items()
        if at[1].startswith("/api/") and "ErrorAnswer" not in json.dumps(one["responses"].get("default", {}))
    ]  # fmt: skip
    assert without == []


def test_every_query_parameter_is_described(document):
    bare = {
        parameter["name"]
        for one in operations(document).values()
        for parameter in one.get("parameters", ())
        if parameter["in"] == "query" and "description" not in parameter
    }
    assert bare == set()


def test_a_config_is_told_from_the_contract_and_open_to_older_shapes(document):
    config = document["components"]["schemas"]["ToolConfig"]
    assert {"name", "input_schema", "api", "mapping", "impact"} <= config["properties"].keys()
    assert (config["additionalProperties"], "required" in config) == (True, False)
    for path, method in (("/api/v1/tools", "post"), ("/api/v1/tools/{tool}", "put")):
        body = document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": "#/components/schemas/ToolConfig"}
