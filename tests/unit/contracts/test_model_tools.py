"""A contract as models see it."""

from tests.support.costs import calls_made
from toolcrib.contracts.contract import parse_contract
from toolcrib.contracts.model_tools import function_tool, told_to_models

SCHEMA = {"type": "object", "properties": {"harbour": {"type": "string"}}, "additionalProperties": False}
CONTRACT = {
    "name": "tides.next",
    "description": "Next high tide.",
    "input_schema": SCHEMA,
    "api": {"base_url": "https://tides.example", "auth": {"method": "bearer", "secret_ref": "${TIDE_KEY}"}},
}


def test_a_model_sees_wire_name_description_and_schema_and_nothing_else():
    assert function_tool(CONTRACT) == {
        "type": "function",
        "name": "tides__next",
        "description": "Next high tide.",
        "parameters": SCHEMA,
        "strict": False,
    }


def test_a_deprecated_tool_says_so_and_names_the_next_one_as_models_know_it():
    ending = {"since": "1.3.0", "sunset": "2027-03-01", "use": "tides.forecast"}
    assert told_to_models(CONTRACT | {"deprecated": ending}) == (
        "Next high tide.\n\nDeprecated. Use tides__forecast instead."
    )
    assert told_to_models(CONTRACT | {"deprecated": {"since": "1.3.0"}}).endswith("\n\nDeprecated.")


def test_a_conversion_and_a_parse_cost_few_calls():
    assert calls_made(lambda: function_tool(CONTRACT)) < 200
    assert calls_made(lambda: parse_contract(CONTRACT)) < 400
