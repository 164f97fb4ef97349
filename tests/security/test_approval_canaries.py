"""B5 of calls that wait: what a secret is worth stands in no answer, file or dump; what a contract does not keep stays out of
every table until it has run, and after.
"""

import json

import pytest

from tests.security.approvers import API, approve, deny, held, open_corp, shop_of, shown, unheard
from tests.security.canaries import SECRETS, Search, plain_strings
from tests.security.house import new_name
from tests.security.test_secret_canaries import AUTHS, SENDABLE, dump, files, logs

HIDDEN = {
    "WRITE_ONLY": "wr1te-0nly-memb3r-of-it", "BELOW": "b3low-the-wr1te-0nly", "NAMED": "nam3d-as-a-passw0rd-5", "PAYLOAD_NONE": "pl4in-but-n0t-kept-at-all",
    "PAYLOAD_DIGEST": "pl4in-but-dig3sted-0nly",
}  # fmt: skip
SCHEMA = {
    "type": "object",
    "additionalProperties": True,
    "properties": {
        "pin": {"type": "string", "writeOnly": True},
        "card": {"type": "object", "writeOnly": True, "additionalProperties": True},
        "password": {"type": "string"},
    },
}
GIVEN = {
    "pin": HIDDEN["WRITE_ONLY"],
    "card": {"number": HIDDEN["BELOW"]},
    "password": HIDDEN["NAMED"],
    "to": "a-plain-part",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request, stage, tmp_path):
    url = request.getfixturevalue("postgres").fresh_database() if request.param == "postgresql" else None
    with open_corp(tmp_path / "house", stage, url) as opened:
        yield opened


@pytest.fixture
def shop(house):
    shop = shop_of(house, new_name())
    shop.key("agent", actor_type="agent")
    for name, value in SECRETS.items():
        house.secret(value, f"CANARY_{name}", client=shop.owner)
    return shop


def everything(shop, folder, told):
    """All that was answered, and all that the owner can ask for, the logs, the files and the dump."""
    for path in (
        "approvals?limit=200",
        "audit?limit=200",
        "tools/executions?limit=200",
        "approval-rules",
        "tools?limit=200",
    ):
        told.append(shop.owner.call("GET", f"{API}/{path}").body)
    for one in json.loads(shop.owner.call("GET", f"{API}/tools/executions?limit=200").body)["items"]:
        for rest in ("", "/events", "/result"):
            told.append(shop.owner.call("GET", f"{API}/tools/executions/{one['execution_id']}{rest}").body)
    answers = b"\n".join([*told, *map(plain_strings, told)])
    return {"answers": answers, **logs(shop.house), **files(shop.house), **dump(shop.house, folder)}


def leaks(places, values):
    search = Search(values)
    return [f"{where}: {hit}" for where, text in places.items() for hit in search.hits(text)]


def test_a_secret_stands_nowhere_while_its_call_waits_and_after(shop, tmp_path):
    told, sent = [], 0
    for name, value in SECRETS.items():
        for way in AUTHS if name in SENDABLE else ("query", "a parameter"):
            path = unheard()
            tool = shop.tool(path, api=AUTHS[way](f"${{CANARY_{name}}}"))
            one = held(shop.cast["agent"], tool, {"q": value})
            told.append(json.dumps(shown(shop.owner, one)).encode())
            sent += 1
            decide = approve if sent % 3 else deny
            told.append(decide(shop.owner, one).body)
            told.append(shop.owner.call("GET", f"{API}/approvals/{one}").body)
            assert shop.ran(path) == (decide is approve), (name, way)
        held(shop.cast["agent"], tool, {"q": value})

    assert leaks(everything(shop, tmp_path, told), SECRETS.items()) == []
    assert sent >= 2 * len(SECRETS) + 4 * len(SENDABLE)


def test_what_is_marked_or_not_kept_stays_out_of_every_table(shop, tmp_path):
    told = []
    for record, word in ((None, None), ("none", "PAYLOAD_NONE"), ("digest", "PAYLOAD_DIGEST")):
        given = GIVEN | ({"text": HIDDEN[word]} if word else {})
        path = unheard()
        tool = shop.tool(path, input_schema=SCHEMA, **({"record": record} if record else {}))
        for decide in (approve, deny, None):
            one = held(shop.cast["agent"], tool, given)
            page = shown(shop.owner, one)["request"]
            assert page["input"]["to"] == "a-plain-part"
            assert page["input"].get("text") == given.get("text"), "who agrees sees what is not kept"
            told.append(
                json.dumps({**page, "input": page["input"] | {"text": ""}})
                .encode()
                .replace((given.get("text") or "-").encode(), b"")
            )
            if decide:
                told.append(decide(shop.owner, one).body)
        assert shop.ran(path) == 1
        assert HIDDEN["WRITE_ONLY"].encode() in shop.house.stage.at(path)[0].body

    assert leaks(everything(shop, tmp_path, told), HIDDEN.items()) == []


def test_the_search_hears_of_what_is_kept(shop, tmp_path):
    """The control: the same words under names that nothing hides are found in answers and in the database."""
    tool = shop.tool(unheard())
    one = held(shop.cast["agent"], tool, {"text": HIDDEN["PAYLOAD_NONE"]})

    places = everything(shop, tmp_path, [json.dumps(shown(shop.owner, one)).encode()])

    found = leaks(places, [("PAYLOAD_NONE", HIDDEN["PAYLOAD_NONE"])])
    assert any(hit.startswith("answers") for hit in found)
    assert any(not hit.startswith("answers") for hit in found), "the tables keep it"
