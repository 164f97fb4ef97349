"""The strict JSON loader: what it takes, what it refuses, and that no bytes make it fail otherwise."""

import json
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.corpora import corpus
from toolcrib.kit.json import MAX_INTEGER, MAX_VALUES, MIN_INTEGER, JsonRefused, dumps, loads, loads_own

# The judgements of a published suite, by the first letter of a case; here in small for a lone clone.
OWN_CASES = {
    "y_array": b"[1, 2.5, -0, 1e2, true, false, null]",
    "y_escapes": rb'"\u00e9\ud834\udd1e\/\b"',
    "y_spaces": b' \t\r\n{"a" : [ ] } ',
    "y_empty_key": b'{"":0}',
    "y_long_number_in_string": b'"' + b"9" * 5_000 + b'e999"',
    "n_trailing_comma": b"[1,]",
    "n_single_quotes": b"['a']",
    "n_leading_zero": b"[012]",
    "n_bare_word": b"[nul]",
    "n_two_values": b"1 2",
    "n_unclosed": b'{"a":[1',
    "n_control_character": b'"a\nb"',
    "n_comment": b"[1 /* one */]",
    "n_deep": b"[" * 100_000,
    "i_huge": b"[123123e100000]",
}


def cases() -> dict[str, bytes]:
    folder = corpus("json-parsing")
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.json"))} if folder else OWN_CASES


def judged(letter: str) -> list:
    duplicated = "y_object_duplicated_key"
    return [
        pytest.param(text, id=name)
        for name, text in cases().items()
        if name.startswith(letter) and not name.startswith(duplicated)
    ]


@pytest.mark.parametrize("text", judged("y_"))
def test_valid_json_is_read_as_any_parser_reads_it(text: bytes):
    assert loads(text) == json.loads(text)


@pytest.mark.parametrize("text", judged("n_"))
def test_what_is_not_json_is_refused(text: bytes):
    with pytest.raises(JsonRefused):
        loads(text)


@pytest.mark.parametrize("text", judged("i_"))
def test_what_parsers_may_decide_is_refused_or_survives_being_written_back(text: bytes):
    try:
        value = loads(text)
    except JsonRefused:
        return
    assert orjson.loads(dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"secret":1,"secret":1}', "same key twice"),
        (rb'{"secret":1,"\u0073ecret":2}', "same key twice"),
        (b'[{"a":{"secret":1,"b":0,"secret":2}}]', "same key twice"),
        (b'{"a":NaN}', "not JSON"),
        (b"[-Infinity]", "not JSON"),
        (b"[Infinity]", "not JSON"),
        (b"[1e999]", "64-bit float"),
        (b"[-1E+999]", "64-bit float"),
        (b"1" * 400 + b".0", "64-bit float"),
        (b'{"a":[18446744073709551616]}', "64 bits"),
        (b"-9223372036854775809", "64 bits"),
        (b"9" * 5_000, "too large"),
        (rb'"\ud800"', "surrogate"),
        (rb'{"\udc00":1}', "surrogate"),
        (rb'"\udc00\ud800"', "surrogate"),
        (b'"\xff"', "UTF-8"),
        (b'{"\xed\xa0\x80":1}', "UTF-8"),
        (b'{"secret"', "ends too early"),
        (b"{} {}", "one value only"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_quotes_nothing(text: bytes, reason: str):
    with pytest.raises(JsonRefused) as refused:
        loads(text)
    assert reason in refused.value.reason
    assert "secret" not in refused.value.reason
    assert refused.value.__cause__ is None


def test_a_refusal_names_the_place():
    with pytest.raises(JsonRefused) as refused:
        loads(b'{\n  "a": tru }')
    assert "line 2 column" in refused.value.reason


@pytest.mark.parametrize("number", [MIN_INTEGER, MAX_INTEGER, 2**53 + 1, 0])
def test_integers_of_64_bits_come_through_exactly(number: int):
    assert loads(str(number).encode()) == number
    assert dumps(loads(str(number).encode())) == str(number).encode()


def test_large_and_small_floats_come_through():
    assert loads(b"[1.7976931348623157e308, 1e-400, 1E+100]") == [1.7976931348623157e308, 0.0, 1e100]


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_is_counted_in_objects_and_arrays(opening: bytes, closing: bytes):
    assert loads(opening * 64 + b"1" + closing * 64) is not None
    with pytest.raises(JsonRefused, match="64 levels"):
        loads(opening * 65 + b"1" + closing * 65)


def test_the_caller_may_ask_for_less_depth():
    assert loads(b"[[[]]]", max_depth=3) == [[[]]]
    with pytest.raises(JsonRefused, match="2 levels"):
        loads(b"[[[]]]", max_depth=2)


def test_many_shallow_brackets_are_not_depth():
    assert loads(b"[" + b"[]," * 500 + b'"[[[[[{{{{{"]') == [*([[]] * 500), "[[[[[{{{{{"]


def test_a_suspicious_text_in_a_string_is_only_text():
    text = b'{"id":"12345678901234567890","hex":"0e999","n":1}'
    assert loads(text) == {"id": "12345678901234567890", "hex": "0e999", "n": 1}


def test_a_large_number_is_found_at_any_depth():
    with pytest.raises(JsonRefused, match="64-bit float"):
        loads(b'{"a":' * 64 + b"1e999" + b"}" * 64)


def test_what_cannot_be_written_is_refused():
    for value in ("\ud800", {1: 2}, 2**64, {"a": object()}):
        with pytest.raises(JsonRefused, match="cannot be written"):
            dumps(value)  # type: ignore[arg-type]  # on purpose


def test_keys_keep_their_order():
    assert dumps(loads(b'{"b":1, "a":2}')) == b'{"b":1,"a":2}'


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(MIN_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)
FRAGMENTS = st.sampled_from(
    [
        b"[",
        b"]",
        b"{",
        b"}",
        b",",
        b":",
        b'"',
        b"\\",
        rb"\u",
        b"d800",
        b"1",
        b"9" * 20,
        b"e",
        b"E+",
        b"999",
        b"-",
        b".",
        b"0",
        b"null",
        b"true",
        b"NaN",
        b" ",
        b"\xff",
        b"\xef\xbb\xbf",
        b"a",
        b'"a":',
        rb"\ud83d",
    ]
)


@given(JSON_VALUES)
def test_every_json_value_survives_the_round_trip(value):
    assert loads(dumps(value)) == value
    assert loads(json.dumps(value, indent=1).encode()) == value


@given(st.binary(max_size=200) | st.lists(FRAGMENTS, max_size=40).map(b"".join))
def test_any_bytes_are_read_or_refused_and_what_is_read_can_be_written(data: bytes):
    try:
        value = loads(data)
    except JsonRefused:
        return
    assert loads(dumps(value)) == value


def test_the_published_suite_is_whole_where_it_is_present():
    folder: Path | None = corpus("json-parsing")
    assert len(cases()) == (318 if folder else len(OWN_CASES))
    assert {name[:2] for name in cases()} == {"y_", "n_", "i_"}


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"[]," * 10_000_000 + b"[]]",
        b"[" + b"0," * (MAX_VALUES + 1) + b"0]",
        b"[" + rb'"\\\"",' * (MAX_VALUES + 1) + b'""]',
        b"[" + b'"",' * 3_000_000 + b'""]',
        b'{"a":[' + b"{}," * MAX_VALUES + b"{}]}",
    ],
    ids=["arrays", "numbers", "strings", "empty-strings", "objects"],
)
def test_too_many_values_are_refused_before_one_is_built(text: bytes):
    with pytest.raises(JsonRefused) as refused:
        loads(text)
    assert "more than 500,000 values" in refused.value.reason


def test_as_many_values_as_are_allowed_are_read():
    assert len(loads(b"[" + b"1," * (MAX_VALUES - 1) + b"1]")) == MAX_VALUES  # type: ignore[arg-type]  # a list
    assert len(loads(b'{"":' + b"[" * 1 + b'"x",' * (MAX_VALUES - 3) + b'"x"]}')[""]) == MAX_VALUES - 2  # type: ignore[index,arg-type,call-overload]  # as above


@pytest.mark.parametrize("text", [b"[{,", rb"\\[", rb"\"[{,", b"\\\\"])
def test_what_stands_in_a_string_is_no_value(text: bytes):
    whole = b'["' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') * (MAX_VALUES // 2) + b'"]'
    assert loads(whole) == [text.decode() * (MAX_VALUES // 2)]


@pytest.mark.parametrize("number", [b"99999999999999999999", b"-9223372036854775809", b"1e999", b"-1E0400"])
@pytest.mark.parametrize("beside", [b"1", b'"%b"' % (b"a" * 10_000)])
def test_a_number_out_of_range_is_refused_beside_much_text_and_beside_little(number: bytes, beside: bytes):
    assert loads(b'[%b, {"a": 1e2}]' % beside)
    with pytest.raises(JsonRefused, match=r"An integer|A number"):
        loads(b'[%b, {"a": %b}]' % (beside, number))


def test_what_the_house_wrote_is_read_without_bounds():
    assert loads_own(b"[" * 200 + b"]" * 200)
    assert len(loads_own(b"[" + b"0," * (MAX_VALUES + 1) + b"0]")) == MAX_VALUES + 2  # type: ignore[arg-type]  # a list
