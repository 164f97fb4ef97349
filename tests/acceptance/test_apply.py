"""A folder of configs and a real server: `toolcrib apply`, `toolcrib export`, and what a shell offers for a name."""

import json
import os
from collections.abc import Iterator

import pytest

from tests.acceptance.shell import Shell
from tests.support.server import start_server

OBJECT = {"type": "object", "properties": {"harbour": {"type": "string"}}}


@pytest.fixture
def shell(tmp_path) -> Iterator[Shell]:
    with start_server(tmp_path / "data") as server:
        yield Shell.beside(server)


def config(name: str, **more) -> dict:
    made = {"name": name, "description": "A tool.", "kind": "dummy", "input_schema": OBJECT}
    return made | {"dummy": {"output": {"a": 1}}} | more


def write(folder, **files) -> str:
    folder.mkdir(exist_ok=True)
    for name, document in files.items():
        text = document if isinstance(document, str) else json.dumps(document)
        (folder / f"{name}.json").write_text(text)
    return str(folder)


def states(done) -> dict[str, tuple[str, str]]:
    assert done.exit == 0, done.err
    return {one["name"]: (one["state"], one["version"]) for one in done.json["tools"]}


def test_a_folder_is_applied_shown_before_and_left_alone_the_second_time(shell, tmp_path):
    old = {"name": "Get Weather", "version": 1, "description": "Weather.", "input_schema": OBJECT,
           "api": {"base_url": "https://weather.example"}}  # fmt: skip
    folder = write(tmp_path / "tools", tides=config("tides.next"), weather=old, last=config("tides.last"))
    shown = shell.run("apply", folder, "--dry-run")
    assert shown.out.splitlines() == [
        "+ tides.last 1.0.0 (last.json)",
        "+ tides.next 1.0.0 (tides.json)",
        "+ get_weather 1.0.0 (weather.json)",
        "3 new, 0 changed, 0 same; nothing was changed, --dry-run",
    ]
    assert shell.run("tools", "list", "--json").json["tools"] == []
    assert states(shell.run("apply", folder, "--json")).keys() == {"tides.last", "tides.next", "get_weather"}
    write(tmp_path / "tools", tides=config("tides.next", tags=["sea"]))
    assert shell.run("apply", folder).out.splitlines()[1:3] == [
        "~ tides.next 1.0.0 → 1.0.1 (tides.json)",
        '    /tags: [] → ["sea"]',
    ]
    again = shell.run("apply", folder, "--json")
    assert set(states(again).values()) == {("same", "1.0.0"), ("same", "1.0.1")}
    assert again.json["applied"] == []


def test_a_files_version_counts_where_it_is_higher(shell, tmp_path):
    folder = write(tmp_path / "tools", tides=config("tides.next", version="1.2.0"))
    assert states(shell.run("apply", folder, "--json")) == {"tides.next": ("new", "1.2.0")}
    write(tmp_path / "tools", tides=config("tides.next", version="1.2.0", description="Newer."))
    assert states(shell.run("apply", folder, "--json")) == {"tides.next": ("changed", "1.2.1")}
    assert states(shell.run("apply", folder, "--json")) == {"tides.next": ("same", "1.2.1")}
    write(tmp_path / "tools", tides=config("tides.next", version="3.0.0", description="Newer."))
    assert states(shell.run("apply", folder, "--json")) == {"tides.next": ("changed", "3.0.0")}


def test_a_broken_folder_changes_nothing_and_tells_every_fault(shell, tmp_path):
    folder = tmp_path / "tools"
    shell.run("apply", write(folder, base=config("tides.next", aliases=["tides.old"])))
    narrow = OBJECT | {"required": ["harbour"]}
    write(
        folder, base=config("tides.next", aliases=["tides.old"], input_schema=narrow), good=config("a.good"), json='{"name": 3',
        list="[]", faults=config("b.bad", retries=-1, effects="none"), alias=config("c.alias", aliases=["tides.old"]),
        twin=config("a__good"), private=config("d.http", kind="http", api={"base_url": "http://127.0.0.1:1"}, dummy=None),
    )  # fmt: skip
    done = shell.run("apply", str(folder), "--json")
    told = {one["file"]: sorted(error["path"] for error in one["errors"]) for one in done.json["broken"]}
    assert done.exit != 0
    assert told == {
        "alias.json": ["/aliases"],
        "base.json": ["/input_schema/required"],
        "faults.json": ["/effects", "/retries"],
        "json.json": [""],
        "list.json": [""],
        "private.json": told["private.json"],
        "twin.json": ["/name"],
    }
    assert [one["name"] for one in shell.run("tools", "list", "--json").json["tools"]] == ["tides.next"]
    seen = shell.run("apply", str(folder))
    assert "error: faults.json:" in seen.err
    assert "  /retries: " in seen.err
    assert seen.out.splitlines()[-1] == "nothing was changed"


def test_one_name_in_two_files_is_told_beside_their_other_faults(shell, tmp_path):
    folder = write(
        tmp_path / "tools", a=config("a.b", retries=-1), b=config("a.b"), c=config("a.b", effects="none")
    )
    done = shell.run("apply", folder)
    assert (
        "error: b.json: VALIDATION_ERROR Two files have one name.\n  /name: a.json has this name too\n"
        in done.err
    )
    assert "  /name: a.json has this name too\n" in done.err.partition("c.json: ")[2]
    assert "  /effects: " in done.err


def test_a_fault_that_is_the_message_is_told_once_with_its_place(shell, tmp_path):
    private = config("d.http", kind="http", api={"base_url": "http://127.0.0.1:1"})
    private.pop("dummy")
    told = shell.run("apply", write(tmp_path / "tools", private=private)).err
    assert told.startswith("error: private.json: /api/base_url: EGRESS_DENIED ")
    assert told.count("The address is not one") == 1


def test_what_only_looks_like_a_config_is_passed_over_aloud(shell, tmp_path):
    folder = write(tmp_path / "tools", a=config("a.b"))
    (tmp_path / "tools" / "gone.json").symlink_to("nowhere")
    (tmp_path / "tools" / "inner.json").mkdir()
    os.mkfifo(tmp_path / "tools" / "pipe.json")
    done = shell.run("apply", folder, "--json")
    assert done.err.splitlines() == [
        "passed over: gone.json is a link that leads nowhere", "passed over: inner.json is a folder", "passed over: pipe.json is no file",
    ]  # fmt: skip
    assert [one["file"] for one in done.json["passed_over"]] == ["gone.json", "inner.json", "pipe.json"]
    assert done.json["applied"] == ["a.b"]


def test_export_keeps_what_somebody_wrote_unless_told_otherwise(shell, tmp_path):
    shell.run("apply", write(tmp_path / "tools", a=config("a.b"), c=config("c.d"), e=config("e.f")))
    out = tmp_path / "out"
    assert shell.run("export", "out").exit == shell.run("export", "out").exit == 0
    (out / "a.b.json").write_text("mine")
    (out / "c.d.json").unlink()
    (out / "c.d.json").symlink_to(tmp_path / "victim")
    refused = shell.run("export", "out")
    assert (refused.exit, refused.out) == (5, "")
    assert refused.err.splitlines()[1:3] == ["  a.b.json: differs from the tool", "  c.d.json: is a link"]
    assert "--force" in refused.err
    assert shell.run("export", "out", "--force").exit == 5
    assert ((out / "a.b.json").read_text(), (tmp_path / "victim").exists()) == ("mine", False)
    (out / "c.d.json").unlink()
    assert shell.run("export", "out", "--force").out == "3 tools in out\n"
    assert (out / "a.b.json").read_text() != "mine"


def test_what_is_exported_is_applied_unchanged_here_and_elsewhere(shell, tmp_path):
    full = config("tides.next", version="1.4.2", title="Tides", aliases=["tides.old"], tags=["sea"], enabled=False,
                  output_schema={"type": "object"}, errors=[{"code": "NO_TIDE"}], impact="high")  # fmt: skip
    http = {"name": "x.get", "description": "X.", "input_schema": OBJECT, "mapping": {"input_to_params": {"harbour": "h"}},
            "api": {"base_url": "https://x.example", "auth": {"method": "bearer", "secret_ref": "${X_KEY}"}}}  # fmt: skip
    shell.run("apply", write(tmp_path / "tools", full=full, http=http))
    assert shell.run("export", "out").out == "2 tools in out\n"
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["tides.next.json", "x.get.json"]
    assert set(states(shell.run("apply", "out", "--json")).values()) == {("same", "1.4.2"), ("same", "1.0.0")}
    with start_server(tmp_path / "other" / "data") as other:
        there = Shell(tmp_path, Shell.beside(other).env)
        assert states(there.run("apply", "out", "--json"))["tides.next"] == ("new", "1.4.2")
        assert there.run("export", "back", "--json").json == {"files": written}
    for name in written:
        assert (tmp_path / "back" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_no_folder_an_empty_one_and_no_server_are_told_apart(shell, tmp_path):
    assert shell.run("apply", "nowhere").exit == 2
    assert shell.run("apply", write(tmp_path / "empty")).exit == 2
    folder = write(tmp_path / "tools", a=config("a.b"))
    assert shell.run("apply", folder, "--url", "http://127.0.0.1:1").exit == 7


def test_a_tool_is_updated_listed_by_version_and_deleted(shell, tmp_path):
    folder = write(tmp_path / "tools", a=config("a.b"), newer=config("a.b", description="Newer."))
    shell.run("tools", "register", f"{folder}/a.json")
    assert shell.run("tools", "update", "a.b", f"{folder}/newer.json").out == "a.b is at 1.0.1\n"
    assert [row[0] for row in shell.run("tools", "versions", "a.b").rows] == ["1.0.1", "1.0.0"]
    assert len(shell.run("tools", "versions", "a.b", "--json").json["items"]) == 2
    assert shell.run("tools", "delete", "a.b").out == "deleted a.b\n"
    assert shell.run("tools", "delete", "a.b").exit == 4
