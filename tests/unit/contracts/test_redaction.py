"""What may be stored of a payload: nothing under a secret's name, no known form of a key, and all the rest as it was."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.contracts.redaction import REDACTED, Redactor, _says_secret, is_secret_name, struck_places

PLAIN = Redactor(None)
HIDDEN = {"writeOnly": True}
FORMS = ["Bearer abcdef0123", "bearer  eyJhbGciOi.J9-_~+/=", "sk-abcdefgh12345678", "sk_live_abcdefgh12345678", "tcb_ws_key_0123456789abcdef"]  # fmt: skip


def stored(value, schema=None):
    written = orjson.dumps(value)
    return orjson.loads(Redactor(schema).redact(written, value))


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "Password", "userPassword", "user_password", "user-password", "passwordHash", "passwd", "passwords", "pwd", "passphrase", "wifi_passcode", "secret", "clientSecret",
        "client_secret", "CLIENT-SECRET", "apisecret", "api_key", "api-key", "apikey", "apiKey", "APIKey", "APIKEY", "API_KEY", "x-api-key",
        "X-API-Key", "api key", "api__key", "token", "accessToken", "access_token", "refreshToken", "auth_token", "X-Auth-Token", "credential",
        "credentials", "userCredentials", "private_key", "privateKey", "PrivateKeyPEM", "private-key", "privatekey", "bearer", "authorization",
        "Authorization", "proxy-authorization", "authorisation", "token2",
    ],
)  # fmt: skip
def test_a_secrets_name_is_known_in_every_writing(name):
    assert is_secret_name(name)
    assert stored({name: "told"}) == {name: REDACTED}


@pytest.mark.parametrize(
    "name",
    [
        "tokens_used", "max_tokens", "totalTokens", "secretary", "secrets", "passenger", "compass", "tokenizer", "key", "api", "keyboard", "apiary",
        "monkey", "api_version_key", "privateer", "authorized", "author", "bearers", "", "x", "öffentlich",
    ],
)  # fmt: skip
def test_an_innocent_name_is_left_alone(name):
    assert not is_secret_name(name)
    assert stored({name: "told"}) == {name: "told"}


@pytest.mark.parametrize("value", ["x", "", 0, 12345, False, [1, [2]], {"a": {"b": "c"}}, {}])
def test_what_a_secrets_name_holds_is_replaced_whole(value):
    assert stored({"a": [{"password": value, "b": 1}]}) == {"a": [{"password": REDACTED, "b": 1}]}


def test_one_secret_is_found_in_a_large_payload():
    much = ["a" * 50_000, "ä" * 50_000] * 8
    assert stored([*much, {"wifi_Passcode": "told"}, *much]) == [*much, {"wifi_Passcode": REDACTED}, *much]


def test_a_secret_that_is_not_there_stays_not_there():
    assert stored({"token": None, "b": "password"}) == {"token": None, "b": "password"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("around", ["{}", "use {} now", "a\n{}", "\t{}", '"{}"', "é{}", "a={},b"])
def test_a_key_known_by_its_form_is_found_in_any_text(form, around):
    told = json.dumps(stored([around.format(form), {around.format(form): 1}]))
    assert form.split()[-1] not in told
    assert REDACTED in told


def test_the_scheme_before_a_key_stays():
    assert stored(["Authorization: Bearer abcdefgh12 and more"]) == [
        "Authorization: Bearer [REDACTED] and more"
    ]


@pytest.mark.parametrize("text", ["bearer", "Bearer short", "task-abcdefgh12345678", "sk-short", "disk_abcdefgh12345678", "tcb_", "risk-free"])  # fmt: skip
def test_a_text_that_only_looks_like_one_stays(text):
    assert stored([text]) == [text]


def test_names_that_are_keys_are_struck_and_no_entry_is_lost():
    given = {"sk-abcdefgh12345678": 1, "sk-abcdefgh87654321": {"a": 2}, "c": 3, "tcb_0123456789abcdef": 4}
    kept = {REDACTED: 1, "[REDACTED] 2": {"a": 2}, "c": 3, "[REDACTED] 3": 4}
    assert list(stored([given])[0].items()) == list(kept.items())


def test_a_struck_name_takes_no_other_names_place():
    given = {
        "sk-abcdefgh12345678": 1, REDACTED: 2, "[REDACTED] 2": 3, "sk-abcdefgh87654321 3": 4, "sk-abcdefgh87654321": 5,
        "Bearer abcdefgh": 6, "Bearer hgfedcba": 7,
    }  # fmt: skip
    assert stored(given) == {
        "[REDACTED] 3": 1, REDACTED: 2, "[REDACTED] 2": 3, "[REDACTED] 3 2": 4, "[REDACTED] 4": 5,
        "Bearer [REDACTED]": REDACTED, "Bearer [REDACTED] 2": REDACTED,
    }  # fmt: skip


def test_many_names_that_are_keys_stay_as_many():
    given = {f"sk-abcdefgh{n:08}": n for n in range(20_000)}
    assert list(stored(given).values()) == list(range(20_000))


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ("[REDACTED]", [""]),
        ({"a": ["x", "with [secret:KEY] in it", "Bearer [REDACTED]"]}, ["/a/1", "/a/2"]),
        ({"[REDACTED]": 1, "[REDACTED] 2": {"b": 2}}, ["/[REDACTED]", "/[REDACTED] 2"]),
        ({"a/~[secret:KEY]": 1}, ["/a~1~0[secret:KEY]"]),
        ({"[REDACTED]": "[REDACTED]", "[secret:K]": {"a": "[REDACTED]"}}, ["/[REDACTED]", "/[secret:K]", "/[secret:K]/a"]),
        ({"a": "REDACTED", "secret:": [1, None, True]}, []),
    ],
)  # fmt: skip
def test_places_where_something_was_struck_are_named_once(value, places):
    assert list(struck_places(value)) == places


@pytest.mark.parametrize("name", ["password", "access_token", "x-api-key", "privateKey", "Authorization", "APIKEY", "pwd", "bearer", "credential", "apisecret", "passcode"])  # fmt: skip
def test_a_very_long_name_that_holds_a_secrets_name_is_one(name):
    for long in (f"{name} {'of mine ' * 50}", f"{'my ' * 100}{name}", f"{'my ' * 100}{name}{' a' * 100_000}"):
        assert is_secret_name(long)
        assert list(stored({long: "told"}).values()) == [REDACTED]


def test_a_very_long_name_without_one_is_none_and_is_not_remembered():
    remembered = _says_secret.cache_info().currsize
    for n in range(20):
        assert not is_secret_name(f"{n} ab" * 100_000 + "\ud800")
    assert _says_secret.cache_info().currsize == remembered
    assert not is_secret_name("x" * 244 + " tokens_used")
    assert is_secret_name("x" * 245 + " tokens_used"), "of one that long a hint is enough"


@pytest.mark.parametrize(
    "value", [{}, [], None, "text", {"a": [1, 2.5, "b", None, True]}, {"tokens_used": 5}, {"b": "Bearer x"}]
)
def test_where_nothing_is_struck_out_the_text_is_the_same_object(value):
    written = orjson.dumps(value)
    assert PLAIN.redact(written, value) is written
    assert Redactor({"properties": {"other": HIDDEN}}).redact(written, value) is written


@pytest.mark.parametrize(
    ("schema", "value", "kept"),
    [
        (HIDDEN, {"a": 1}, REDACTED),
        ({"properties": {"pin": HIDDEN}}, {"pin": [1, {"x": 2}], "b": 1}, {"pin": REDACTED, "b": 1}),
        ({"properties": {"pin": HIDDEN}}, {"pin": None}, {"pin": REDACTED}),
        ({"properties": {"pin": {"writeOnly": False}}}, {"pin": 1}, {"pin": 1}),
        ({"properties": {"a": {"properties": {"b": HIDDEN}}}}, {"a": {"b": 1, "c": 2}, "b": 3}, {"a": {"b": REDACTED, "c": 2}, "b": 3}),
        ({"properties": {"pin": {"type": "string"}}, "allOf": [{"properties": {"pin": HIDDEN}}]}, {"pin": "1"}, {"pin": REDACTED}),
        ({"items": HIDDEN}, [1, 2], [REDACTED, REDACTED]),
        ({"items": {"properties": {"pin": HIDDEN}}}, [{"pin": 1, "b": 2}], [{"pin": REDACTED, "b": 2}]),
        ({"prefixItems": [{}, HIDDEN], "items": {"type": "integer"}}, ["me", "x", 3], ["me", REDACTED, 3]),
        ({"prefixItems": [{}], "items": HIDDEN}, [1, 2, 3], [1, REDACTED, REDACTED]),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "items": [HIDDEN, {}], "additionalItems": {}}, [1, 2, 3], [REDACTED, 2, 3]),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{}], "additionalItems": HIDDEN}, [1, 2], [1, REDACTED]),
        ({"contains": HIDDEN}, [1], [REDACTED]),
        ({"additionalProperties": HIDDEN, "properties": {"a": {}}}, {"a": 1, "b": 2}, {"a": 1, "b": REDACTED}),
        ({"patternProperties": {"^pin": HIDDEN}}, {"pin1": 1}, {"pin1": REDACTED}),
        ({"unevaluatedProperties": HIDDEN}, {"a": 1}, {"a": REDACTED}),
        ({"$ref": "#/$defs/p", "$defs": {"p": {"properties": {"pin": HIDDEN}}}}, {"pin": 1}, {"pin": REDACTED}),
        ({"properties": {"a": {"$ref": "#/$defs/p"}}, "$defs": {"p": HIDDEN}}, {"a": 1, "p": 2}, {"a": REDACTED, "p": 2}),
        ({"properties": {"a": {"$ref": "#pin"}}, "$defs": {"p": {"$anchor": "pin"} | HIDDEN}}, {"a": 1}, {"a": REDACTED}),
        ({"properties": {"a/b~c": HIDDEN}}, {"a/b~c": 1}, {"a/b~c": REDACTED}),
        ({"anyOf": [{"type": "string"}, {"properties": {"pin": HIDDEN}}]}, {"pin": 1}, {"pin": REDACTED}),
        ({"oneOf": [{"properties": {"pin": HIDDEN}}, {"properties": {"b": {}}}]}, {"pin": 1, "b": 2}, {"pin": REDACTED, "b": 2}),
        ({"if": {"properties": {"a": HIDDEN}}, "then": {"properties": {"b": HIDDEN}}, "else": {"properties": {"c": HIDDEN}}}, {"a": 1, "b": 2, "c": 3, "d": 4}, {"a": REDACTED, "b": REDACTED, "c": REDACTED, "d": 4}),
        ({"dependentSchemas": {"a": {"properties": {"b": HIDDEN}}}}, {"a": 1, "b": 2}, {"a": 1, "b": REDACTED}),
        ({"properties": {"writeOnly": {"type": "boolean"}}}, {"writeOnly": True}, {"writeOnly": True}),
        ({"properties": {"a": True, "b": HIDDEN}}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)  # fmt: skip
def test_a_mark_counts_wherever_the_schema_may_apply(schema, value, kept):
    assert stored(value, schema) == kept


def test_a_schema_that_refers_to_itself_marks_every_level():
    node = {
        "properties": {
            "pin": HIDDEN,
            "next": {"$ref": "#/$defs/node"},
            "all": {"items": {"$ref": "#/$defs/node"}},
        }
    }
    value = {"pin": 1, "next": {"pin": 2, "all": [{"pin": 3, "n": 1}, {"next": {"pin": 4}}]}, "n": 0}
    assert stored(value, {"$ref": "#/$defs/node", "$defs": {"node": node}}) == {
        "pin": REDACTED, "next": {"pin": REDACTED, "all": [{"pin": REDACTED, "n": 1}, {"next": {"pin": REDACTED}}]}, "n": 0,
    }  # fmt: skip


PIN = {"$id": "http://x/pin", "$anchor": "pin", **HIDDEN, "$defs": {"in": HIDDEN}}
OLD = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
@pytest.mark.parametrize(
    "ref",
    [
        "pin",
        "/pin",
        "http://x/pin",
        "pin#pin",
        "pin#/$defs/in",
        "#/$defs/p",
        "root#/$defs/p",
        "http://x/root#/$defs/p/$defs/in",
    ],
)
def test_a_mark_counts_behind_every_form_of_reference(keyword, ref):
    schema = {"$id": "http://x/root", "properties": {"a": {keyword: ref}}, "$defs": {"p": PIN}}
    assert stored({"a": 1, "b": 2}, schema) == {"a": REDACTED, "b": 2}


def test_a_mark_counts_behind_the_names_of_older_drafts():
    held = {"p": {"$id": "urn:example:pin", "definitions": {"n": {"$id": "#n", **HIDDEN}}}}
    schema = {"$schema": OLD, "properties": {"a": {"$ref": "urn:example:pin#n"}}, "definitions": held}
    assert stored({"a": 1}, schema) == {"a": REDACTED}


def test_a_mark_counts_on_every_way_to_a_dynamic_reference():
    node = {"$id": "x:node", "$dynamicAnchor": "n", "properties": {"pin": {"$dynamicRef": "#n"}}}
    hidden = {"$id": "x:hidden", "$dynamicAnchor": "n", "anyOf": [{"$ref": "x:node"}, HIDDEN]}
    schema = {
        "properties": {"a": {"$ref": "x:hidden"}, "b": {"$ref": "x:node"}},
        "$defs": {"n": node, "h": hidden},
    }
    value = {"a": 1, "b": {"pin": 1}}
    assert stored(value, schema) == {"a": REDACTED, "b": {"pin": 1}}
    seen = {**hidden, "anyOf": [{"$ref": "x:node"}], "allOf": [{"properties": {"q": HIDDEN}}]}
    value = {"a": {"pin": {"q": 1}}, "b": {"pin": {"q": 1}}}
    told = {"a": {"pin": {"q": REDACTED}}, "b": {"pin": {"q": 1}}}
    assert stored(value, schema | {"$defs": {"n": node, "h": seen}}) == told


def test_many_members_that_no_schema_names_cost_no_memory():
    redactor = Redactor(
        {"properties": {"pin": HIDDEN}, "additionalProperties": {"properties": {"pin": HIDDEN}}}
    )
    value = {f"m{n}": {"pin": n} for n in range(10_000)}
    assert json.loads(redactor.redact(orjson.dumps(value), value)) == {
        name: {"pin": REDACTED} for name in value
    }
    assert len(redactor._marks._known) < 10


def test_what_is_remembered_of_a_schema_is_bounded():
    names = [f"m{level}-{n}" for level in range(9) for n in range(90)]
    levels = {
        f"l{k}": {"properties": {name: HIDDEN for name in names if name.startswith(f"m{k}-")}}
        for k in range(9)
    }
    for k in range(8):
        levels[f"l{k}"]["properties"]["next"] = {"$ref": f"#/$defs/l{k + 1}"}
    value, kept = {}, {}
    for k in reversed(range(9)):
        value = dict.fromkeys(names, 1) | {"next": value}
        kept = {name: REDACTED if name.startswith(f"m{k}-") else 1 for name in names} | {"next": kept}
    redactor = Redactor({"$ref": "#/$defs/l0", "$defs": levels})
    assert json.loads(redactor.redact(orjson.dumps(value), value)) == kept
    assert len(redactor._marks._known) <= 4_096


NAMES = st.sampled_from(["a", "b", "list", "tokens_used", "näme", ""])
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8) | st.floats(allow_nan=False, allow_infinity=False)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
PLANTED = "planted-value-7f3a"
MARKED = {
    "properties": {
        "pin": HIDDEN,
        "a": {"$ref": "#"},
        "b": {"$ref": "#"},
        "list": {"$ref": "#"},
        "": {"$ref": "#"},
    },
    "additionalProperties": {"$ref": "#"},
    "items": {"$ref": "#"},
}


@st.composite
def with_a_secret(draw):
    """A value with the planted one at some depth under a marked or a telling name, and the same with it struck out."""
    name = draw(st.sampled_from(["pin", "password", "apiKey", "X-Auth-Token"]))
    secret = draw(st.sampled_from([PLANTED, [PLANTED], {"deep": {PLANTED: PLANTED}}]))
    given_, kept = {name: secret}, {name: REDACTED}
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            beside = draw(VALUES)
            given_, kept = [beside, given_], [beside, kept]
        else:
            into, rest = draw(NAMES), draw(st.dictionaries(NAMES, VALUES, max_size=2))
            given_, kept = {**rest, into: given_}, {**rest, into: kept}
    return given_, kept


@given(with_a_secret())
def test_a_planted_secret_never_stays_and_all_else_does(pair):
    value, kept = pair
    written = Redactor(MARKED).redact(orjson.dumps(value), value)
    assert PLANTED.encode() not in written
    assert written == orjson.dumps(kept)


@given(VALUES)
def test_a_value_without_a_secret_is_stored_as_it_is(value):
    written = orjson.dumps(value)
    assert PLAIN.redact(written, value) is written
    assert Redactor(MARKED).redact(written, value) is written
