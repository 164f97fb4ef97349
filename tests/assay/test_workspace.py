"""What the assay makes it takes away again, as far as routes do."""

from assay.workspace import API, Workspace, make, unlike


def test_a_workspace_is_cleared_of_all_but_its_owners_key(scenes):
    place = make(scenes("sqlite").operator, "cleared")
    place.furnish()
    assert all(listed(place).values())

    place.clear()

    left = listed(place)
    assert [one["id"] for one in left.pop("keys")] == [place.owner.key.split("_")[2]]
    assert not any(left.values()), left


def listed(place: Workspace) -> dict[str, list[dict]]:
    home = f"workspaces/{place.id}"
    lists = (
        "tools?scope=workspace",
        "secrets",
        "keys",
        "approvals?state=pending",
        "approval-rules",
        f"{home}/members",
        f"{home}/invitations",
        f"{home}/grants",
    )
    answers = {one: place.owner.ask("GET", f"{API}/{one}").document for one in lists}
    return {one: answer.get("tools", answer.get("items")) for one, answer in answers.items()}


def test_an_unknown_value_has_the_form_of_the_known_one():
    for value in (
        "exe_01a1fe7e6f7029096b682cadd4ac3cd8",
        "tool-abcde12345-1",
        "SECRET_ABCDE12345_2",
        "3df76b5b64",
    ):
        other = unlike(value, "abcde12345")
        assert other != value
        assert (len(other), other[:3].isupper()) == (len(value), value[:3].isupper())
