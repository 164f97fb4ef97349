"""T19, B3: who may agree to a call, who may refuse it and who is shown it, by hand: whoever stands in the table may, on a
call of each kind; everybody else is refused and nothing runs.
"""

from dataclasses import dataclass

import pytest

from tests.security.approvers import (
    API,
    Shop,
    approve,
    deny,
    held,
    open_corp,
    shop_of,
    shown,
    signed_in,
    unheard,
)
from tests.security.errors import error_of

# Who is there. Ann and Bob are admins who signed in, Dora was one when her agent got its key and is a member now, Mel and
# Kim are members, Mel signed in and Kim has a key; Lou is an admin who only looks; Vic is a viewer.
PEOPLE = {"ann": "admin", "bob": "admin", "dora": "admin", "mel": "member", "vic": "viewer"}
KEYS = {
    "admin key": {"role": "admin"},
    "kim": {"role": "member"},
    "limited admin": {"role": "admin", "tools": []},
    "service owner": {"actor_type": "service", "role": "owner"},
    "service": {"actor_type": "service", "role": "member"},
    "agent owner": {"actor_type": "agent", "role": "owner"},
    "agent": {"actor_type": "agent", "role": "member"},
}
ON_BEHALF = {
    "agent of ann": ("ann", "agent"),
    "service of ann": ("ann", "service"),
    "agent of dora": ("dora", "agent"),
}
# By whom a call is made → who agrees to it; and under a rule that wants a second person. The owner made all
# keys but those on behalf of others, so that the admin key is no second person's for a call of the owner, nor the owner
# one for the calls of agents and services with keys of the owner's.
AGREES = {
    "agent of ann": ({"ann"}, {"owner", "admin key", "bob"}),
    "service of ann": ({"ann"}, {"owner", "admin key", "bob"}),
    "agent of dora": ({"dora"}, {"owner", "admin key", "ann", "bob"}),
    "agent": ({"owner", "admin key", "ann", "bob"}, {"admin key", "ann", "bob"}),
    "agent owner": ({"owner", "admin key", "ann", "bob"}, {"admin key", "ann", "bob"}),
    "service": ({"owner", "admin key", "ann", "bob"}, {"admin key", "ann", "bob"}),
    "service owner": ({"owner", "admin key", "ann", "bob"}, {"admin key", "ann", "bob"}),
    "ann": ({"ann"}, {"owner", "admin key", "bob"}),
    "mel": ({"mel"}, {"owner", "admin key", "ann", "bob"}),
    "kim": ({"kim"}, {"owner", "admin key", "ann", "bob"}),
    "admin key": ({"admin key"}, {"owner", "ann", "bob"}),
    "owner": ({"owner"}, {"ann", "bob"}),
}
REFUSES = {"owner", "admin key", "ann", "bob", "service owner"}
"""They may refuse any call, beside whoever may agree to it."""
PERSON = {"agent of ann": "ann", "service of ann": "ann", "agent of dora": "dora"}
ELSEWHERE = {"stranger": 404, "operator": 404, "nobody": 401, "not invited": 401}


@dataclass
class Asked:
    """The shop with one tool for each number of people that it takes."""

    shop: Shop
    tools: dict[bool, str]
    paths: dict[bool, str]

    def ran(self) -> int:
        return sum(map(self.shop.ran, self.paths.values()))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def asked(request, stage, tmp_path_factory):
    url = request.getfixturevalue("postgres").fresh_database() if request.param == "postgresql" else None
    with open_corp(tmp_path_factory.mktemp(request.param), stage, url) as house:
        shop = furnished(shop_of(house, "shop"))
        paths = {second: unheard() for second in (False, True)}
        tools = {second: shop.tool(path) for second, path in paths.items()}
        shop.rule("two", tool=tools[True], second=True)
        yield Asked(shop, tools, paths)


def furnished(shop: Shop) -> Shop:
    shop.cast["owner"] = shop.owner
    for name, role in PEOPLE.items():
        shop.person(name, role)
    shop.person("lou", "admin", read_only=True)
    for name, wanted in KEYS.items():
        shop.key(name, **wanted)
    for name, (person, kind) in ON_BEHALF.items():
        shop.key(name, by=shop.cast[person], actor_type=kind, on_behalf_of="me")
    demoted = shop.owner.call(
        "PUT", f"{API}/workspaces/{shop.id}/members/{shop.ids['dora']}", {"role": "member"}
    )
    assert demoted.status == 200, demoted.body
    assert shop.owner.call("PUT", f"{API}/workspaces/{shop.id}", {"share_with_admin": True}).status == 200
    shop.cast |= {
        "stranger": shop.house.stranger,
        "operator": shop.house.client,
        "nobody": shop.owner.as_(""),
        "not invited": signed_in(shop.owner, "nobody-knows"),
    }
    return shop


def refusal(name: str) -> int:
    return ELSEWHERE.get(name, 404 if name == "limited admin" else 403)


@pytest.mark.parametrize("second", [False, True], ids=["one", "two"])
@pytest.mark.parametrize("caller", AGREES)
def test_who_agrees(asked: Asked, caller: str, second: bool):
    shop, may = asked.shop, AGREES[caller][second]
    one, before = held(shop.cast[caller], asked.tools[second]), asked.ran()
    for name, who in shop.cast.items():
        if name not in may:
            reply = approve(who, one)
            assert (name, reply.status) == (name, refusal(name)), reply.body
            error_of(reply)
    assert asked.ran() == before
    assert shown(shop.owner, one)["state"] == "pending"

    for name in sorted(may):
        reply = approve(shop.cast[name], one)
        assert (name, reply.status, reply.json.get("status")) == (name, 200, "succeeded"), reply.body
        assert approve(shop.cast[name], one).status == 409
        one = held(shop.cast[caller], asked.tools[second])
    assert asked.ran() == before + len(may)
    assert deny(shop.owner, one).status == 200


@pytest.mark.parametrize("second", [False, True], ids=["one", "two"])
@pytest.mark.parametrize("caller", AGREES)
def test_who_refuses(asked: Asked, caller: str, second: bool):
    shop, may = asked.shop, AGREES[caller][second] | REFUSES
    one, before = held(shop.cast[caller], asked.tools[second]), asked.ran()
    for name, who in shop.cast.items():
        if name not in may:
            reply = deny(who, one)
            assert (name, reply.status) == (name, refusal(name)), reply.body
    assert shown(shop.owner, one)["state"] == "pending"

    for name in sorted(may):
        reply = deny(shop.cast[name], one, "no")
        assert (name, reply.status, reply.json.get("state")) == (name, 200, "denied"), reply.body
        assert approve(shop.cast[min(AGREES[caller][second])], one).status == 409
        one = held(shop.cast[caller], asked.tools[second])
    assert asked.ran() == before
    assert deny(shop.owner, one).status == 200


@pytest.mark.parametrize("second", [False, True], ids=["one", "two"])
@pytest.mark.parametrize("caller", AGREES)
def test_who_is_shown_the_call(asked: Asked, caller: str, second: bool):
    shop, sees = asked.shop, AGREES[caller][second] | {caller, PERSON.get(caller, caller)}
    one = held(shop.cast[caller], asked.tools[second], {"n": "the-argument-itself"})
    for name, who in shop.cast.items():
        reply = who.call("GET", f"{API}/approvals/{one}")
        assert (name, reply.status) == (name, 200 if refusal(name) == 403 else refusal(name)), reply.body
        shows = reply.status == 200 and reply.json["request"] is not None
        assert (name, shows) == (name, name in sees), reply.body
        assert (b"the-argument-itself" in reply.body) == shows

    visitor = shop.house.client.call(
        "GET", f"{API}/approvals/{one}", headers={"X-Toolcrib-Workspace": shop.id}
    )
    assert (visitor.status, visitor.json["request"]) == (200, None)
    assert deny(shop.owner, one).status == 200
    assert shown(shop.owner, one)["request"] is None


@pytest.mark.parametrize("caller", AGREES)
def test_the_operator_who_visits_decides_nothing(asked: Asked, caller: str):
    shop, before = asked.shop, asked.ran()
    one = held(shop.cast[caller], asked.tools[False])
    for verb, body in (("approve", None), ("deny", {})):
        header = {"X-Toolcrib-Workspace": shop.id}
        reply = shop.house.client.call("POST", f"{API}/approvals/{one}/{verb}", body, headers=header)
        assert error_of(reply)["code"] == "FORBIDDEN"
    assert (asked.ran(), shown(shop.owner, one)["state"]) == (before, "pending")
    assert deny(shop.owner, one).status == 200


def test_the_table_says_something_of_everybody(asked: Asked):
    told = set().union(*(one | two for one, two in AGREES.values())) | REFUSES
    never = {"lou", "vic", "limited admin", *ON_BEHALF, "service", "agent", "agent owner", *ELSEWHERE}
    assert told | never == set(asked.shop.cast)
    assert told & never == set()
    assert all(two.isdisjoint({caller, PERSON.get(caller)}) for caller, (_, two) in AGREES.items())
