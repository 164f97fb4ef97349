"""The reference names everything that there is, and nothing that there is not."""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
import typer
from pydantic import BaseModel
from typer.main import get_command
from typing_extensions import is_typeddict

from tests.docs.pages import DOCS, ROOT, rows
from tests.support.server import Server, start_server
from toolcrib.api.errors import STATUS
from toolcrib.app import settings as settings_module
from toolcrib.app.settings import Settings
from toolcrib.cli.exits import EXITS
from toolcrib.cli.main import app
from toolcrib.contracts.contract import Contract
from toolcrib.contracts.define import ToolOptions
from toolcrib.contracts.errors import Code
from toolcrib.contracts.execution import EventType, Status
from toolcrib.contracts.principal import Permission
from toolcrib.testing import Workbench, open_workbench

REFERENCE = DOCS / "reference"
METHODS = {"get", "post", "put", "patch", "delete"}
# Told in words, with a page of its own; what tools are made of stands on the page of configs.
HEADERS = {"Idempotency-Key", "Prefer", "Last-Event-ID", "last-event-id"}
ELSEWHERE = {"ToolConfig"}
OF_AN_ISSUER = "<NAME>"
ON_EVERY_COMMAND = {"--url", "--workspace", "--json", "--help"}


def test_every_setting_is_there_with_its_default():
    settings = {f.metadata["env"]: f.default for f in Settings.__dataclass_fields__.values()}
    told = {
        name: cells[0]
        for name, cells in rows(REFERENCE / "settings.md").items()
        if name.startswith("TOOLCRIB_") and OF_AN_ISSUER not in name
    }
    shells = told.keys() - settings.keys()

    assert {name: told.get(name) for name in settings} == {
        name: shown(default) for name, default in settings.items()
    }
    assert shells == {name for name in named_in_source() if name not in settings}


def test_every_setting_of_an_issuer_is_there():
    told = {name for name in rows(REFERENCE / "settings.md") if OF_AN_ISSUER in name}

    assert told == {f"TOOLCRIB_JWT_{OF_AN_ISSUER}_{part}" for part in settings_module.OF_AN_ISSUER}


def shown(default: Any) -> str:
    return f"`{default}`" if default else "(empty)"


def named_in_source() -> set[str]:
    texts = (path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    return {name for text in texts for name in re.findall(r"\bTOOLCRIB_[A-Z_]*[A-Z]\b", text)}


def test_every_error_code_is_there_with_its_status_and_exit_code():
    told = {name: (int(http), int(code)) for name, (http, code, *_) in rows(REFERENCE / "errors.md").items()}

    assert told == {code.value: (STATUS[code], int(EXITS[code])) for code in Code}


def test_every_event_and_every_status_is_there():
    told = rows(REFERENCE / "events.md").keys()

    assert told == {kind.value for kind in EventType} | {status.value for status in Status}


@pytest.fixture(scope="module")
def openapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with start_server(tmp_path_factory.mktemp("reference") / "data") as server:
        yield described(server)


def described(server: Server) -> dict[str, Any]:
    document: dict[str, Any] = server.client.call("GET", "/openapi.json").json
    return document


def test_every_route_is_there(openapi: dict[str, Any]):
    routes = {
        f"{method.upper()} {path}"
        for path, found in openapi["paths"].items()
        for method in found.keys() & METHODS
    }

    assert routed(rows(REFERENCE / "routes.md")) == routes


def routed(table: dict[str, list[str]]) -> set[str]:
    return {name for name in table if re.match(r"[A-Z]+ /", name)}


def test_every_filter_is_named_on_the_page_of_routes(openapi: dict[str, Any]):
    parameters = {
        p["name"]
        for path in openapi["paths"].values()
        for route in path.values()
        for p in route.get("parameters", [])
    }

    assert parameters - named_in_code() - HEADERS == set()


def test_every_field_of_a_body_and_of_an_answer_is_named_on_the_page_of_routes(openapi: dict[str, Any]):
    schemas = openapi["components"]["schemas"]
    listed = {name for name in schemas if name.startswith("Config") or name in ELSEWHERE}
    named = {field for name in schemas.keys() - listed for field in schemas[name].get("properties", {})}

    assert named - named_in_code() == set()


def named_in_code() -> set[str]:
    """Words in code on that page; a word in running text names nothing."""
    text = (REFERENCE / "routes.md").read_text("utf-8")
    spans = re.findall(r"```.*?```|`[^`]+`", text, re.DOTALL)
    return {word for span in spans for word in re.findall(r"\w+", span)}


def test_every_permission_that_a_route_wants_is_one():
    told = {cells[0] for name, cells in rows(REFERENCE / "routes.md").items() if re.match(r"[A-Z]+ /", name)}

    assert told - {"none", "policy decides"} == {f"`{permission.value}`" for permission in Permission}


def test_every_command_is_there_with_its_options():
    told = {
        name: cells[0]
        for name, cells in rows(REFERENCE / "commands.md").items()
        if name.startswith("toolcrib ")
    }
    there = dict(commands(get_command(app), "toolcrib"))

    assert {name: named(cell) for name, cell in told.items()} == {
        name: options - ON_EVERY_COMMAND for name, options in there.items()
    }


def commands(command: Any, name: str) -> Iterator[tuple[str, set[str]]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield (
            name,
            {option for parameter in command.params for option in parameter.opts if option.startswith("-")},
        )
    for word, one in (inner or {}).items():
        yield from commands(one, f"{name} {word}")


def named(cell: str) -> set[str]:
    return set(re.findall(r"`(--?[a-z][a-z-]*)", cell))


def test_every_field_of_a_contract_is_there():
    told = {name for name in rows(REFERENCE / "tool-config.md") if re.fullmatch(r"[a-z_.\[\]]+", name)}

    assert told == set(fields(Contract, ""))


def test_every_option_of_a_python_tool_is_there():
    page = (DOCS / "howto" / "write-a-tool-in-python.md").read_text("utf-8")
    table = page.partition("| option |")[2].partition("\n\n")[0]

    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(ToolOptions.__annotations__)
    assert ToolOptions.__annotations__.keys() <= Contract.model_fields.keys()


def test_all_that_the_workbench_offers_is_there():
    page = (DOCS / "howto" / "write-a-pack.md").read_text("utf-8")
    offered = {name for name in dir(Workbench) if not name.startswith("_")}
    kept = {field.name for field in dataclasses.fields(Workbench)}
    arguments = set(inspect.signature(open_workbench).parameters)

    assert set(re.findall(r"bench\.(\w+)", page)) == offered | kept
    assert all(f"`{name}`" in page for name in arguments)


def fields(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + name
        yield from below(field.annotation, prefix + name)


def below(annotation: Any, name: str) -> Iterator[str]:
    """Fields of a model, of the models in a list or a union, and the literal keys of a dict."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield from fields(annotation, f"{name}.")
    elif is_typeddict(annotation):
        yield from (f"{name}.{key}" for key in annotation.__annotations__)
    inner, origin = get_args(annotation), get_origin(annotation)
    if origin is list:
        yield from below(inner[0], f"{name}[]")
    elif origin is dict:
        yield from (f"{name}.{key}" for key in get_args(inner[0]) if isinstance(key, str))
    elif origin is Annotated:
        yield from below(inner[0], name)
    elif origin in (Union, UnionType):
        parts = [_plain(part) for part in inner]
        several = [part for part in parts if get_origin(part) is list and get_args(part)[0] in parts]
        yield from (found for part in parts if part not in several for found in below(part, name))


def _plain(annotation: Any) -> Any:
    """Without its conditions; one part or a list of them is told of as one."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def test_the_walk_over_commands_sees_every_group():
    assert isinstance(app, typer.Typer)
    assert {"toolcrib serve", "toolcrib tools register"} <= dict(
        commands(get_command(app), "toolcrib")
    ).keys()
