"""What must hold of a report of `whole.py`. Each rule answers its faults, in a few words each; none is what all want."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from tests.security.egress.world import CONTROL_EVERY

Report = dict[str, Any]
Result = dict[str, Any]
LITERAL = ("literals", "schemes")
KEPT_OR_NOT = {"saved", "denied", "invalid"}
NOTHING_SENT = {"200", "denied", "invalid"}
LEAST = {
    "literals": 120, "dns": 25, "redirects": 40, "parsers": 25, "schemes": 12, "injections": 30, "second": 25, "environments": 4, "self": 8,
    "reuse": 6,
}  # fmt: skip
FAMILIES = {
    "urls": ("literals", "dns", "redirects", "parsers", "schemes", "reuse", "corpus"), "allowed": ("self",), "arguments": ("injections",), "second": ("second",),
    "environments": ("environments",),
}  # fmt: skip
NO_CASES = frozenset({"control", "stray", "opened", "states"})
MOST_MILLISECONDS = 20


def every_canary_hears_who_calls_it(report: Report) -> Iterator[str]:
    yield from (f"{canary} kept silent" for canary in report["silent"])


def no_canary_is_called(report: Report) -> Iterator[str]:
    if report["accepts"]:
        yield f"{report['accepts']} accepts: {report['canaries']}"


def no_other_connection_is_even_tried(report: Report) -> Iterator[str]:
    yield from (told(one) for one in of(report, "count") if one["outcome"] != "0")


def no_reply_holds_what_a_canary_says(report: Report) -> Iterator[str]:
    yield from (told(one) for one in report["results"] if one["canary"])


def honest_calls_arrive_all_along(report: Report) -> Iterator[str]:
    for one in report["results"]:
        if one["family"] == "control" and one["outcome"] not in {"saved", "200"}:
            yield told(one)
        if one["family"] == "control" and one["kind"] in {"call", "fetch", "jwks"} and len(one["heard"]) != 1:
            yield f"{told(one)}: the upstream heard {len(one['heard'])} requests"


def every_tenth_case_is_an_honest_one(report: Report) -> Iterator[str]:
    for part in {one["part"] for one in report["results"]} - {"opened"}:
        results = [
            one for one in report["results"] if one["part"] == part and one["kind"] not in {"count", "times"}
        ]
        hostile = {(one["family"], one["case"]) for one in results if one["family"] != "control"}
        honest = Counter(one["entry"] for one in results if one["family"] == "control")
        if (CONTROL_EVERY - 1) * max(honest.values(), default=0) < len(hostile):
            yield f"{part}: {honest} for {len(hostile)} cases"


def every_call_ends_as_it_must(report: Report) -> Iterator[str]:
    for one in of(report, "call", "fetch", "jwks", "surroundings"):
        if one["outcome"] not in one["expected"]:
            yield told(one)


def what_is_spelt_out_is_refused_when_it_is_saved(report: Report) -> Iterator[str]:
    for one in of(report, "save"):
        literal = one["family"] in LITERAL or one["expected"] == ["invalid"]
        if one["outcome"] not in KEPT_OR_NOT or (literal and one["outcome"] == "saved"):
            yield told(one)


def a_test_of_a_tool_sends_nothing(report: Report) -> Iterator[str]:
    for one in of(report, "test"):
        if one["heard"] or one["outcome"] not in NOTHING_SENT:
            yield told(one)


def a_refusal_is_the_same_whatever_stands_there(report: Report) -> Iterator[str]:
    bodies = Counter(json.dumps(one["error"], sort_keys=True) for one in report["results"] if one["outcome"] == "denied" and one["error"])  # fmt: skip
    yield from (f"{count} times {body}" for body, count in bodies.items() if len(bodies) > 1)
    yield from (body for body in bodies if any(character.isdigit() for character in body))


def every_refused_execution_is_in_the_ledger(report: Report) -> Iterator[str]:
    for one in of(report, "call", "fetch"):
        code = one["error"]["code"] if one["error"] else None
        if one["row"] != ["failed" if code else "succeeded", code]:
            yield f"{told(one)}: {one['row']}"


def a_request_stays_with_its_host_and_path(report: Report) -> Iterator[str]:
    for one in report["results"]:
        if one["family"] != "injections":
            continue
        if len(one["heard"]) > 1:
            yield f"{told(one)}: {len(one['heard'])} requests"
        yield from (f"{told(one)}: {head!r}" for head in one["heard"] if not _stayed(head, one["entry"]))


def no_answer_is_a_failure_of_ours(report: Report) -> Iterator[str]:
    for one in report["results"]:
        inside = one["error"] and one["error"]["code"] in {"INTERNAL_ERROR", "UNAVAILABLE"}
        if one["status"] in {500, 503} or inside:
            yield told(one)


def the_time_of_a_refusal_tells_nothing(report: Report) -> Iterator[str]:
    for one in of(report, "times"):
        if float(one["outcome"]) >= MOST_MILLISECONDS:
            yield f"{one['case']} are {one['outcome']} ms apart"


RULES: tuple[Callable[[Report], Iterator[str]], ...] = (
    every_canary_hears_who_calls_it, no_canary_is_called, no_other_connection_is_even_tried, no_reply_holds_what_a_canary_says,
    honest_calls_arrive_all_along, every_tenth_case_is_an_honest_one, every_call_ends_as_it_must,
    what_is_spelt_out_is_refused_when_it_is_saved, a_test_of_a_tool_sends_nothing, a_refusal_is_the_same_whatever_stands_there,
    every_refused_execution_is_in_the_ledger, a_request_stays_with_its_host_and_path, no_answer_is_a_failure_of_ours,
    the_time_of_a_refusal_tells_nothing,
)  # fmt: skip


def sizes(report: Report) -> Counter[str]:
    """How many cases of each family there were."""
    return Counter(family for family, _ in {(one["family"], one["case"]) for one in report["results"]})


def of(report: Report, *kinds: str) -> Iterator[Result]:
    return (one for one in report["results"] if one["kind"] in kinds)


def told(one: Result) -> str:
    """A result in a line."""
    wanted = "|".join(one["expected"])
    return f"{one['part']}: {one['entry']}, {one['family']} {one['case']!r}: {one['status']} {one['outcome']}, not {wanted}"


def _stayed(head: str, entry: str) -> bool:
    line, _, rest = head.partition("\r\n")
    hosts = [
        field.partition(":")[2].strip() for field in rest.split("\r\n") if field.lower().startswith("host:")
    ]
    return hosts == ["public.lab"] and ("argument" not in entry or line.split()[1].startswith("/args"))
