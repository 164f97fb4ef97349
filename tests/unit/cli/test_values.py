"""What a user types, read."""

import pytest

from toolcrib.cli.exits import Exit
from toolcrib.cli.refused import Refused
from toolcrib.cli.values import content, hint, subject, tool_input


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("n=3", 3),
        ("n=3.5", 3.5),
        ("n=true", True),
        ("n=null", None),
        ('n=["a", 1]', ["a", 1]),
        ('n="3"', "3"),
        ("n=oslo", "oslo"),
        ("n=007", "007"),
        ("n=a=b", "a=b"),
        ("n=", ""),
        ("n={broken", "{broken"),
        ("n=Infinity", "Infinity"),
    ],
)
def test_a_value_that_reads_as_json_is_json_and_anything_else_is_text(typed, value):
    assert tool_input(None, [typed]) == {"n": value}


def test_no_input_is_an_empty_object():
    assert tool_input(None, []) == {}


def test_a_whole_input_comes_from_a_file(tmp_path):
    (tmp_path / "in.json").write_text('{"a": [1, {"b": null}]}')
    assert tool_input(f"@{tmp_path / 'in.json'}", []) == {"a": [1, {"b": None}]}


@pytest.mark.parametrize("whole", ["[1]", "3", "{", "", '{"a": 1, "a": 2}', "{'a': 1}", "@/no/such/file"])
def test_what_is_no_json_object_is_a_usage_error(whole):
    with pytest.raises(Refused) as refused:
        tool_input(whole, [])
    assert refused.value.exit == Exit.USAGE


@pytest.mark.parametrize("fields", [["harbour"], ["=oslo"], [""]])
def test_a_field_without_a_name_is_a_usage_error(fields):
    with pytest.raises(Refused) as refused:
        tool_input(None, fields)
    assert refused.value.exit == Exit.USAGE


def test_a_whole_input_and_fields_do_not_mix():
    with pytest.raises(Refused, match="keep one"):
        tool_input("{}", ["a=1"])


def test_a_subject_is_its_type_and_its_id():
    assert subject("company:a:b") == {"type": "company", "id": "a:b"}
    assert subject(None) is None


@pytest.mark.parametrize("text", ["company", "company:", ":42", ":"])
def test_half_a_subject_is_a_usage_error(text):
    with pytest.raises(Refused, match="type:id"):
        subject(text)


def test_a_file_that_cannot_be_read_is_named():
    with pytest.raises(Refused, match="/no/such/file cannot be read: No such file"):
        content("/no/such/file")


def test_a_number_where_text_was_wanted_is_told_how_to_send_text():
    refused = Refused("VALIDATION_ERROR", "no", (("/zip", "must be text"),), "usual")
    assert "-i 'zip=" in (hint(refused, ["zip=12345"]).next_step or "")
    assert hint(refused, ["zip=oslo"]).next_step == "usual"
    assert hint(refused, ["other=1"]).next_step == "usual"


def test_a_dotted_name_is_told_how_to_write_json():
    refused = Refused("VALIDATION_ERROR", "no", (("/order.sku", "is not a declared property"),), "usual")
    told = hint(refused, ["order.sku=pen"]).next_step
    assert told == """write a field inside of another as JSON: -i 'order={"sku": "pen"}'"""
    assert hint(Refused("NO_STOCK", "no", (("sku", "3"),), "usual"), ["sku=3"]).next_step == "usual"
