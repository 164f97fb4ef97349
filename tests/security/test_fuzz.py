"""B19: schemathesis against our own OpenAPI file: no 500, no undocumented status, every answer as described, no open door."""

import json
import re
import subprocess
import sys

import pytest

from tests.security.house import open_house
from tests.security.routes import STREAM
from tests.support.coverage_floors import unmeasured

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,ignored_auth"
EXAMPLES = 12
SEED = 7


pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def fuzzed(request, stage, tmp_path_factory):
    """A server of its own, whose history belongs to the fuzzer alone, and what schemathesis said of it."""
    folder = tmp_path_factory.mktemp("fuzz")
    url = request.getfixturevalue("postgres").fresh_database() if request.param == "postgresql" else None
    with open_house(folder, stage, url) as house:
        house.tool("/fuzzed")
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{house.server.url}/openapi.json", "--checks", CHECKS, "--max-examples", str(EXAMPLES),
                   "--seed", str(SEED), "--header", f"Authorization: Bearer {house.key(name='fuzzer', role='admin').key}", "--generation-database", "none",
                   "--exclude-path", STREAM, "--request-timeout", "20", "--no-color"]  # fmt: skip
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, env=unmeasured(), timeout=300
        )
        yield house, done


def test_the_api_is_as_its_file_says(fuzzed):
    _, done = fuzzed

    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]


def test_the_fuzzer_was_let_in_and_saw_every_operation(fuzzed):
    house, done = fuzzed
    paths = house.client.call("GET", "/openapi.json").json["paths"]
    operations = sum(len(methods) for methods in paths.values())
    tested = re.search(r"(\d+) selected / (\d+) total", done.stdout)

    assert tested, done.stdout[-2_000:]
    assert int(tested[1]) + 1 == int(tested[2]) == operations
    assert STREAM in paths
    assert house.client.call("GET", "/api/v1/tools").status == 200


def test_no_fault_of_ours_is_in_the_log(fuzzed):
    house, _ = fuzzed

    assert "unexpected error" not in house.server.stderr
    assert "Traceback" not in house.server.stderr


def test_the_file_describes_every_refusal(house):
    document = house.client.call("GET", "/openapi.json").json
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/api/"):
                assert {"default"} <= operation["responses"].keys(), (method, path)
                assert "422" not in operation["responses"], (method, path)
    assert json.dumps(document).count("HTTPValidationError") == 0
