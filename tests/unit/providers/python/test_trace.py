"""The traceback in a developer's log: where it failed and why, and no secret of the run."""

import asyncio

import pytest

from tests.unit.providers.python.fakes import run
from toolcrib import Context, tool
from toolcrib.providers.python.trace import told

SECRET = "correct'horse\"battery-staple-\x01-grün"


@tool(secrets=["KEY"])
async def leak(context: Context, how: str) -> None:
    """Fail with a secret."""
    key = context.secret("KEY")
    texts = {
        "plain": key, "twice": key + key, "repr": repr([key]), "ascii": ascii(key), "bytes": repr(key.encode()),
        "cut": f"{key[:12]}...{key[-12:]}", "lines": f"{key[:16]}\n{key[16:]}", "huge": key * 9_000, "none": "it broke",
    }  # fmt: skip
    try:
        raise KeyError(texts[how])  # noqa: TRY301 the case
    except KeyError as first:
        raise ExceptionGroup(texts[how], [ValueError(texts[how])]) from first


@pytest.mark.parametrize("how", ["plain", "twice", "repr", "ascii", "bytes", "cut", "lines", "huge"])
async def test_a_traceback_holds_no_piece_of_a_secret(how, capsys):
    failure = await run(leak, {"how": how}, tracebacks=True, KEY=SECRET)
    logged = capsys.readouterr().err
    assert "ExceptionGroup" in logged
    assert "[secret:KEY]" in logged
    assert "horse" not in logged
    assert "battery" not in logged
    assert "staple" not in logged
    assert "horse" not in str(failure)


async def test_it_says_where_and_why_below_one_line(capsys):
    failure = await run(leak, {"how": "none"}, tracebacks=True, KEY=SECRET)
    first, *below = capsys.readouterr().err.splitlines()
    assert "tool failed" in first
    assert 'execution_id="exe_1"' in first
    assert all(line.startswith("    ") for line in below)
    assert any("raise KeyError(texts[how])" in line for line in below)
    assert any(line.endswith("ValueError: it broke") for line in below)
    assert "/run.py" not in "".join(below)
    assert "it broke" not in str(failure)


async def test_a_text_cannot_write_a_line_of_its_own_or_speak_to_a_terminal(capsys):
    @tool
    async def forge() -> None:
        """Fail."""
        raise ValueError("x\n2026-11-21T00:00:00Z info forged\x1b[2J")

    await run(forge, tracebacks=True)
    logged = capsys.readouterr().err
    assert "\n2026-11-21T00:00:00Z" not in logged
    assert "\x1b" not in logged


async def test_without_tracebacks_the_text_is_not_logged(capsys):
    await run(leak, {"how": "none"}, KEY=SECRET)
    assert "it broke" not in capsys.readouterr().err


def test_an_exception_that_was_never_raised_has_a_text():
    assert told(asyncio.CancelledError("x"), {}) == "asyncio.exceptions.CancelledError: x"
