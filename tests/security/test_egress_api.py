"""B1 at the API: no tool that is saved or called makes the server reach an address it must not, and honest ones arrive."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.security.egress.test_lab import NEEDED
from tests.support.corpora import corpus
from tests.support.coverage_floors import unmeasured

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.fail(NEEDED)
    flags = ["--net", "--mount"] if os.geteuid() == 0 else ["--net", "--mount", "--map-root-user"]
    if subprocess.run(["unshare", *flags, "true"], check=False).returncode:
        pytest.fail(NEEDED)
    program = [sys.executable, "-m", "tests.security.lab_api", str(tmp_path_factory.mktemp("lab-api"))]
    given = os.environ.get("PYTHONPATH", str(ROOT / "src"))
    environment = unmeasured() | {"PYTHONPATH": os.pathsep.join([given, str(ROOT)])}
    done = subprocess.run(
        ["unshare", *flags, *program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def of(results: list[dict[str, Any]], *families: str) -> list[dict[str, Any]]:
    return [result for result in results if result["family"] in families]


def test_every_canary_hears_who_calls_it(report):
    assert report["silent"] == []


def test_no_canary_is_called(report):
    assert report["accepts"] == 0, report["canaries"]


def test_no_other_connection_is_even_tried(report):
    assert report["stray"] == 0


def test_honest_calls_arrive_all_along(report):
    for results in (report["results"], report["stored"]):
        controls = of(results, "control")
        assert {(control["saved"], control["called"]) for control in controls} == {
            (201, 502)
        }  # "honest" is no JSON
        assert {control["error"]["details"]["reason"] for control in controls} == {"invalid_json"}
        assert len(controls) >= len(results) // 10
    assert report["upstream"] > 0


def test_no_family_is_missing(report):
    least = {"literals": 200, "parsers": 25, "schemes": 12, "dns": 90, "redirects": 35, "ports": 24} | (
        {"corpus": 60} if corpus("security") else {}
    )
    sizes = Counter(result["family"] for result in report["results"])

    assert {family: sizes[family] for family, size in least.items() if sizes[family] < size} == {}


def test_what_is_spelt_out_is_refused_when_it_is_saved(report):
    saved = [
        result["url"]
        for result in of(report["results"], "literals", "schemes")
        if result["saved"] not in {400, 403}
    ]
    assert saved == []
    codes = {
        result["refused"]["code"]
        for result in of(report["results"], "literals", "schemes", "parsers", "corpus")
        if result["refused"]
    }
    assert codes == {"VALIDATION_ERROR", "EGRESS_DENIED"}


def test_what_a_name_hides_is_refused_when_it_is_called(report):
    for result in of(report["results"], "dns", "ports"):
        if result["saved"] == 201 and not any(name in result["url"] for name in ("flip", "nowhere")):
            assert (result["called"], result["error"]["code"]) == (403, "EGRESS_DENIED"), result
            assert result["row"] == ["failed", "EGRESS_DENIED"], result


def test_what_was_stored_by_a_laxer_server_is_refused_when_it_is_called(report):
    for result in of(report["stored"], "literals", "schemes", "ports", "dns"):
        if not any(name in result["url"] for name in ("flip", "nowhere")):
            assert (result["called"], result["error"]["code"]) == (403, "EGRESS_DENIED"), result
            assert result["row"] == ["failed", "EGRESS_DENIED"], result


def test_no_case_is_a_failure_of_ours(report):
    for result in (*report["results"], *report["self"]):
        for status in (result["saved"], result["called"]):
            assert status in {None, 200, 201, 400, 403, 502, 504}, result


def test_every_call_is_in_the_ledger_with_its_end(report):
    for result in (*report["results"], *report["stored"], *report["self"]):
        if result["called"] is not None:
            assert result["row"][0] in {"succeeded", "failed", "denied"}, result
            assert result["row"][1] == (result["error"] or {"code": None})["code"], result


def test_a_redirect_is_not_followed(report):
    for result in of(report["results"], "redirects"):
        assert (result["saved"], result["called"]) == (201, 502), result
        assert result["error"]["details"]["reason"] == "redirect", result


def test_a_refusal_tells_nothing_of_what_is_there(report):
    called = [
        result["error"] for result in (*report["results"], *report["stored"]) if result["called"] == 403
    ]
    saved = [result["refused"] for result in report["results"] if result["saved"] == 403]

    assert len(called) > 300
    assert len({json.dumps(error, sort_keys=True) for error in (*called, *saved)}) == 1, {
        error["message"] for error in (*called, *saved)
    }
    assert not any(character.isdigit() for character in called[0]["message"])


def test_the_time_of_a_refusal_tells_nothing_of_what_is_there(report):
    stored = [result for result in of(report["stored"], "ports") if "10.9.8.7" in result["url"]]
    listening = [result["ms"] for result in stored if not result["url"].endswith((":9/", ":65535/"))]
    closed = [result["ms"] for result in stored if result["url"].endswith((":9/", ":65535/"))]

    assert abs(min(listening) - min(closed)) < 20  # the quickest: a busy machine makes others late


def test_toolcribs_own_port_is_closed_even_where_loopback_is_allowed(report):
    for result in of(report["self"], "self"):
        refused = result["refused"] or result["error"]
        assert refused["code"] == "EGRESS_DENIED", result

    assert report["allowed"] == 1, "what the operator allows must be reached"
