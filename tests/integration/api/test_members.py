"""Routes of members and invitations: who makes whom what, and what ends with a membership."""

import asyncio

import pytest

from tests.support.crew import API, refused

ACCEPT = f"{API}/invitations/accept"
WEEK = 7 * 86_400


def body(subject="bob", **more):
    return {"issuer": "acme", "subject": subject, "name": subject.title(), **more}


async def role_of(who):
    return (await who("GET", f"{API}/me")).json["role"]


async def test_a_member_signs_in_with_the_token_of_the_issuer(crew):
    made = (await crew.owner("POST", crew.members, body("ann", role="viewer", read_only=True))).json
    me = (await crew.person("ann")("GET", f"{API}/me")).json

    assert (me["actor_type"], me["actor_id"], me["role"]) == ("user", f"user:{made['id']}", "viewer")
    assert (made["issuer"], made["subject"], made["name"], made["read_only"]) == ("acme", "ann", "Ann", True)
    assert made["created_by"] == "user:owner"
    assert (await crew.owner("GET", crew.members)).json == {"items": [made], "next": None}


async def test_another_issuers_person_of_that_name_is_somebody_else(crew):
    await crew.member("ann")
    other = await crew.owner.as_("jwt:elsewhere:ann")("GET", f"{API}/me")

    assert refused(other)[:2] == (401, "UNAUTHORIZED")


async def test_members_come_in_pages_by_id(crew):
    ids = sorted([(await crew.member(f"p{number}"))[1] for number in range(3)])
    first = (await crew.owner("GET", f"{crew.members}?limit=2")).json
    second = (await crew.owner("GET", f"{crew.members}?limit=2&cursor={first['next']}")).json

    assert [one["id"] for page in (first, second) for one in page["items"]] == ids
    assert second["next"] is None


async def test_one_who_is_a_member_is_409_and_one_who_was_is_welcome(crew):
    ann, member = await crew.member("ann")
    again = await crew.owner("POST", crew.members, body("ann"))
    assert refused(again) == (409, "CONFLICT", "member")
    assert (await crew.owner("DELETE", f"{crew.members}/{member}")).status == 204
    assert (await crew.owner("DELETE", f"{crew.members}/{member}")).status == 404
    assert (await crew.owner("PUT", f"{crew.members}/{member}", {"name": "x"})).status == 404
    assert (await ann("GET", f"{API}/me")).status == 401
    assert (await crew.owner("POST", crew.members, body("ann", role="admin"))).json["id"] == member
    assert await role_of(ann) == "admin"


async def test_of_eight_who_add_one_person_at_once_one_does(crew):
    asked = (crew.owner("POST", crew.members, body()) for _ in range(8))

    assert sorted(reply.status for reply in await asyncio.gather(*asked)) == [201] + [409] * 7


@pytest.mark.parametrize("role", ["owner", "admin", "member", "viewer"])
@pytest.mark.parametrize("by", ["owner", "admin", "member", "viewer"])
async def test_nobody_gives_takes_or_changes_a_wider_role_than_their_own(sqlite_crew, by, role):
    crew, reach = sqlite_crew, ["viewer", "member", "admin", "owner"]
    who, _ = await crew.member("boss", by)
    _, there = await crew.member("there", role)
    _, plain = await crew.member("plain", "viewer")
    answers = [
        await who("POST", crew.members, body("new", role=role)),
        await who("PUT", f"{crew.members}/{plain}", {"role": role}),
        await who("PUT", f"{crew.members}/{there}", {"name": "Other"}),
        await who("POST", crew.invitations, {"name": "x", "role": role}),
        await who("PUT", f"{crew.members}/{there}", {"role": "viewer"}),
        await who("DELETE", f"{crew.members}/{there}"),
    ]
    allowed = by in {"owner", "admin"} and reach.index(role) <= reach.index(by)

    assert [reply.status < 300 for reply in answers] == [allowed] * 6
    assert all(refused(reply)[:2] == (403, "FORBIDDEN") for reply in answers if not allowed)


async def test_a_member_gets_another_name_role_and_reach(crew):
    ann, member = await crew.member("ann")
    place = f"{crew.members}/{member}"
    assert (await crew.owner("PUT", place, {"name": "Anne"})).json["name"] == "Anne"
    assert (await crew.owner("PUT", place, {"role": "admin"})).json["role"] == "admin"
    changed = (await crew.owner("PUT", place, {"read_only": True})).json
    assert (changed["name"], changed["role"], changed["read_only"]) == ("Anne", "admin", True)
    assert (await crew.owner("PUT", place, {})).json == changed
    me = (await ann("GET", f"{API}/me")).json
    assert (me["role"], me["read_only"]) == ("admin", True)
    assert not [one for one in me["permissions"] if "write" in one or "cancel" in one]


@pytest.mark.parametrize(
    "more",
    [{"role": "king"}, {"name": ""}, {"name": "a\x00"}, {"issuer": ""}, {"subject": 1}, {"read_only": "yes"}, {"id": "x"},
     {"created_by": "me"}, {"removed_at": 1}, {"workspace_id": "w"}],
)  # fmt: skip
async def test_a_member_that_cannot_be_is_400(sqlite_crew, more):
    crew = sqlite_crew
    _, there = await crew.member("there")
    for method, place, given in (
        ("POST", crew.members, body() | more),
        ("PUT", f"{crew.members}/{there}", more),
    ):
        assert refused(await crew.owner(method, place, given))[:2] == (400, "VALIDATION_ERROR")


async def test_the_last_owner_stays(crew):
    ann, member = await crew.member("ann", "owner")
    (key,) = (await crew.owner("GET", f"{API}/keys")).json["items"]
    assert (await ann("DELETE", f"{API}/keys/{key['id']}")).status == 204
    place = f"{crew.members}/{member}"
    await crew.key(ann, "deputy", actor_type="service", role="owner", on_behalf_of="me")
    for method, given in (("DELETE", None), ("PUT", {"role": "admin"}), ("PUT", {"read_only": True})):
        assert refused(await ann(method, place, given)) == (409, "CONFLICT", "last_owner")
    assert (await ann("PUT", place, {"name": "Anne", "role": "owner"})).status == 200
    _, other = await crew.member_by(ann, "bob", "owner")
    assert (await ann("POST", f"{API}/suspensions", {"name": f"user:{other}"})).status == 201
    assert refused(await ann("DELETE", place)) == (409, "CONFLICT", "last_owner")
    await ann("DELETE", f"{API}/suspensions/actor/user:{other}")
    assert (await ann("DELETE", place)).status == 204


async def test_the_last_owners_key_stays_unless_a_person_is_an_owner(crew):
    (key,) = (await crew.owner("GET", f"{API}/keys")).json["items"]
    await crew.member("looker", "owner", read_only=True)
    assert refused(await crew.owner("DELETE", f"{API}/keys/{key['id']}")) == (409, "CONFLICT", "last_owner")
    await crew.member("ann", "owner")
    assert (await crew.owner("DELETE", f"{API}/keys/{key['id']}")).status == 204


class TestInvitations:
    async def invite(self, crew, by=None, **more):
        made = await (by or crew.owner)("POST", crew.invitations, {"name": "Bob", **more})
        assert made.status == 201, made.body
        return made.json

    async def test_whoever_brings_it_is_a_member(self, crew):
        made = await self.invite(crew, role="admin")
        accepted = await crew.person("bob")("POST", ACCEPT, {"token": made["token"]})
        assert accepted.json == {"workspace_id": crew.shop, "workspace": "shop", "role": "admin"}
        assert await role_of(crew.person("bob")) == "admin"
        (member,) = (await crew.owner("GET", crew.members)).json["items"]
        assert (member["name"], member["created_by"]) == ("Bob", "user:owner")
        told = (await crew.owner("GET", f"{API}/audit?type=InvitationAccepted")).json["items"][0]
        assert (told["actor_id"], told["about"]) == (f"user:{member['id']}", made["id"])

    async def test_its_text_is_shown_once_and_stored_nowhere(self, crew, rig):
        made = await self.invite(crew)
        (listed,) = (await crew.owner("GET", crew.invitations)).json["items"]
        assert listed == {key: value for key, value in made.items() if key != "token"}
        assert made["token"] not in str(await rig.rows("SELECT * FROM invitations"))

    async def test_it_is_good_once(self, crew):
        made = await self.invite(crew)
        asked = (crew.person(f"p{number}")("POST", ACCEPT, {"token": made["token"]}) for number in range(8))
        answers = await asyncio.gather(*asked)
        assert sorted(reply.status for reply in answers) == [200] + [404] * 7
        assert len((await crew.owner("GET", crew.members)).json["items"]) == 1
        assert (await crew.owner("GET", crew.invitations)).json["items"] == []

    async def test_it_ends_after_a_week(self, crew, rig):
        made, late = await self.invite(crew), await self.invite(crew)
        await rig.go(WEEK - 1)
        assert (await crew.person("bob")("POST", ACCEPT, {"token": made["token"]})).status == 200
        await rig.go(1)
        assert (await crew.person("eve")("POST", ACCEPT, {"token": late["token"]})).status == 404
        assert (await crew.owner("GET", crew.invitations)).json["items"] == []

    async def test_it_can_be_taken_back(self, crew):
        made = await self.invite(crew)
        assert (await crew.owner("DELETE", f"{crew.invitations}/{made['id']}")).status == 204
        assert (await crew.owner("DELETE", f"{crew.invitations}/{made['id']}")).status == 404
        assert (await crew.person("bob")("POST", ACCEPT, {"token": made["token"]})).status == 404

    async def test_every_other_text_is_an_invitation_that_is_not_there(self, crew):
        made = (await self.invite(crew))["token"]
        other = (await crew.operator("POST", f"{API}/workspaces", {"name": "w"})).json["key"]
        foreign = made.replace(crew.shop, crew.home)
        answers = []
        for text in (
            "x",
            made[:-1],
            made.upper(),
            foreign,
            sealed(made, crew.shop, crew.home),
            sealed(made, crew.shop, "0" * 10),
            forged(made),
            other,
        ):
            reply = await crew.person("bob")("POST", ACCEPT, {"token": text})
            answers.append((reply.status, reply.body))
        assert len(set(answers)) == 1
        assert answers[0][0] == 404

    async def test_keys_and_strangers_accept_nothing(self, crew):
        made = await self.invite(crew)
        for who in (crew.owner, crew.owner.as_(""), crew.owner.as_("jwt:x"), crew.owner.as_(made["token"])):
            assert refused(await who("POST", ACCEPT, {"token": made["token"]}))[:2] == (401, "UNAUTHORIZED")

    async def test_a_member_keeps_the_wider_role_and_the_reach(self, crew):
        ann, _ = await crew.member("ann", "admin", read_only=True)
        made = await self.invite(crew, role="viewer")
        assert (await ann("POST", ACCEPT, {"token": made["token"]})).json["role"] == "admin"
        assert (await ann("GET", f"{API}/me")).json["read_only"] is True

    async def test_who_was_removed_comes_back_as_invited(self, crew):
        ann, member = await crew.member("ann", "admin", read_only=True)
        await crew.owner("DELETE", f"{crew.members}/{member}")
        made = await self.invite(crew, role="viewer")
        assert (await ann("POST", ACCEPT, {"token": made["token"]})).json["role"] == "viewer"
        assert (await ann("GET", f"{API}/me")).json["read_only"] is False

    async def test_it_is_no_better_than_its_maker_is_now(self, crew):
        ann, member = await crew.member("ann", "admin")
        made = await self.invite(crew, ann, role="admin")
        bob, place = crew.person("bob"), f"{crew.members}/{member}"
        for worse, better in (
            ({"role": "member"}, {"role": "admin"}),
            ({"read_only": True}, {"read_only": False}),
        ):
            await crew.owner("PUT", place, worse)
            assert (await bob("POST", ACCEPT, {"token": made["token"]})).status == 404
            await crew.owner("PUT", place, better)
        await crew.owner("POST", f"{API}/suspensions", {"name": f"user:{member}"})
        assert (await bob("POST", ACCEPT, {"token": made["token"]})).status == 404
        await crew.owner("DELETE", f"{API}/suspensions/actor/user:{member}")
        await crew.operator("POST", f"{API}/workspaces/{crew.shop}/suspend")
        assert (await bob("POST", ACCEPT, {"token": made["token"]})).status == 404
        await crew.operator("POST", f"{API}/workspaces/{crew.shop}/resume")
        await crew.owner("DELETE", place)
        assert (await ann("POST", ACCEPT, {"token": made["token"]})).status == 404
        assert (await bob("POST", ACCEPT, {"token": made["token"]})).status == 404

    async def test_a_role_is_not_given_by_who_no_longer_has_it(self, crew):
        ann, member = await crew.member("ann", "owner")
        made = await self.invite(crew, ann, role="owner")
        await crew.owner("PUT", f"{crew.members}/{member}", {"role": "admin"})
        assert (await crew.person("bob")("POST", ACCEPT, {"token": made["token"]})).status == 404

    @pytest.mark.parametrize(
        "given", [{}, {"name": ""}, {"name": "x", "role": "king"}, {"name": "x", "token": "mine"}]
    )
    async def test_one_that_cannot_be_is_400(self, sqlite_crew, given):
        answered = await sqlite_crew.owner("POST", sqlite_crew.invitations, given)
        assert refused(answered)[:2] == (400, "VALIDATION_ERROR")

    async def test_they_come_in_pages(self, crew):
        ids = sorted([(await self.invite(crew))["id"] for _ in range(3)])
        first = (await crew.owner("GET", f"{crew.invitations}?limit=2")).json
        second = (await crew.owner("GET", f"{crew.invitations}?limit=2&cursor={first['next']}")).json
        assert [one["id"] for page in (first, second) for one in page["items"]] == ids
        assert second["next"] is None


def sealed(token, before, after):
    """The same text for another workspace, with a checksum that fits."""
    from toolcrib.identity.tokens import _checksum

    body = token[:-8].replace(before, after)
    return body + _checksum(body)


def forged(token):
    """The invitation's id with a secret of one's own."""
    from toolcrib.identity.tokens import _checksum

    body = token[:-72] + "0" * 64
    return body + _checksum(body)
