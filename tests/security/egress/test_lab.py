"""SSRF: in a network namespace that plays the Internet, no hostile URL reaches a canary, and honest ones arrive."""

import os
from collections import Counter
from typing import Any

import pytest

from tests.security.egress.namespace import run_in_namespace


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_in_namespace("tests.security.egress.lab", str(tmp_path_factory.mktemp("lab")))


def of(report: dict[str, Any], *families: str) -> list[dict[str, Any]]:
    return [result for result in report["results"] if result["family"] in families]


def test_every_canary_hears_who_calls_it(report):
    assert report["silent"] == []


def test_no_canary_is_called(report):
    assert report["accepts"] == 0, report["canaries"]


def test_no_other_connection_is_even_tried(report):
    assert report["opens"] == report["upstream"] > 0


def test_every_case_ends_as_it_must(report):
    assert [result for result in report["results"] if result["outcome"] not in result["expected"]] == []


def test_honest_calls_arrive_all_along(report):
    controls = of(report, "control")

    assert {result["text"] for result in controls} == {'"honest"'}
    assert len(controls) >= len(report["results"]) // 10


def test_no_family_is_missing(report):
    sizes = Counter(result["family"] for result in report["results"])
    least = {"literals": 120, "dns": 25, "redirects": 40, "parsers": 25, "schemes": 12, "self": 8, "reuse": 6}
    borrowed = {"corpus": 60} if os.environ.get("TOOLCRIB_CORPORA") else {}

    assert {
        family: sizes[family] for family, size in (least | borrowed).items() if sizes[family] < size
    } == {}


def test_literals_and_tricks_are_refused_when_they_are_saved(report):
    assert [result["url"] for result in of(report, "literals", "schemes") if result["saved"]] == []


def test_a_refusal_does_not_tell_what_is_there(report):
    denied = [result for result in of(report, "literals", "dns", "self") if result["outcome"] == "denied"]
    texts = {
        result["text"]
        for result in denied
        if result["url"].startswith(("https://1", "http://1")) or result["family"] == "dns"
    }

    assert not any(character.isdigit() for text in texts for character in text)
