"""What a refusal says to do next, and what of its details people see."""

import pytest

from toolcrib.cli.refused import from_error, tell


def refusal(of, said="It cannot be.", **details):
    return from_error({"code": of, "message": said, "details": details})


@pytest.mark.parametrize(
    ("details", "step"),
    [
        ({"reason": "breaking", "version": "2.0.0"}, "send it as version 2.0.0 if it is meant, or put back what callers rely on"),
        ({"reason": "version_not_higher", "version": "1.4.0"}, "write a version above 1.4.0 into the config, or leave it out"),
        ({"reason": "bump_too_small", "version": "1.5.0"}, "write version 1.5.0 into the config, or leave it out"),
        ({"reason": "alias_taken", "name": "a.b"}, "choose another alias; toolcrib tools show a.b shows whose it is"),
        ({"reason": "name_taken", "name": "a.b"}, "choose another name, or use what is there"),
    ],
    ids=lambda value: value.get("reason", "") if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_clash_says_what_its_reason_asks_for(details, step):
    assert refusal("CONFLICT", **details).next_step == step


def test_a_message_points_to_no_details_that_are_listed_below_it():
    fault = {"path": "/n", "message": "is no number"}
    assert (
        refusal("VALIDATION_ERROR", "It does not fit; see details.errors.", errors=[fault]).message
        == "It does not fit."
    )
    told = "It breaks; see details.breaking. Send it as 2."
    assert refusal("CONFLICT", told, breaking=[fault]).message == "It breaks. Send it as 2."
    assert refusal("VALIDATION_ERROR", "It does not fit; see details.errors.").message.endswith("see details.errors.")  # fmt: skip


def test_a_call_that_failed_inside_another_is_pointed_to_with_what_it_said(capsys):
    told = refusal(
        "UPSTREAM_ERROR", tool="shop.price", code="NO_PRICE", execution_id="exe_1", message="No price."
    )
    tell(told)
    assert capsys.readouterr().err.splitlines()[1:] == [
        "  shop.price: No price.",
        "next: toolcrib executions show exe_1",
    ]


def test_an_error_of_the_tools_own_is_told_with_its_details(capsys):
    tell(refusal("NO_STOCK", "Sold out.", sku="pen", left=[1, None], why={"a": "ü"}, long="x" * 300))
    *told, cut = capsys.readouterr().err.splitlines()
    assert told == ["error: NO_STOCK Sold out.", "  sku: pen", "  left: [1, null]", '  why: {"a": "ü"}']
    assert len(cut) < 220
    assert refusal("UPSTREAM_ERROR", status=401).faults == ()


def test_a_key_in_use_still_says_to_ask_again():
    assert "ask again in a second" in str(
        refusal("CONFLICT", reason="in_progress", execution_id="exe_1").next_step
    )
