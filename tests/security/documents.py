"""JSON texts that two parsers might read in two ways, and texts that are none: the borrowed corpus and our own."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.corpora import corpus

DUPLICATES = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}


@dataclass(frozen=True)
class Document:
    """`verdict` is `n` (must be refused), `y` (must be read) or `i` (either, but never a crash)."""

    name: str
    text: bytes
    verdict: str


def documents() -> list[Document]:
    return [*borrowed(), *own()]


def borrowed() -> Iterator[Document]:
    folder = corpus("json-parsing")
    for path in sorted(folder.glob("*.json")) if folder else ():
        yield Document(path.name, path.read_bytes(), "n" if path.name in DUPLICATES else path.name[0])


def own() -> Iterator[Document]:
    yield from (Document(f"refused: {text[:40]!r}", text, "n") for text in REFUSED)
    yield from (Document(f"read: {text[:40]!r}", text, "y") for text in READ)
    yield from (Document(f"either: {text[:40]!r}", text, "i") for text in EITHER)


REFUSED = [
    # numbers that are none, or that no double or 64-bit integer holds
    b"NaN", b"[NaN]", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":nan}', b'{"a":1e999}', b'{"a":-1e999}',
    b'{"a":1E+400}', b'{"a":' + b"9" * 5_000 + b"}", b'{"a":-' + b"9" * 5_000 + b"}",
    b'{"a":18446744073709551616}', b'{"a":-9223372036854775809}', b'{"a":1' + b"0" * 400 + b"}", b'{"a":0x10}', b'{"a":01}',
    b'{"a":1_000}', b'{"a":+1}', b'{"a":.5}', b'{"a":1.}',
    # one key twice
    b'{"a":1,"a":1}', b'{"input":{"a":{"b":1,"b":2}}}', b'{"a":1,"\\u0061":2}', b'{"a":[{"k":1,"\\u006b":2}]}', b'{"":1,"":2}',
    b'{"input":{},"input":{}}', b'{"name":"A","value":"x","value":"y"}', b'{"\xc3\xa9":1,"\\u00e9":2}', b'{"\\/":1,"/":2}',
    # half characters, and bytes that are no UTF-8
    b'"\\ud800"', b'{"a":"\\udc00"}', b'{"\\ud800":1}', b'{"a":"\\udc00\\ud800"}', b'{"a":"\\ud83d"}', b'{"a":"x\\ud83dy"}',
    b'"\xed\xa0\x80"', b'"\xff"', b'"\xc0\xaf"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b'"\xf8\x88\x80\x80\x80"',
    # too deep
    b"[" * 65 + b"]" * 65, b'{"a":' * 65 + b"1" + b"}" * 65, b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b"[" * 10_000, b'{"input":' + b"[" * 64 + b"]" * 64 + b"}", b'[{"a":' * 5_000,
    # no text, another text, or more than one
    b"", b" ", b"\n\n", b"\xef\xbb\xbf{}", b"\xef\xbb\xbf", b"\xff\xfe{\x00}\x00", b"\x00{\x00}", b"{}{}", b"{}\n{}", b"{} x", b"{}\x00", b"\x00",
    b"{'a':1}", b"{a:1}", b'{"a":1,}', b"[1,]", b'{"a":1 /* x */}', b'{"a":1} // x', b'{"a":"\n"}', b'{"a":"\x00"}', b'{"a":"\\x41"}', b"True",
    b"undefined", b"a=1", b"<a/>", b"--x\r\n\r\n{}\r\n--x--", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00C\xbf\xa6\xa3\x02\x00\x00\x00",
]  # fmt: skip

READ = [
    b"{}", b'{"a":0}', b'{"a":-0.0}', b'{"a":1e308}', b'{"a":5e-324}', b'{"a":18446744073709551615}', b'{"a":-9223372036854775808}',
    b'{"a":"\\ud83d\\ude00"}', b'{"a":"\\u0000"}', b'{"a":"\\u202e"}', b"[" * 64 + b"]" * 64, b'{"a":' * 64 + b"1" + b"}" * 64,
    b'{"a":"' + b"x" * 100_000 + b'"}', b"  {}\r\n\t", b'{"__proto__":{"a":1}}', b'{"constructor":1}', b'{"a":{"k":1},"b":{"k":1}}',
    b'{"a":"' + b"9" * 5_000 + b'"}', b'{"a":"[[[[[' + b"[" * 200 + b'"}', b'{"A":1,"a":2}', b'{"\xc3\xa9":1,"e\xcc\x81":2}',
]  # fmt: skip

EITHER = [
    b'{"a":0.' + b"1" * 5_000 + b"}",
    b'{"a":1e-999}',
    b'{"a":1e' + b"0" * 500 + b"}",
    b'{"a":0.' + b"0" * 500 + b"1}",
    b'{"a":0e999}',
]
