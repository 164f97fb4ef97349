"""The log on stderr: one JSON object a line, or one readable line; named fields only."""

import json

import pytest

from toolcrib.kit import logging


@pytest.fixture(autouse=True)
def usual_log_after():
    yield
    logging.configure(json=False)


def test_in_production_a_line_is_one_json_object(capsys):
    logging.configure(json=True)
    logging.logger("gateway").error("provider failed", execution_id="exe_1")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["room"], line["execution_id"]) == (
        "provider failed",
        "error",
        "gateway",
        "exe_1",
    )
    assert line["timestamp"].endswith("Z")


def test_in_development_a_line_is_readable(capsys):
    logging.configure(json=False)
    logging.logger("gateway").warning("odd", path="/a b")
    assert capsys.readouterr().err.rstrip().endswith('warning odd path="/a b"')


def test_what_is_below_the_level_is_not_written(capsys):
    logging.configure(json=False, level="warning")
    log = logging.logger("x")
    log.info("not this")
    log.warning("this")
    assert [line.split()[-1] for line in capsys.readouterr().err.splitlines()] == ["this"]


def test_a_line_break_in_a_field_does_not_break_the_line(capsys):
    logging.configure(json=False)
    logging.logger("x").info("event", path="a\nb")
    assert len(capsys.readouterr().err.splitlines()) == 1
