"""B2 beside `tests/assay`: tools and secrets of one name in two workspaces stay two, down to what an upstream hears."""

import pytest

from tests.security.errors import is_error


@pytest.fixture
def theirs(each_house):
    return {"tool": each_house.tool("/theirs"), "name": each_house.secret("their-secret-value")}


def test_both_may_use_the_same_names(each_house, theirs):
    taken = each_house.config("/ours") | {"name": theirs["tool"]}

    assert each_house.stranger.call("POST", "/api/v1/tools", taken).status == 201
    each_house.secret("our-own-value-of-it", theirs["name"], client=each_house.stranger)
    assert each_house.execute(theirs["tool"]).status == 200
    assert each_house.execute(theirs["tool"], client=each_house.stranger).status == 200

    assert len(each_house.stage.at("/ours")) == 1
    assert len(each_house.stage.at("/theirs")) == 1


def test_deleting_ones_own_leaves_theirs(each_house, theirs):
    auth = {"auth": {"method": "bearer", "secret_ref": f"${{{theirs['name']}}}"}}
    tool = each_house.tool("/keeps", api=auth)
    each_house.secret("our-own-value-of-it", theirs["name"], client=each_house.stranger)

    assert each_house.stranger.call("DELETE", f"/api/v1/secrets/{theirs['name']}").status == 204

    assert each_house.execute(tool).status == 200
    assert each_house.stage.at("/keeps")[0].header("authorization") == b"Bearer their-secret-value"


def test_a_key_names_no_other_workspace(each_house):
    tool = each_house.tool("/elsewhere")
    for named in ("other", "0" * 10):
        headers = {"X-Toolcrib-Workspace": named}
        path = f"/api/v1/tools/{tool}/execute"
        assert is_error(each_house.client.call("POST", path, {"input": {}}, headers=headers), "NOT_FOUND")

    assert each_house.stage.at("/elsewhere") == []
