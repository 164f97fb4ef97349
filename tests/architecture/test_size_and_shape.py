"""Limits that bite (style 2, 4, 7): sizes, names, catch-alls, unfinished marks."""

import ast
import re
from collections import Counter

from tests.architecture.source import Function, modules

FILE_LINES, FUNCTION_LINES, PARAMETERS, WITH_KEYWORD_ONLY = 350, 60, 6, 7
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "services", "models", "managers", "manager"}
FULLY_COVERED = {"contracts", "policy", "ledger", "gateway"}
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b(?!\s*\(?#\d+)")
# Who may swallow any error, and how often. A handler that ends in `raise` swallows nothing and needs no entry.
CATCH_ALL = {
    "src/toolcrib/api/errors.py": 2,  # the outermost loops: of the route outside of FastAPI, and around FastAPI
    "src/toolcrib/gateway/call.py": 1,  # whatever a provider does, its execution is closed
    "src/toolcrib/mcp_server/door.py": 1,  # the outermost loop around the MCP SDK
    "src/toolcrib/kit/db/database.py": 2,  # an error is handed to whoever waits for that write, and to nobody else
    "src/toolcrib/providers/python/run.py": 2,  # whatever a tool's function does, its run ends in an outcome
    "src/toolcrib/kit/db/sqlite.py": 1,  # carried from the writer's thread to the waiting caller
}


def test_no_file_is_longer_than_350_lines():
    assert [f"{m.path}: {m.text.count(chr(10))}" for m in modules() if m.text.count("\n") > FILE_LINES] == []


def test_no_function_is_longer_than_60_lines():
    assert [m.at(f, f.name) for m in modules() for f in m.functions if length(f) > FUNCTION_LINES] == []


def test_no_function_takes_more_parameters_than_one_can_hold_in_mind():
    assert [m.at(f, f.name) for m in modules() for f in m.functions if too_many_parameters(f)] == []


def test_modules_say_what_they_are_about():
    assert [m.path for m in modules() if VAGUE & set(m.path.removesuffix(".py").split("/"))] == []


def test_modules_open_by_saying_what_lives_there():
    assert [m.path for m in modules() if m.text.strip() and ast.get_docstring(m.tree) is None] == []


def test_unfinished_work_names_its_issue():
    lines = [(m.path, i, line) for m in modules() for i, line in enumerate(m.text.splitlines(), 1)]
    assert [f"{path}:{i}" for path, i, line in lines if UNFINISHED.search(line)] == []


def test_only_listed_places_swallow_everything():
    found = Counter(m.path for m in modules() for node in ast.walk(m.tree) if swallows_everything(node))
    assert dict(found) == CATCH_ALL


def test_the_four_rooms_hide_nothing_from_coverage():
    marked = re.compile(r"pragma:\s*no\s*(?:cover|branch)")
    assert [m.path for m in modules() if m.room in FULLY_COVERED and marked.search(m.text)] == []


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def too_many_parameters(function: Function) -> bool:
    given = function.args
    positional = [p.arg for p in (*given.posonlyargs, *given.args)]
    if positional[:1] in (["self"], ["cls"]):
        positional = positional[1:]
    return len(positional) > PARAMETERS or len(positional) + len(given.kwonlyargs) > WITH_KEYWORD_ONLY


def swallows_everything(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler) or isinstance(node.body[-1], ast.Raise):
        return False
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})
        for kind in caught
    )
