"""B3: every kind of credential tries every action of `roles.toml`: what is allowed works, all else is refused."""

import itertools
from dataclasses import replace

import pytest

from assay.matrix import matrix
from assay.twins import Asked
from assay.wire import Party
from assay.workspace import API, Workspace
from tests.assay.cast import NOBODY, Action, actions, attempt, cast, is_refusal
from tests.assay.scene import Scene


@pytest.fixture(scope="session")
def players(scene: Scene) -> list[tuple[str, Workspace, Party]]:
    for place in (scene.home, scene.third):
        place.furnish()
    cast(scene.home)
    third = [(column, scene.third, party) for column, party in cast(scene.third)]
    return [("operator", scene.home, scene.operator), *third]


@pytest.mark.parametrize("action", actions(), ids=str)
def test_each_role_may_what_the_table_says(players, action: Action):
    for column, place, party in players:
        reply = attempt(action, place, party)
        if action.allows(column, party):
            assert reply.ok, (column, party, reply.status, reply.body[:300])
        else:
            status = 401 if column == NOBODY else action.otherwise
            assert is_refusal(reply, status), (column, party, reply.status, reply.body[:300])


def test_the_table_says_something_of_everybody(players):
    columns = {column for column, _, _ in players} - {NOBODY}
    told = set(itertools.chain.from_iterable(action.may for action in actions()))
    assert told == columns
    assert all(any(column not in action.may for action in actions()) for column in columns - {"operator"})


@pytest.mark.parametrize("prefix", ["/api/v1", "/api"])
def test_without_a_credential_there_is_nothing_under_either_prefix(scene, prefix):
    stranger = replace(scene.operator, key="")
    own = dict.fromkeys((kind for entry in matrix() for kind in entry.path.values()), "x")
    for entry in (one for one in matrix() if not one.open):
        asked = Asked(entry, entry.at(own), body={} if entry.body else None).under(prefix)
        assert is_refusal(asked.by(stranger), 401), str(entry)


def test_only_the_operator_changes_a_name_since_it_must_be_free_in_all_workspaces(scene):
    theirs, ours = scene.theirs, scene.third
    for name in (theirs.name, ours.new()):
        assert is_refusal(ours.owner.ask("PUT", f"{API}/workspaces/{ours.id}", {"name": name}), 403)

    assert scene.operator.ask("PUT", f"{API}/workspaces/{ours.id}", {"name": f"{ours.name}.2"}).ok
    assert scene.operator.ask("PUT", f"{API}/workspaces/{ours.id}", {"name": theirs.name}).status == 409
    assert scene.operator.ask("PUT", f"{API}/workspaces/{ours.id}", {"name": ours.name}).ok
