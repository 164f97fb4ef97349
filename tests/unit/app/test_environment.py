"""The operator lists, the environment holds, and nothing that is not listed comes in."""

import pytest

from toolcrib.app.environment import environment_secrets
from toolcrib.app.settings import UnsafeSetting
from toolcrib.contracts.secret import texts

HELD = {"TOOL_TIDE_API_KEY": "tide-key", "OTHER": "other-key", "TOOLCRIB_ROOT_KEY": "root", "EMPTY": ""}


def given(listed, workspace_id="w1", name="default"):
    found = environment_secrets(listed, HELD)
    return dict(texts(found.of(workspace_id, name)))


def test_a_workspace_gets_what_is_listed_for_it_by_name_or_id():
    listed = "default:TOOL_TIDE_API_KEY, w1:MINE=OTHER ,research:K=OTHER"
    assert given(listed) == {"TOOL_TIDE_API_KEY": "tide-key", "MINE": "other-key"}
    assert given(listed, "w2", "research") == {"K": "other-key"}
    assert given(listed, "w3", "stranger") == {}


@pytest.mark.parametrize("listed", ["", " ", ",", " , ,"])
def test_an_empty_list_is_none(listed):
    assert environment_secrets(listed, HELD) is None


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("TOOL_TIDE_API_KEY", "is not workspace:NAME"),
        ("default:*", "is not workspace:NAME"),
        ("default:A=B=C", "is not workspace:NAME"),
        ("default:bad-name=OTHER", "is not workspace:NAME"),
        (":A=OTHER", "is not workspace:NAME"),
        ("default:A=NOT_THERE", "NOT_THERE, which is not set"),
        ("default:EMPTY", "EMPTY, which is not set"),
        ("default:A=TOOLCRIB_ROOT_KEY", "TOOLCRIB_ROOT_KEY is a setting of the server"),
        ("default:A=OTHER,default:A=TOOL_TIDE_API_KEY", "default:A is listed twice"),
    ],
)
def test_a_list_that_is_none_is_refused_by_name(listed, said):
    with pytest.raises(UnsafeSetting, match="TOOLCRIB_ENV_SECRETS") as refused:
        environment_secrets(listed, HELD)
    assert said in str(refused.value)
    assert "other-key" not in str(refused.value)
