"""Ids and keys that are nearly somebody's are nobody's."""

import pytest

from assay.wire import Party
from assay.workspace import API, Workspace
from tests.assay.cast import is_refusal
from tests.assay.scene import Scene

NULLS = ["A%00", "%00A", "A%00B", "{secret}%00", "%00{secret}", "{key}%00"]


@pytest.fixture(scope="session")
def pair(scene: Scene) -> list[Workspace]:
    """Two workspaces, each with something in it."""
    places = [
        Workspace(one.owner, one.name, f"{one.mark}i", operator=one.operator)
        for one in (scene.ours, scene.theirs)
    ]
    for place in places:
        place.furnish()
    return places


def test_a_key_with_anothers_workspace_or_id_in_it_is_none(pair):
    ours_parts, theirs_parts = (place.owner.key.split("_") for place in pair)
    for position in (1, 2):
        for mine, other in ((ours_parts, theirs_parts), (theirs_parts, ours_parts)):
            forged = [*mine[:position], other[position], *mine[position + 1 :]]
            stranger = Party("forger", pair[0].owner.wire, "_".join(forged))
            assert is_refusal(stranger.ask("GET", f"{API}/tools"), 401), position
    assert all(place.owner.ask("GET", f"{API}/tools").ok for place in pair)


@pytest.mark.parametrize("name", NULLS)
@pytest.mark.parametrize("kind", ["secrets", "keys"])
def test_an_id_with_a_null_in_it_is_no_other_id(pair, kind, name):
    ours, _ = pair

    reply = ours.owner.ask("DELETE", f"{API}/{kind}/{name.format(**ours.own)}")

    assert is_refusal(reply, 404) or is_refusal(reply, 400), reply.body
    for listed, own in (("secrets", "secret"), ("keys", "key")):
        assert ours.own[own].encode() in ours.owner.ask("GET", f"{API}/{listed}?limit=200").body


def test_another_workspace_cannot_be_asked_for(pair):
    ours, theirs = pair

    refused = ours.owner.ask("GET", f"{API}/tools/executions?tenant_id={theirs.own['workspace']}")

    assert is_refusal(refused, 403)
    assert ours.owner.ask("GET", f"{API}/tools/executions?tenant_id={ours.own['workspace']}").ok


def test_the_name_of_a_rule_is_free_in_every_workspace(pair):
    """One that says nothing of either, so that the books of neither tell of the other."""
    (ours, theirs), place = pair, f"{API}/approval-rules/a.common.name"
    for party in pair:
        assert party.owner.ask("PUT", place, {"tool": "nothing.here"}).ok
    before = theirs.owner.ask("GET", f"{API}/approval-rules?limit=200").body

    assert ours.owner.ask("DELETE", place).ok

    assert theirs.owner.ask("GET", f"{API}/approval-rules?limit=200").body == before
    assert b"a.common.name" in before
    assert theirs.owner.ask("DELETE", place).ok
