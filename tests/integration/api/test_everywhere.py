"""What holds on every route: one form for errors, two prefixes, no route without a credential, an OpenAPI file that knows all."""

import json

import pytest

from tests.support.door import Door
from tests.support.fakes import refusing
from toolcrib.api import ApiOptions, create_app
from toolcrib.api.errors import Quiet
from toolcrib.kit.db import DatabaseUnavailable

OPEN = {"/health", "/health/ready", "/api/v1/health", "/api/v1/health/ready"}
ROUTES = {
    ("get", "/api/v1/tools"), ("post", "/api/v1/tools"), ("get", "/api/v1/tools/{tool}"),
    ("post", "/api/v1/tools/{tool}/validate"), ("post", "/api/v1/tools/{tool}/execute"),
    ("put", "/api/v1/tools/{tool}"), ("delete", "/api/v1/tools/{tool}"), ("get", "/api/v1/tools/{tool}/versions"),
    ("get", "/api/v1/tools/saved"), ("post", "/api/v1/tools/saved"), ("put", "/api/v1/tools/saved/{tool}"),
    ("delete", "/api/v1/tools/saved/{tool}"), ("delete", "/api/v1/tools/{tool}/enablement"),
    ("get", "/api/v1/tools/{tool}/enablement"), ("put", "/api/v1/tools/{tool}/enablement"),
    ("get", "/api/v1/tools/executions"), ("get", "/api/v1/tools/executions/{execution_id}"),
    ("get", "/api/v1/tools/executions/{execution_id}/events"), ("get", "/api/v1/tools/executions/{execution_id}/result"),
    ("post", "/api/v1/tools/executions/{execution_id}/cancel"), ("get", "/api/v1/audit"), ("get", "/api/v1/security/log"), ("get", "/api/v1/events"),
    ("get", "/api/v1/secrets"), ("post", "/api/v1/secrets"), ("delete", "/api/v1/secrets/{name}"),
    ("get", "/api/v1/keys"), ("post", "/api/v1/keys"), ("delete", "/api/v1/keys/{key_id}"), ("get", "/api/v1/packs"),
    ("post", "/api/v1/keys/{key_id}/rotate"), ("get", "/api/v1/tools/{tool}/explain"), ("get", "/api/v1/me"),
    ("get", "/api/v1/workspaces"), ("post", "/api/v1/workspaces"), ("get", "/api/v1/workspaces/{workspace}"),
    ("put", "/api/v1/workspaces/{workspace}"), ("post", "/api/v1/workspaces/{workspace}/suspend"),
    ("post", "/api/v1/workspaces/{workspace}/resume"), ("get", "/api/v1/workspaces/{workspace}/members"),
    ("post", "/api/v1/workspaces/{workspace}/members"), ("put", "/api/v1/workspaces/{workspace}/members/{member}"),
    ("delete", "/api/v1/workspaces/{workspace}/members/{member}"), ("get", "/api/v1/workspaces/{workspace}/invitations"),
    ("post", "/api/v1/workspaces/{workspace}/invitations"), ("post", "/api/v1/invitations/accept"),
    ("delete", "/api/v1/workspaces/{workspace}/invitations/{invitation}"), ("get", "/api/v1/workspaces/{workspace}/grants"),
    ("post", "/api/v1/workspaces/{workspace}/grants"), ("delete", "/api/v1/workspaces/{workspace}/grants/{grant}"),
    ("post", "/api/v1/secrets/rotate"), ("get", "/api/v1/secrets/rotation"), ("get", "/api/v1/secrets/{name}/uses"),
    ("get", "/api/v1/suspensions"), ("post", "/api/v1/suspensions"), ("delete", "/api/v1/suspensions/{kind}/{name}"),
    ("get", "/api/v1/workspaces/{workspace}/hosts"), ("put", "/api/v1/workspaces/{workspace}/hosts"),
    ("get", "/api/v1/workspaces/{workspace}/limits"), ("put", "/api/v1/workspaces/{workspace}/limits/{kind}/{name}"),
    ("get", "/api/v1/approvals"), ("get", "/api/v1/approvals/{approval}"), ("post", "/api/v1/approvals/{approval}/approve"),
    ("post", "/api/v1/approvals/{approval}/deny"), ("get", "/api/v1/approval-rules"),
    ("put", "/api/v1/approval-rules/{name}"), ("delete", "/api/v1/approval-rules/{name}"),
    ("delete", "/api/v1/workspaces/{workspace}/limits/{kind}/{name}"), *(("get", path) for path in OPEN),
}  # fmt: skip


@pytest.fixture
async def document(sqlite_door):
    return (await sqlite_door.as_("")("GET", "/openapi.json")).json


def operations(document):
    return {
        (method, path): what
        for path, methods in document["paths"].items()
        for method, what in methods.items()
    }


async def test_the_openapi_file_contains_every_route(document):
    assert set(operations(document)) == ROUTES


async def test_every_route_has_its_documented_errors(document):
    for place, operation in operations(document).items():
        if place[1] not in {"/health", "/health/ready"}:
            assert "default" in operation["responses"], place
            assert "ErrorAnswer" in json.dumps(operation["responses"]["default"]), place


async def test_no_route_documents_a_status_that_the_table_does_not_have(document):
    for place, operation in operations(document).items():
        assert "422" not in operation["responses"], place


async def test_every_reference_of_the_openapi_file_leads_somewhere(document):
    refs = {part.split('"')[0] for part in json.dumps(document).split('"$ref": "')[1:]}
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert refs <= known
    assert {
        "#/components/schemas/ExecuteBody",
        "#/components/schemas/ExecuteAnswer",
        "#/components/schemas/ErrorAnswer",
    } <= refs


async def test_the_openapi_file_names_the_bearer_scheme_and_unique_operations(document):
    assert document["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(names) == len(set(names))


async def test_the_openapi_file_is_made_once_and_is_the_same_bytes(sqlite_door):
    one, two = await sqlite_door("GET", "/openapi.json"), await sqlite_door("GET", "/openapi.json")
    assert one.body == two.body


async def test_the_pages_of_the_api_can_be_hidden(sqlite_rig):
    door = Door(create_app(sqlite_rig.gateway, ApiOptions(docs=False)), sqlite_rig.owner_key)
    for path in ("/", "/openapi.json", "/docs", "/docs/start.js", "/docs/swagger-ui.css"):
        assert (await door("GET", path)).status == 404


@pytest.mark.parametrize(("method", "path"), sorted(place for place in ROUTES if place[1] not in OPEN))
async def test_no_route_answers_without_a_credential(sqlite_door, method, path):
    body = {"POST": {}, "PUT": {"enabled": True}}.get(method.upper())
    if path.endswith(("/secrets", "/keys")) and body is not None:
        body = {"name": "K", "value": "v"} if path.endswith("/secrets") else {"name": "k"}
    for key in ("", "tcb_x", "x" * 300):
        status, headers, answer = await sqlite_door.as_(key)(method.upper(), path, body)
        assert (status, answer["error"]["code"], headers["www-authenticate"]) == (
            401,
            "UNAUTHORIZED",
            "Bearer",
        )


@pytest.mark.parametrize("path", ["/tools", "/tools/executions", "/secrets", "/keys", "/health"])
async def test_the_same_routes_answer_under_both_prefixes(sqlite_rig, sqlite_door, path):
    await sqlite_rig.register()
    one, other = await sqlite_door("GET", "/api/v1" + path), await sqlite_door("GET", "/api" + path)
    assert (one.status, other.status) == (200, 200)
    if path != "/health":
        assert one.body == other.body


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/api/v1/nowhere", 404), ("GET", "/api/nowhere", 404), ("PATCH", "/api/v1/tools", 405), ("GET", "/api/v1/tools/", 404)])  # fmt: skip
async def test_what_is_no_route_is_told_in_the_one_form(sqlite_door, method, path, status):
    found = await sqlite_door(method, path)
    assert found.status == status
    assert set(found.json["error"]) == {"code", "message", "details", "retryable"}


async def test_a_fault_of_ours_is_an_id_and_nothing_else(sqlite_rig, sqlite_door, capsys):
    sqlite_rig.tap.before.append(refusing(RuntimeError("hunter2")))
    answer = await sqlite_door("POST", "/api/v1/secrets", {"name": "K", "value": "v"})
    assert (answer.status, answer.json["error"]["code"]) == (500, "INTERNAL_ERROR")
    logged = capsys.readouterr().err
    assert "unexpected error" in logged
    assert "hunter2" not in logged


async def test_a_body_over_a_megabyte_is_refused(sqlite_door):
    status, _, answer = await sqlite_door("POST", "/api/v1/secrets", {"name": "K", "value": "x" * 1_000_001})
    assert status == 400
    assert "larger than 1000000 bytes" in answer["error"]["message"]


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"]
)
async def test_a_body_is_json_whatever_its_type_says(sqlite_door, kind):
    answer = await sqlite_door(
        "POST", "/api/v1/secrets", {"name": "K", "value": "s3cr3t-value"}, headers={"content-type": kind}
    )
    assert answer.status == 201


async def test_no_fault_quotes_what_was_sent(sqlite_door):
    answer = await sqlite_door("POST", "/api/v1/secrets", {"name": "bad name", "value": ["s3cr3t-value"]})
    assert answer.status == 400
    assert b"s3cr3t" not in answer.body


async def test_health_tells_whether_the_database_answers(rig, door):
    status, _, answer = await door.as_("")("GET", "/health")
    assert (status, answer["status"], answer["db"]) == (200, "ok", "ok")
    rig.tap.reading.append(refusing(DatabaseUnavailable("away")))
    status, _, answer = await door.as_("")("GET", "/health")
    assert (status, answer["status"], answer["db"]) == (200, "degraded", "unavailable")


async def test_a_process_is_ready_while_it_has_its_database_and_counts_as_alive(sqlite_rig, sqlite_door):
    rig, path = sqlite_rig, "/health/ready"
    assert (await sqlite_door("GET", path)).status == 200
    rig.tap.reading.append(refusing(DatabaseUnavailable("away")))
    assert (await sqlite_door("GET", path)).status == 503
    rig.tap.always = refusing(DatabaseUnavailable("away"))
    rig.clock.go(10)
    assert (await sqlite_door("GET", path)).status == 503


def _never_read():
    """A body that nobody may ask for."""
    raise AssertionError("the body was read before the credential was looked at")
    yield {}


@pytest.mark.parametrize("key", ["", "tcb_no_key"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/tools/any.tool/execute"), ("POST", "/api/tools/any.tool/execute"), ("POST", "/api/v1/tools"),
        ("POST", "/api/v1/tools/any.tool/validate"), ("PUT", "/api/v1/tools/any.tool/enablement"), ("POST", "/api/v1/keys"),
        ("POST", "/api/v1/secrets"),
    ],
)  # fmt: skip
async def test_no_body_is_read_before_the_credential(sqlite_door, method, path, key):
    answer = await sqlite_door.as_(key)(method, path, messages=_never_read())
    assert (answer.status, answer.json["error"]["code"]) == (401, "UNAUTHORIZED")


async def test_a_wrong_method_is_told_the_right_ones(sqlite_door):
    for place, allowed in (
        ("/tools", "GET, POST"),
        ("/tools/x/enablement", "DELETE, GET, PUT"),
        ("/tools/x/execute", "POST"),
        ("/health", "GET"),
    ):
        answer = await sqlite_door("PATCH", "/api/v1" + place)
        assert (answer.status, answer.headers["allow"]) == (405, allowed)


async def test_a_fault_in_the_midst_of_an_answer_is_logged_and_told_to_nobody(capsys):
    async def breaks(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("hunter2")

    assert (await Door(Quiet(breaks))("GET", "/x")).status == 200
    said = capsys.readouterr()
    assert "unexpected error" in said.err
    assert "hunter2" not in said.err
