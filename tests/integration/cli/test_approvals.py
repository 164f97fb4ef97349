"""Calls that wait for a person, as that person sees them at a shell, and as whoever asked does."""

import json

import pytest

from tests.integration.cli.typed import typed
from tests.support.server import start_server
from toolcrib.cli.exits import Exit

SELL = {
    "name": "ship.sell", "description": "Sells a ship.", "kind": "dummy", "impact": "high", "dummy": {"output": {"sold": True}},
    "input_schema": {"type": "object", "properties": {"ship": {}, "to": {}}, "additionalProperties": True},
}  # fmt: skip
NOTE = {
    "name": "note.write",
    "aliases": ["write_note"],
    "description": "Writes.",
    "kind": "dummy",
    "input_schema": {"type": "object", "properties": {"draft": {}}},
    "dummy": {"output": 1},
}
EVIL = {
    "ship": "invoice\u202efdp.exe",
    "to": {"p\u0430ypal/\x1b[2J": ["\u0430nn\u0430@b\u0430nk.example and p\u0430ul"]},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with start_server(tmp_path_factory.mktemp("approvals") / "data") as started:
        for config in (SELL, NOTE):
            assert started.client.call("POST", "/api/v1/tools", config).status == 201
        yield started


@pytest.fixture(scope="module")
def clerk(server):
    """The key of an agent that acts in nobody's name."""
    return server.client.call("POST", "/api/v1/keys", {"name": "clerk", "actor_type": "agent"}).json["key"]


@pytest.fixture
def run(server):
    env = {"TOOLCRIB_DATA_DIR": str(server.data_dir), "TOOLCRIB_PORT": str(server.port)}
    return lambda *arguments, stdin="", **more: typed(*arguments, env=env | more, stdin=stdin)


@pytest.fixture
def asked(run, clerk):
    """`asked(**input)` is the id of an approval that the agent's call asks for."""

    def ask(**given):
        done = run(
            "call",
            "ship.sell",
            "--no-dry-run",
            "--input",
            json.dumps(given),
            "--json",
            TOOLCRIB_API_KEY=clerk,
        )
        return json.loads(done.stdout)["approval_id"]

    return ask


def next_step(done):
    return next(line for line in done.stderr.splitlines() if line.startswith("next: ")).removeprefix("next: ")


def test_a_call_that_waits_says_so_with_the_next_command_and_an_exit_code_of_its_own(run, clerk):
    own = {"TOOLCRIB_API_KEY": clerk}
    shown = run("call", "ship.sell", "-i", "ship=ann", **own)
    assert (shown.exit_code, json.loads(shown.stdout)["dry_run"]) == (Exit.OK, True)
    assert (
        shown.stderr
        == "a dry run: nothing was done; --no-dry-run does it, or asks for the approval that it needs\n"
    )

    done = run("call", "ship.sell", "-i", "ship=ann", "--no-dry-run", **own)
    execution = done.stdout.strip()
    assert done.exit_code == Exit.WAITING
    words, _, command = done.stderr.strip().partition(" toolcrib ")
    assert words == "nothing was done yet: a person has to agree to this call:"
    assert run(*command.split()).stdout.startswith(f"id         {command.split()[-1]}\nstate      pending\n")

    again = run("executions", "show", execution)
    assert f"\napproval   {command.split()[-1]}\n" in again.stdout
    assert again.stderr == f"a person has to agree to it: toolcrib {command}\n"
    assert (
        run("executions", "list", "--status", "awaiting_approval")
        .stdout.splitlines()[1]
        .startswith(execution)
    )
    result = run("executions", "result", execution)
    assert (result.exit_code, result.stdout) == (Exit.OK, f"{execution}\n")


def test_who_decides_sees_the_whole_call_escaped_and_what_in_it_is_disguised(run, asked):
    told = run("approvals", "show", asked(**EVIL, long="x" * 200_000)).stdout
    assert told.isprintable() or all(char.isprintable() or char == "\n" for char in told)
    assert "actor      agent:clerk (agent)\nbecause    its impact is high\n" in told
    assert "x" * 200_000 in told
    assert '"ship": "invoice\\u202efdp.exe"' in told
    assert "It would run ship.sell 1.0.0, which writes." in told
    careful = told.partition("\nCAREFUL: texts in this call are not what they look like\n")[2]
    assert (
        '  /input/ship: U+202E RIGHT-TO-LEFT OVERRIDE is not seen as it is\n    "invoice\\u202efdp.exe"\n'
        in careful
    )
    assert (
        '/p\\u0430ypal~1\\u001b[2J/0: one word mixes letters of CYRILLIC and LATIN that look alike\n    ["'
        not in careful
    )
    assert (
        '/p\\u0430ypal~1\\u001b[2J/0: one word mixes letters of CYRILLIC and LATIN that look alike\n    "\\u0430nn'
        in careful
    )
    name = told.partition(" ")[2].split()[0]
    assert careful.endswith(
        f"\nto let it run, or to refuse it\n  toolcrib approvals approve {name}\n  toolcrib approvals deny {name}\n"
    )


def test_a_long_disguise_is_cut_where_it_is_named_once_more(run, asked):
    told = run("approvals", "show", asked(ship="\u202e" + "y" * 300)).stdout
    assert f'    "\\u202e{"y" * 193}…\n' in told


def test_values_that_nobody_is_shown_are_named_by_their_places(run, asked):
    told = run(
        "approvals", "show", asked(ship="ann", to=[{"password": "pay-to-mallory", "a/b": {"token": "t"}}])
    ).stdout
    assert "pay-to-mallory" not in told
    places = "/input/to/0/password, /input/to/0/a~1b/token"
    assert f"\nstruck out, as they may be secrets: {places}\n" in told


def test_of_many_disguises_it_is_said_that_there_are_more(run, asked):
    told = run("approvals", "show", asked(to=["\u202e"] * 150)).stdout
    assert told.count("RIGHT-TO-LEFT OVERRIDE") == 100
    assert (
        '    "\\u202e"\n  there are more texts like these; none of those after them is named\n\nto let'
        in told
    )


def test_a_call_without_disguises_raises_no_alarm(run, asked):
    told = run("approvals", "show", asked(ship="Blåbær", to=["Ærø"])).stdout
    assert "CAREFUL" not in told
    assert "struck out" not in told
    assert "Blåbær" in told


def test_who_agrees_gets_what_the_call_answers_and_what_was_agreed_to_is_done_with(run, asked, clerk):
    approval = asked(ship="ann")
    refused = run("approvals", "approve", approval, "--yes", TOOLCRIB_API_KEY=clerk)
    assert (refused.exit_code, "FORBIDDEN" in refused.stderr) == (Exit.DENIED, True)
    done = run("approvals", "approve", approval, "--yes")
    assert (done.exit_code, json.loads(done.stdout)) == (Exit.OK, {"sold": True})
    again = run("approvals", "approve", approval, "--yes")
    assert (again.exit_code, next_step(again)) == (
        Exit.CLASH,
        f"it has ended; toolcrib approvals show {approval}",
    )
    told = run("approvals", "show", approval).stdout
    assert "\nstate      granted\n" in told
    assert "by user:owner\n" in told
    assert "\ninput\n" not in told
    assert "approve" not in told


def test_a_call_that_fails_after_the_yes_exits_as_call_does(run, clerk, asked):
    approval = asked(ship="ann")
    run("tools", "disable", "ship.sell")
    done = run("approvals", "approve", approval, "--yes")
    run("tools", "reset", "ship.sell")
    assert done.exit_code == Exit.CLASH
    assert next_step(done) == "look at what has changed, and let whoever wants the call make it again"
    assert "\nstate      void\n" in run("approvals", "show", approval).stdout


def test_without_a_terminal_a_yes_has_to_be_said(run, asked):
    approval = asked(ship="ann")
    done = run("approvals", "approve", approval, stdin="y\n")
    assert (done.exit_code, done.stdout) == (Exit.USAGE, "")
    assert next_step(done) == f"look at it with: toolcrib approvals show {approval}; then say --yes"
    assert "pending" in run("approvals", "show", approval).stdout


def test_a_call_is_refused_with_a_note(run, asked, clerk):
    approval = asked(ship="ann")
    done = run("approvals", "deny", approval, "--note", "Sell the other\x1b one.")
    assert (done.exit_code, done.stdout) == (Exit.OK, f"denied {approval}\n")
    assert (
        "\nnote       Sell the other\\x1b one.\n"
        in run("approvals", "show", approval, TOOLCRIB_API_KEY=clerk).stdout
    )
    listed = run("approvals", "list", "--state", "denied").stdout.splitlines()
    assert listed[0].split() == ["ID", "ASKED", "STATE", "TOOL", "ACTOR", "FOR", "UNTIL"]
    assert listed[1].split()[0] == approval
    assert run("approvals", "deny", approval).exit_code == Exit.CLASH


def test_what_a_stranger_to_a_call_may_not_see_is_said(run, asked):
    other = json.loads(run("keys", "create", "other", "--json").stdout)["key"]
    told = run("approvals", "show", asked(ship="ann"), TOOLCRIB_API_KEY=other).stdout
    assert told.endswith("\n\nWhat it would do is shown to whoever may agree to it, and to who asked.\n")
    assert "ann" not in told


def test_empty_lists_say_why(run):
    assert run("approvals", "list", "--state", "expired").stderr == "nothing matches these filters\n"
    assert run("approvals", "rules", "list").stderr == "no rules; calls of high impact wait without one\n"
    wrong = run("approvals", "list", "--state", "nope")
    assert (wrong.exit_code, "/query/state" in wrong.stderr) == (Exit.USAGE, True)


def test_a_rule_is_set_listed_obeyed_and_removed(run, clerk, tmp_path):
    (tmp_path / "when.json").write_text('{"required": ["draft"]}')
    when = f"@{tmp_path / 'when.json'}"
    done = run(
        "approvals",
        "rules",
        "set",
        "notes",
        "--tool",
        "note.write",
        "--effects",
        "write",
        "--when",
        when,
        "--second",
    )
    said = (
        'of note.write, with effects write, whose input matches {"required": ["draft"]}, for a second person'
    )
    assert (done.exit_code, done.stdout) == (Exit.OK, f"notes: {said}\n")
    assert run("approvals", "rules", "list").stdout == f"NAME   CALLS THAT WAIT\nnotes  {said}\n"
    assert run("call", "note.write").stdout == "1\n"
    held = run("call", "note.write", "-i", "draft=1", TOOLCRIB_API_KEY=clerk)
    assert held.exit_code == Exit.WAITING
    told = run(*held.stderr.split("toolcrib ")[1].split()).stdout
    assert (
        "\nbecause    the rule notes of this workspace\nsecond     another person agrees than the one who asked\n"
        in told
    )
    assert run("tools", "validate", "note.write", "-i", "draft=1").stdout == (
        "valid, and you may call it, once a person agrees: it waits for an approval\n"
    )
    assert run("approvals", "rules", "remove", "notes").stdout == "removed notes\n"
    gone = run("approvals", "rules", "remove", "notes")
    assert gone.exit_code == Exit.MISSING
    assert "next: toolcrib approvals rules list shows what there is" in gone.stderr
    assert run("call", "note.write", "-i", "draft=1").stdout == "1\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--when", "[]"), "--when must be a JSON object"),
        (("--when", "{"), "--when is not acceptable JSON"),
        (("--when", "@no-such.json"), "no-such.json cannot be read"),
        ((), "give a tool, or effects, or both"),
        (("--effects", "burn"), "/effects/0"),
        (("--tool", "a.b", "--when", '{"type": "nope"}'), "/when/type"),
    ],
)
def test_a_rule_that_is_none_is_refused_where_it_is_wrong(run, options, said):
    done = run("approvals", "rules", "set", "bad", *options)
    assert (done.exit_code, said in done.stderr) == (Exit.USAGE, True), done.stderr


def test_a_rule_that_binds_nothing_is_warned_of(run):
    done = run("approvals", "rules", "set", "lost", "--tool", "no.such")
    assert done.stderr == "warning: there is no tool no.such here yet\n"
    done = run("approvals", "rules", "set", "lost", "--tool", "write_note")
    assert (done.exit_code, "/tool: this is another name of note.write; name that" in done.stderr) == (
        2,
        True,
    )
    done = run("approvals", "rules", "set", "lost", "--tool", "note.write")
    assert (done.exit_code, done.stderr) == (Exit.OK, "")
    run("approvals", "rules", "remove", "lost")


def test_a_tool_whose_every_call_waits_is_explained_and_not_measured(run):
    told = run("tools", "explain", "ship.sell")
    assert told.stderr == "allowed, once a person agrees\n"
    run("approvals", "rules", "set", "notes", "--tool", "note.write")
    measured = run("bench", "note.write", "--yes", "--seconds", "1")
    run("approvals", "rules", "remove", "notes")
    assert (measured.exit_code, "a person has to agree to each call of note.write" in measured.stderr) == (
        Exit.USAGE,
        True,
    )


def test_a_call_that_was_refused_or_ended_says_what_to_do(run, asked, clerk):
    approval = asked(ship="ann")
    run("approvals", "deny", approval)
    shown = json.loads(run("approvals", "show", approval, "--json").stdout)
    assert shown["request"] is None
    done = run("executions", "result", shown["execution_id"], TOOLCRIB_API_KEY=clerk)
    assert done.exit_code == Exit.DENIED
    assert (
        next_step(done)
        == f"toolcrib executions show {shown['execution_id']} names its approval, which tells who and why"
    )
