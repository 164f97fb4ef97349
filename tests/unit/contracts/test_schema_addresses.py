"""References are read against addresses as RFC 3986 says; the table is that of its section 5.4."""

import pytest

from toolcrib.contracts.schema_addresses import MAX_ADDRESS, OF_NO_NAME, NoAddress, resolve

BASE = "http://a/b/c/d;p?q"


@pytest.mark.parametrize(
    ("reference", "meant"),
    [
        ("g:h", "g:h"), ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"), ("//g", "http://g"),
        ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"), (";x", "http://a/b/c/;x"), ("g;x", "http://a/b/c/g;x"), ("", BASE),
        (".", "http://a/b/c/"), ("./", "http://a/b/c/"), ("..", "http://a/b/"), ("../", "http://a/b/"), ("../g", "http://a/b/g"),
        ("../..", "http://a/"), ("../../", "http://a/"), ("../../g", "http://a/g"), ("../../../g", "http://a/g"), ("/./g", "http://a/g"),
        ("/../g", "http://a/g"), ("g.", "http://a/b/c/g."), (".g", "http://a/b/c/.g"), ("g..", "http://a/b/c/g.."), ("./../g", "http://a/b/g"),
        ("./g/.", "http://a/b/c/g/"), ("g/./h", "http://a/b/c/g/h"), ("g/../h", "http://a/b/c/h"), ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
        ("g?y/./x", "http://a/b/c/g?y/./x"), ("HTTP://Host/A", "http://host/A"), ("urn:Example:B", "urn:Example:B"),
    ],
)  # fmt: skip
def test_a_reference_is_read_against_the_address_around_it(reference: str, meant: str):
    assert resolve(BASE, reference) == (meant, "")
    assert resolve(BASE, f"{reference}#/a/../b") == (meant, "/a/../b")


@pytest.mark.parametrize(
    ("base", "reference", "meant"),
    [
        (OF_NO_NAME, "a/b.json", "json-schema:///a/b.json"),
        (OF_NO_NAME, "/a", "json-schema:///a"),
        ("http://host", "a", "http://host/a"),
        ("urn:example:a", "", "urn:example:a"),
        ("urn:example:a", "b", "urn:b"),
        ("tag:a/b", "c", "tag:a/c"),
        ("http://host/a?b", "", "http://host/a?b"),
    ],
)
def test_an_address_of_any_kind_may_stand_around(base: str, reference: str, meant: str):
    assert resolve(base, reference) == (meant, "")


@pytest.mark.parametrize(
    "reference",
    ["a b", "::::", "1:b", "a\\b", "http://h/<x>", "\x00", "http://h/\n", "x" * (MAX_ADDRESS + 1)],
)
def test_what_is_no_address_is_refused(reference: str):
    with pytest.raises(NoAddress):
        resolve(BASE, reference)


def test_an_address_may_not_grow_beyond_its_bound():
    with pytest.raises(NoAddress):
        resolve(f"http://h/{'a' * 2_000}/", "b" * 100)
