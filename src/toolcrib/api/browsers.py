"""What every answer tells a browser: take it for what it says it is, keep no copy, load nothing, show it in no frame.

`Timed` puts it on all that leaves the API and the doors beside it; `app` on what the protocol answers by itself.
"""

from typing import Final, TypeAlias

from starlette.types import Scope

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
_ALL: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
DATA: Final[Headers] = (
    *_ALL,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
# Swagger UI's style sheet draws its arrows from `data:`.
PAGE: Final[Headers] = (
    *_ALL,
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_MARK: Final = "page"


def as_page(scope: Scope) -> None:
    """The answer is a part of the page at `/docs`, which says itself how long it is kept."""
    scope["state"][_MARK] = True


def headers_of(scope: Scope) -> Headers:
    """What this request's answer tells."""
    return PAGE if _MARK in scope["state"] else DATA
