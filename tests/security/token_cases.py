"""Forged, broken and foreign tokens, by a table: classes of them, each for every algorithm that it can be made with.

Every case changes one thing about a token that would be taken as it is; `valid` is that token.
"""

import json
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils

from tests.support.mint import (
    ABSENT,
    AUDIENCE,
    ISSUER,
    KID,
    SECRET,
    Minter,
    b64,
    encoded,
    private_key,
    public_forms,
    public_jwk,
    sign,
)

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA", "HS256")
Make = Callable[[Minter], str]


class Case(NamedTuple):
    """`attack` is its class."""

    attack: str
    algorithm: str
    text: str


def issuer_of(algorithm: str) -> str:
    """One issuer for each algorithm, so that all can be configured at once."""
    return f"{ISSUER}/{algorithm.lower()}"


def minter(algorithm: str) -> Minter:
    return Minter(algorithm, issuer=issuer_of(algorithm))


def cases(canary: str) -> Iterator[Case]:
    """All of them; `canary` is an address that nothing may fetch from."""
    for algorithm in ALGORITHMS:
        made = minter(algorithm)
        table = {**headers(made, canary), **payloads(made), **forms(made), **signatures(made)}
        yield from (Case(attack, algorithm, text) for attack, text in table.items())


def headers(made: Minter, canary: str) -> dict[str, str]:
    """Signed with the right key, so that the header alone is at fault; or with the key that the header brings."""
    own = Minter(made.algorithm, key=stranger(made.algorithm), issuer=made.issuer)
    table = {f"alg {name!r}": made.token(made.header(alg=name)) for name in NONE}
    table |= {
        f"alg {name!r}": made.token(made.header(alg=name)) for name in OTHER_NAMES if name != made.algorithm
    }
    table |= {
        f"alg {name!r}, unsigned": f"{encoded(made.header(alg=name))}.{encoded(made.claims())}."
        for name in NONE
    }
    table |= {f"kid {kid!r}": made.token(made.header(kid=kid)) for kid in KIDS if made.algorithm != "HS256"}
    table |= {f"kid of type {kid!r}": made.token(made.header(kid=kid)) for kid in NO_TEXTS}
    table |= {f"typ {kind!r}": made.token(made.header(typ=kind)) for kind in (*TYPES, *NO_TEXTS)}
    table |= {
        "jwk brings a key": own.token(made.header(jwk=public_jwk(own.private))),
        "jwk brings the right key": made.token(made.header(jwk=made.jwk())),
        "jku": own.token(made.header(jku=f"{canary}/jwks.json")),
        "jku, signed by the right key": made.token(made.header(jku=f"{canary}/jwks.json")),
        "x5u": own.token(made.header(x5u=f"{canary}/chain.pem")),
        "x5u, signed by the right key": made.token(made.header(x5u=f"{canary}/chain.pem")),
        "x5c": own.token(made.header(x5c=[b64encode(b"certificate").decode()])),
        "kid is an address": own.token(made.header(kid=f"{canary}/key")),
        "iss is an address": own.token(claims=made.claims(iss=canary)),
        "crit": made.token(made.header(crit=["exp"], exp=1)),
        "crit, empty": made.token(made.header(crit=[])),
        "b64 is false": made.token(made.header(b64=False, crit=["b64"])),
        "b64 is false, not critical": made.token(made.header(b64=False)),
        "zip": made.token(made.header(zip="DEF")),
        "cty JWT": made.token(made.header(cty="JWT")),
        "enc": made.token(made.header(enc="A256GCM")),
        "no alg": made.token(made.header(alg=ABSENT)),
        "the header is a list": made.token(b'["alg"]'),
        "the header is a string": made.token(b'"alg"'),
        "the header is empty": made.token(b""),
        "the header is no JSON": made.token(b"{alg:1}"),
        "the header is not UTF-8": made.token(b'{"alg":"\xff"}'),
        "the header has alg twice": made.token(twice(made.header(), "alg", "none")),
        "the header has alg twice, right one last": made.token(
            twice(made.header(alg="none"), "alg", made.algorithm)
        ),
        "the header has kid twice": made.token(twice(made.header(), "kid", "other")),
        "the header begins with a byte order mark": made.token(
            b"\xef\xbb\xbf" + json.dumps(made.header()).encode()
        ),
        "the header has a NaN": made.token(json.dumps(made.header(x=float("nan"))).encode()),
        "the header is nested deeply": made.token(b'{"x":' + b"[" * 900 + b"]" * 900 + b"}"),
    }
    if made.algorithm != "HS256":
        for form, public in public_forms(made.private).items():
            for confused in ("HS256", "HS384", "HS512"):
                forged = Minter(confused, key=public, issuer=made.issuer)
                table[f"{confused} with the public key as {form}"] = forged.token()
    return table


NONE = ("none", "None", "NONE", "nOnE", "none ", "", "null", "no\u0000ne")
OTHER_NAMES = ("HS256", "HS384", "RS256", "RS512", "ES256", "ES512", "ES256K", "PS512", "EdDSA", "Ed25519", "rs256", "es256", "RSA-OAEP", "dir")  # fmt: skip
KIDS = ("", "other", "KEY-1", KID + " ", KID + "\u0000", "../../../../dev/null", "/dev/null", "key-1' OR '1'='1", "key-1/../key-1", "\uff4bey-1", "%6bey-1", "a" * 4000)  # fmt: skip
NO_TEXTS: tuple[Any, ...] = (None, 1, True, ["key-1"], {"kid": "key-1"})
TYPES = ("JWE", "JOSE", "JOSE+JSON", "secevent+jwt", "logout+jwt", "dpop+jwt", "at+jwt ", "JW\u0422", "application/jwe", "")  # fmt: skip


def payloads(made: Minter) -> dict[str, str]:
    """Signed with the right key: the payload alone is at fault."""
    now = int(time.time())
    table = {
        f"{name} = {value!r:.40}": made.token(claims=made.claims(**{name: value})) for name, value in WRONG
    }
    table |= {
        f"no {name}": made.token(claims=made.claims(**{name: ABSENT}))
        for name in ("iss", "aud", "exp", "sub")
    }
    times = {
        "expired a moment before the leeway": {"exp": now - 62},
        "expired long ago": {"exp": 1},
        "exp in milliseconds": {"exp": (now + 3600) * 1000},
        "exp as a float": {"exp": now + 3600.5},
        "exp as a whole float": {"exp": float(now + 3600)},
        "exp as text": {"exp": str(now + 3600)},
        "exp in a list": {"exp": [now + 3600]},
        "nbf to come": {"nbf": now + 300},
        "nbf as text": {"nbf": str(now)},
        "nbf null": {"nbf": None},
        "iat to come": {"iat": now + 300},
        "iat as text": {"iat": "now"},
        "iat as a float": {"iat": now - 0.5},
        "iat negative": {"iat": -1},
        "iss of another issuer of ours": {
            "iss": issuer_of("RS256" if made.algorithm != "RS256" else "ES256")
        },
        "iss with a slash more": {"iss": made.issuer + "/"},
        "iss in capitals": {"iss": made.issuer.upper()},
        "iss in a list": {"iss": [made.issuer]},
        "iss with a NUL": {"iss": made.issuer + "\u0000"},
    }
    table |= {name: made.token(claims=made.claims(**changed)) for name, changed in times.items()}
    text = json.dumps(made.claims()).encode()
    table |= {
        f"exp {word}": made.token(claims=text.replace(str(made.claims()["exp"]).encode(), word.encode()))
        for word in NUMBERS
    }
    return table | {
        "sub twice": made.token(claims=twice(made.claims(sub="somebody"), "sub", "person-1")),
        "exp twice": made.token(claims=twice(made.claims(exp=1), "exp", now + 3600)),
        "aud twice": made.token(claims=twice(made.claims(aud="other"), "aud", AUDIENCE)),
        "iss twice": made.token(claims=twice(made.claims(iss="other"), "iss", made.issuer)),
        "a claim that is not ours twice": made.token(claims=twice(made.claims(role="a"), "role", "b")),
        "the same key escaped": made.token(claims=text[:-1] + b', "s\\u0075b": "person-2"}'),
        "a token within the token": made.token(claims=made.token().encode()),
        "the payload is a list": made.token(claims=b"[" + text + b"]"),
        "the payload is text": made.token(claims=b'"payload"'),
        "the payload is null": made.token(claims=b"null"),
        "the payload is empty": made.token(claims=b""),
        "the payload is followed by more": made.token(claims=text + text),
        "the payload is not UTF-8": made.token(claims=text.replace(b"person-1", b"\xff\xfe")),
        "half a surrogate": made.token(claims=text.replace(b"person-1", b"\\ud800")),
        "the payload begins with a byte order mark": made.token(claims=b"\xef\xbb\xbf" + text),
        "the payload is UTF-16": made.token(claims=text.decode().encode("utf-16")),
        "the payload is nested deeply": made.token(
            claims=text[:-1] + b', "x":' + b"[" * 900 + b"]" * 900 + b"}"
        ),
        "a payload of 8 KB": made.token(claims=made.claims(x="a" * 8192)),
        "a payload of 40 KB": made.token(claims=made.claims(x="a" * 40_000)),
    }


NUMBERS = ("NaN", "Infinity", "-Infinity", "1e400", "1e12", "9" * 30, "-1", "0", "true", "null", "{}", "0x7fffffff", "1_900_000_000", "253402300800")  # fmt: skip
WRONG: tuple[tuple[str, Any], ...] = (
    *(("iss", value) for value in (None, 1, "", "other", ISSUER, "https://issuer.example")),
    *(("aud", value) for value in (None, 1, True, "", "other", AUDIENCE.upper(), AUDIENCE + " ", [], [None], ["other"], [AUDIENCE, 1], [[AUDIENCE]], {AUDIENCE: 1}, [{"aud": AUDIENCE}])),
    *(("sub", value) for value in (None, 1, True, "", " ", "a" * 256, "a\u0000b", "a\nb", "a\u202eb", "a\u200bb", "\ufeffa", " a", "a ", "a\u00a0", ["person-1"], {"id": 1}, "\ue000", "a\x1b[31m")),
)  # fmt: skip


def forms(made: Minter) -> dict[str, str]:
    """The text of a good token, written in another way."""
    good = made.token()
    head, payload, signature = good.split(".")
    return {
        "two parts": f"{head}.{payload}",
        "four parts": f"{good}.{signature}",
        "a dot more": good + ".",
        "a dot before": "." + good,
        "five parts, as a JWE": f"{head}.{payload}.{signature}.{payload}.{signature}",
        "a JWE": f"{encoded({'alg': 'dir', 'enc': 'A256GCM'})}..{b64(bytes(12))}.{payload}.{b64(bytes(16))}",
        "JSON, flattened": json.dumps({"protected": head, "payload": payload, "signature": signature}),
        "JSON, general": json.dumps(
            {"payload": payload, "signatures": [{"protected": head, "signature": signature}]}
        ),
        "JSON, unprotected header": json.dumps(
            {"header": made.header(), "payload": payload, "signature": signature}
        ),
        "only dots": "..",
        "padding on the signature": good + "=",
        "padding on the header": f"{head}==.{payload}.{signature}",
        "padding on the payload": f"{head}.{payload}=.{signature}",
        "escaped padding": good + "%3D",
        "a blank within": f"{head}. {payload}.{signature}",
        "a tab at the end": good[:-1] + "\t" + good[-1],
        "a line break within": f"{head}.\n{payload}.{signature}",
        "a NUL within": f"{head}.\0{payload}.{signature}",
        "a NUL at the end": good + "\0",
        "standard base64": f"{head}.{payload}.{signature[:-2]}+/",
        "a letter that is not ASCII": f"{head}.{payload}.{signature[:-1]}\u00e9",
        "full-width dots": good.replace(".", "\uff0e"),
        "unused bits of the signature": unused_bits(good) or good + "A",
        "unused bits of the payload": unsigned_bits(made),
        "one letter of the payload": f"{head}.{flipped(payload)}.{signature}",
        "one letter of the header": f"{flipped(head)}.{payload}.{signature}",
        "repeated": good + good,
        "quoted": f'"{good}"',
        "two tokens": f"{good},{good}",
        "Bearer twice": f"Bearer {good}",
    }


def signatures(made: Minter) -> dict[str, str]:
    """The right words under another signature."""
    text = f"{encoded(made.header())}.{encoded(made.claims())}"
    right = sign(made.algorithm, made.private, text.encode())
    other = made.token(claims=made.claims(sub="person-2")).split(".")[2]
    strangers = Minter(made.algorithm, key=stranger(made.algorithm), issuer=made.issuer)
    table: dict[str, bytes] = {
        "nothing": b"",
        "one byte": b"\0",
        "zeros": bytes(len(right)),
        "ones": b"\xff" * len(right),
        "cut by a byte": right[:-1],
        "cut by half": right[: len(right) // 2],
        "a byte more": right + b"\0",
        "a byte before": b"\0" + right,
        "twice": right * 2,
        "the first bit": bytes([right[0] ^ 0x80]) + right[1:],
        "the last bit": right[:-1] + bytes([right[-1] ^ 1]),
        "backwards": right[::-1],
        "the hash of the words": __import__("hashlib").sha256(text.encode()).digest(),
    }
    made_of = {
        f"signature: {name}": f"{text}.{b64(raw)}" for name, raw in (table | curves(made, right)).items()
    }
    return made_of | {
        "signature of other words": f"{text}.{other}",
        "signature of a stranger": strangers.token(),
        "signature of a stranger, no kid": strangers.token(made.header(kid=ABSENT)),
        "signature over the words without a dot": f"{text}.{b64(sign(made.algorithm, made.private, text.replace('.', '').encode()))}",
        "signature over the payload alone": f"{text}.{b64(sign(made.algorithm, made.private, text.split('.')[1].encode()))}",
        "signature in hex": f"{text}.{right.hex()}",
        "HS256 with an empty secret": forged_hs(made, b""),
        "HS256 with the secret 'secret'": forged_hs(made, b"secret"),
        "HS256 with the kid": forged_hs(made, KID.encode()),
    }


def curves(made: Minter, right: bytes) -> dict[str, bytes]:
    """What only signatures of curves can be: numbers that prove everything, and another encoding of the right ones."""
    if not made.algorithm.startswith("ES"):
        return {}
    width = len(right) // 2
    order = {"ES256": P256, "ES384": P384}[made.algorithm]
    r, s = int.from_bytes(right[:width], "big"), int.from_bytes(right[width:], "big")
    pairs = {f"r={a}, s={b}": (x, y) for a, x in NAMED(order) for b, y in NAMED(order)}
    table = {name: x.to_bytes(width, "big") + y.to_bytes(width, "big") for name, (x, y) in pairs.items()}
    table["r and s exchanged"] = right[width:] + right[:width]
    table["DER"] = utils.encode_dss_signature(r, s)
    table["s is zero beside the right r"] = right[:width] + bytes(width)
    table["a wider r"] = bytes(1) + right[:width] + bytes(1) + right[width:]
    if r + order < 256**width:
        table["r plus the order"] = (r + order).to_bytes(width, "big") + right[width:]
    return table


P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P384 = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973


def NAMED(order: int) -> tuple[tuple[str, int], ...]:  # noqa: N802 a table of numbers
    return (("0", 0), ("1", 1), ("n-1", order - 1), ("n", order))


def stranger(algorithm: str) -> Any:
    """A key that is nobody's."""
    if algorithm == "HS256":
        return SECRET[::-1]
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm.startswith("ES"):
        return ec.generate_private_key(private_key(algorithm).curve)
    return STRANGE_RSA


STRANGE_RSA = rsa.generate_private_key(65_537, 2048)


def forged_hs(made: Minter, secret: bytes) -> str:
    return Minter("HS256", key=secret, issuer=made.issuer).token()


def twice(members: dict[str, Any], name: str, value: Any) -> bytes:
    """The members, and one of them once more at the end."""
    return json.dumps(members).encode()[:-1] + f", {json.dumps(name)}: {json.dumps(value)}}}".encode()


def flipped(part: str) -> str:
    middle = len(part) // 2
    return part[:middle] + ("A" if part[middle] != "A" else "B") + part[middle + 1 :]


def unused_bits(text: str) -> str | None:
    """The same bytes in another text: the last letter has bits that stand for nothing. None where it has none."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    part = text.rsplit(".", 1)[-1]
    spare = {2: 4, 3: 2}.get(len(part) % 4)
    return None if spare is None else text[:-1] + letters[letters.index(text[-1]) ^ 1]


def unsigned_bits(made: Minter) -> str:
    """A payload with spare bits set, which is signed as it is written."""
    payload = json.dumps(made.claims()).encode()
    while len(payload) % 3 != 1:
        payload += b" "
    part = urlsafe_b64encode(payload).rstrip(b"=").decode()
    return made.signed(f"{encoded(made.header())}.{unused_bits(part)}")
