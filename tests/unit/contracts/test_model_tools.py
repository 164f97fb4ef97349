"""A contract as models see it."""

import time

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


def best_of(runs, work, times=200):
    spent = []
    for _ in range(runs):
        began = time.perf_counter()
        for _ in range(times):
            work()
        spent.append((time.perf_counter() - began) / times)
    return min(spent)


def test_a_conversion_costs_a_tenth_of_a_millisecond_at_most_and_a_parse_two():
    assert best_of(5, lambda: function_tool(CONTRACT)) < 0.0001
    assert best_of(5, lambda: parse_contract(CONTRACT)) < 0.0002
