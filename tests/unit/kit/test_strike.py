"""No form of a secret that an upstream can echo comes back."""

import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.providers.http.fakes import contract, run
from toolcrib.contracts.provider import Success
from toolcrib.kit.http import HttpReply
from toolcrib.kit.json import dumps, loads
from toolcrib.kit.strike import Strikes
from toolcrib.providers.http.reply import plan_reply

SECRET = "p/ä?s~s>w+rd \"x'\\é{1}:9"  # every class of character that some encoding treats in a way of its own
RAW = SECRET.encode()

FORMS = {
    "raw": RAW,
    "latin-1": SECRET.encode("latin-1"),
    "json": json.dumps(SECRET, ensure_ascii=False)[1:-1].encode(),
    "json in json": json.dumps(json.dumps(SECRET, ensure_ascii=False)[1:-1], ensure_ascii=False)[
        1:-1
    ].encode(),
    "percent": quote(SECRET, safe="").encode(),
    "percent lower": quote(SECRET, safe="").lower().encode(),
    "percent, slashes kept": quote(SECRET).encode(),
    "percent, as a browser": quote(SECRET, safe="!'()*").encode(),
    "percent, all of it": "".join(f"%{byte:02X}" for byte in RAW).encode(),
    "form": quote_plus(SECRET).encode(),
    "hex": RAW.hex().encode(),
    "hex upper": RAW.hex().upper().encode(),
    "base64": b64encode(RAW),
    "base64 unpadded": b64encode(RAW).rstrip(b"="),
    "base64url": urlsafe_b64encode(RAW),
    "utf-16-le": SECRET.encode("utf-16-le"),
    "utf-16-be": SECRET.encode("utf-16-be"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_struck_in_each_form(form):
    assert (
        Strikes([("KEY", SECRET)]).strike(b"before " + FORMS[form] + b" after")
        == b"before [secret:KEY] after"
    )


@pytest.mark.parametrize("form", FORMS)
def test_every_occurrence_is_struck(form):
    assert Strikes([("KEY", SECRET)]).strike(b"|".join([FORMS[form]] * 3)) == b"|".join([b"[secret:KEY]"] * 3)


@pytest.mark.parametrize("encoder", [b64encode, urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "u", "us", "use", "user:"])
@pytest.mark.parametrize("after", ["", "x", "xy", "xyz"])
def test_base64_of_a_text_around_the_secret_gives_nothing_of_it(encoder, before, after):
    secret = "Tr0ub4dor&3-horse>?battery"
    struck = Strikes([("KEY", secret)]).strike(encoder(f"{before}{secret}{after}".encode()))
    assert b"[secret:KEY]" in struck
    rest = struck.replace(b"[secret:KEY]", b"").rstrip(b"=")
    decoded = b64decode(rest.translate(bytes.maketrans(b"-_", b"+/")) + b"A" * (-len(rest) % 4))
    assert not any(secret[i : i + 3].encode() in decoded for i in range(len(secret) - 2))


@pytest.mark.parametrize("value", ["a", "abc", "pa:ss w"])
def test_a_short_value_is_struck_raw_and_encoded_whole(value):
    strikes = Strikes([("PIN", value)])
    for form in (
        value.encode(),
        quote(value, safe="").encode(),
        value.encode().hex().encode(),
        b64encode(value.encode()),
    ):
        assert strikes.strike(b"<" + form + b">") == b"<[secret:PIN]>"


def test_a_short_value_strikes_no_fragments():
    assert Strikes([("PIN", "abcd")]).strike(b64encode(b"xabcdx")) == b64encode(b"xabcdx")


def test_the_longer_of_two_secrets_is_struck_first():
    strikes = Strikes([("A", "abcdefgh"), ("B", "abcdefgh/ijkl")])
    assert strikes.strike(b"abcdefgh/ijkl abcdefgh%2Fijkl abcdefgh") == b"[secret:B] [secret:B] [secret:A]"


def test_a_body_without_secrets_is_handed_on_as_it_is():
    body = b'{"quiet": true}'
    assert Strikes([("KEY", SECRET)]).strike(body) is body


def test_an_empty_value_strikes_nothing():
    assert Strikes([("KEY", "")]).strike(b"abc") == b"abc"


CHARACTERS = st.characters(codec="utf-8")
# A secret like 00000000 may begin inside an escape: then the reply is unreadable, and nothing leaks either.
NOT_OF_ESCAPES = st.characters(codec="utf-8", exclude_characters='0123456789abcdefABCDEFnrtu"\\/')


# One with blanks around it is struck without them too: a short rest would be found in innocent places.
WHOLE = st.text(NOT_OF_ESCAPES, min_size=8).filter(lambda text: text == text.strip())


@given(WHOLE, st.text(CHARACTERS, max_size=20))
def test_a_secret_in_a_string_that_is_escaped_throughout_is_struck(secret, around):
    units = (around + secret + around).encode("utf-16-be").hex(" ", 2).split()
    body = b'{"a":"' + b"".join(b"\\u" + unit.encode() for unit in units) + b'"}'
    strikes = Strikes([("KEY", secret)])
    outcome = plan_reply(contract()).read(200, {}, strikes.strike(body), strikes)
    assert outcome.output["a"] == (around + secret + around).replace(secret, "[secret:KEY]")


@given(st.text(CHARACTERS, min_size=1), st.binary())
def test_whatever_the_secret_its_raw_form_is_gone_from_any_body(secret, around):
    struck = Strikes([("K", secret)]).strike(around + secret.encode() + around)
    assert secret.encode() not in struck.replace(b"[secret:K]", b"")


@pytest.mark.parametrize(
    ("value", "struck"),
    [
        ({"n": 12345678}, {"n": "[secret:PIN]"}),
        ([912345678.5, True, None, 12], ["[secret:PIN]", True, None, 12]),
        ({"12345678": 1, "[secret:PIN]": 2}, {"[secret:PIN] (2)": 1, "[secret:PIN]": 2}),
        ({"12345678": 1, "x": {"MTIzNDU2Nzg=": 2, "12345678": 3}}, {"[secret:PIN]": 1, "x": {"[secret:PIN]": 2, "[secret:PIN] (2)": 3}}),
        ("a 12345678 b", "a [secret:PIN] b"),
    ],
)  # fmt: skip
def test_a_value_is_struck_in_its_texts_keys_and_numbers(value, struck):
    assert Strikes([("PIN", "12345678")]).strike_value(value) == struck


def test_a_value_without_secrets_is_handed_on_as_it_is():
    value = {"quiet": [True, 1.5]}
    assert Strikes([("KEY", SECRET)]).strike_value(value) is value


@pytest.mark.parametrize(
    "secret", ["u", "0", "n", "\\", '"', "true", "null", ":", "{", ",", "1e", "é", "00000000", "\\u0000"]
)
def test_whatever_the_secret_a_struck_value_is_json(secret):
    value = {
        "a": ["\n\0\x01", 10, 1e300, True, None, secret],
        "": {"u0000": '"', secret + "x": "[{,:"},
        "é": "日本",
    }
    struck = Strikes([("S", secret)]).strike_value(value)
    assert loads(dumps(struck)) == struck
    assert [*struck["a"][3:5]] == [True, None]


@given(
    st.text(CHARACTERS, min_size=1),
    st.recursive(
        st.integers(-(2**53), 2**53) | st.text(CHARACTERS) | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(CHARACTERS), inner),
        max_leaves=8,
    ),
)
def test_any_value_stays_json_and_keeps_its_shape(secret, value):
    struck = Strikes([("S", secret)]).strike_value({"k": value, "s": secret})
    assert loads(dumps(struck)) == struck
    assert len(struck) == 2
    assert secret not in struck.values() or secret in "[secret:S]"


@pytest.mark.parametrize(
    "form", ["p&#39;&lt;a&gt;&amp;&quot;b", "p&#x27;&lt;a&gt;&amp;&quot;b", "p'&lt;a&gt;&amp;\"b"]
)
def test_a_secret_on_a_page_is_struck(form):
    assert Strikes([("KEY", "p'<a>&\"b")]).strike(form.encode()) == b"[secret:KEY]"


def test_a_secret_that_lost_its_outer_whitespace_is_struck():
    strikes = Strikes([("KEY", " word of honour\n")])
    assert strikes.strike(b"<word of honour>") == b"<[secret:KEY]>"
    assert strikes.strike(b"< word of honour\n>") == b"<[secret:KEY]>"


async def test_a_secret_that_a_number_gives_away_is_struck_after_the_conversion():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    plan = plan_reply(contract(output_schema=schema))
    strikes = Strikes([("PIN", "12345678")])
    for body in (b'{"n":"1.2345678e7"}', b'{"n":1.2345678e7}'):
        assert plan.read(200, {}, strikes.strike(body), strikes).output == {"n": "[secret:PIN]"}


def bearer(**mapping):
    return contract(api={"auth": {"method": "bearer", "secret_ref": "${KEY}"}}, **mapping)


async def output(body, value, of=None):
    outcome, _ = await run(of or bearer(), answer=HttpReply(200, {}, body), KEY=value)
    assert isinstance(outcome, Success), outcome
    return outcome.output


ESCAPES = [
    r'{"a": "\u0068\u0075nter2-hunter2"}',
    r'{"a": "hunter2\u002dhunter2"}',
    r'{"hunter2\u002Dhunter2": 1}',
    r'{"a": ["x", {"b": "\/hunter2\u002dhunter2"}]}',
]


@pytest.mark.parametrize("body", ESCAPES)
async def test_an_escaped_echo_is_struck_from_the_output(body):
    struck = await output(body.encode(), "hunter2-hunter2")
    assert "hunter2" not in str(struck)
    assert "[secret:KEY]" in str(struck)


async def test_utf_16_read_as_text_is_struck_from_the_output():
    body = json.dumps({"a": "hunter2-hunter2".encode("utf-16-le").decode("latin-1")}).encode()
    assert "h\0u\0n\0t" not in (await output(body, "hunter2-hunter2"))["a"]


async def test_base64_with_escaped_slashes_is_struck_from_the_output():
    value = "~~~???~~~???"
    encoded = b64encode(value.encode()).decode()
    assert "/" in encoded
    assert await output(json.dumps({"a": encoded}).replace("/", r"\/").encode(), value) == {
        "a": "[secret:KEY]"
    }


async def test_an_echo_of_basic_auth_is_struck_whole_and_in_parts():
    of = contract(api={"auth": {"method": "basic", "secret_ref": "${KEY}"}})
    whole = b64encode(b"me:hunter2-pass").decode()
    body = json.dumps(
        {
            "a": f"Basic {whole}",
            "b": "hunter2-pass",
            "c": "me:hunter2-pass",
            "d": b64encode(b"hunter2-pass").decode(),
        }
    )
    outcome, _ = await run(of, answer=HttpReply(200, {}, body.encode()), KEY="me:hunter2-pass")
    mark = "[secret:KEY]"
    assert outcome.output == {"a": f"Basic {mark}", "b": mark, "c": mark, "d": mark}


async def test_an_echo_of_basic_auth_with_a_user_is_struck():
    of = contract(api={"auth": {"method": "basic", "username": "me", "secret_ref": "${KEY}"}})
    body = json.dumps({"a": b64encode(b"me:pw").decode(), "b": "me:pw"}).encode()
    outcome, _ = await run(of, answer=HttpReply(200, {}, body), KEY="pw")
    assert "me:pw" not in str(outcome.output)
    assert outcome.output["a"] == "[secret:KEY]"


@pytest.mark.parametrize(
    "again", [lambda token: token.hex(), lambda token: b64encode(b"Basic " + token).decode()]
)
async def test_the_token_of_basic_auth_encoded_once_more_is_struck(again):
    of = contract(api={"auth": {"method": "basic", "username": "me", "secret_ref": "${KEY}"}})
    token = b64encode(b"me:hunter2-pass")
    body = json.dumps([again(token)]).encode()
    outcome, _ = await run(of, answer=HttpReply(200, {}, body), KEY="hunter2-pass")
    assert "[secret:KEY]" in outcome.output[0]


async def test_a_query_encoded_once_more_is_struck():
    of = contract(api={"auth": {"method": "api_key_query", "secret_ref": "${KEY}"}})
    body = json.dumps([quote("hunter2/pass+", safe="").encode().hex()]).encode()
    assert (await run(of, answer=HttpReply(200, {}, body), KEY="hunter2/pass+"))[0].output == ["[secret:KEY]"]


async def test_secrets_of_headers_and_params_are_struck_under_their_own_names():
    of = contract(api={"headers": {"X-A": "${A}"}, "params": {"p": "${B}"}})
    outcome, _ = await run(
        of, answer=HttpReply(200, {}, b'["alpha-alpha","beta-beta"]'), A="alpha-alpha", B="beta-beta"
    )
    assert outcome.output == ["[secret:A]", "[secret:B]"]


async def test_a_numeric_secret_echoed_as_a_number_makes_the_reply_unreadable_and_does_not_leak():
    outcome, _ = await run(bearer(), answer=HttpReply(200, {}, b'{"a": 1234567890}'), KEY="1234567890")
    assert outcome.details == {"status": 200, "reason": "invalid_json"}
    assert "1234567890" not in str(outcome)


async def test_a_secret_that_is_not_of_this_run_is_not_looked_for():
    assert (await run(contract(), answer=HttpReply(200, {}, b'"other"'), KEY="other"))[0].output == "other"
