"""A docstring's first paragraph, and the parameters that its section describes."""

import pytest

from toolcrib.contracts.docstring import first_paragraph, told_parameters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ""),
        ("", ""),
        ("One line.", "One line."),
        ("\n    Two lines\n    of one paragraph.\n\n    More.\n", "Two lines of one paragraph."),
    ],
)
def test_the_first_paragraph_becomes_one_line(text, expected):
    assert first_paragraph(text) == expected


def test_each_parameter_is_told_with_its_continuation_lines():
    text = """Do it.

    Args:
        harbour: A code
            such as oslo.

        days (int, optional): How many: at most 7.
        *rest: Others.

    Returns:
        height: not a parameter
    """
    assert told_parameters(text) == {
        "harbour": "A code such as oslo.",
        "days": "How many: at most 7.",
        "rest": "Others.",
    }


@pytest.mark.parametrize("text", [None, "Nothing here.", "Do.\n\nArgs:", "Do.\n\nArgs:\n    no colon here\n"])
def test_a_docstring_without_entries_tells_nothing(text):
    assert told_parameters(text) == {}
