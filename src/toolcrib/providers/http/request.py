"""From a call's input to one HTTP request. Everything that does not depend on the call is made ready once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolcrib.contracts.contract import Contract
from toolcrib.contracts.paths import pointer_segments
from toolcrib.contracts.provider import Invocation
from toolcrib.contracts.secret import Secret
from toolcrib.kit.http import HttpRequest
from toolcrib.kit.json import JsonRefused, dumps
from toolcrib.providers.http import schemas
from toolcrib.providers.http.auth import Credential, credential
from toolcrib.providers.http.target import (
    PathPlan,
    QueryPlan,
    has_body,
    path_parameters,
    plan_path,
    plan_query,
    sends_all,
)
from toolcrib.providers.http.text import HEADER_VALUE, Pair, UnsendableError, fill, references, text_of

_OWN_HEADERS = {"user-agent": ("User-Agent", "toolcrib"), "accept": ("Accept", "application/json")}
_CONTENT_TYPE = ("Content-Type", "application/json")


@dataclass(frozen=True, slots=True)
class Sizes:
    """What one request may take: bytes out, bytes back, seconds in all."""

    request: int
    reply: int
    seconds: float


@dataclass(frozen=True, slots=True)
class HeaderField:
    """An input that goes into a header; `default` is the config's own text, sent without the input."""

    input: str
    name: str
    default: str | None


@dataclass(frozen=True, slots=True)
class HeaderPlan:
    """The headers: fixed ones, and with `content_type` those of a request with a body."""

    fixed: tuple[Pair, ...]
    content_type: tuple[Pair, ...]
    secret: tuple[Pair, ...]
    fields: tuple[HeaderField, ...]
    idempotent: bool

    def render(
        self, invocation: Invocation, credential: Credential | None, *, with_body: bool
    ) -> tuple[Pair, ...]:
        """The headers for this call."""
        headers = self.fixed + self.content_type if with_body else self.fixed
        if self.secret:
            headers += tuple((name, _filled(name, text, invocation.secrets)) for name, text in self.secret)
        if self.fields:
            headers += tuple(pair for field in self.fields for pair in _header(field, invocation.input))
        if credential is not None and (proof := credential.header(invocation.secrets)):
            headers += (proof,)
        return (*headers, ("Idempotency-Key", invocation.execution_id)) if self.idempotent else headers


@dataclass(frozen=True, slots=True)
class BodyPlan:
    """The JSON body: (input, keys that lead to its place), or every input but those in `left_out`."""

    fields: tuple[tuple[str, tuple[str, ...]], ...]
    left_out: frozenset[str] | None
    always: bool

    def render(self, given: Mapping[str, Any]) -> bytes | None:
        """The body for this input; None when there is nothing to send."""
        if self.left_out is None:
            made = self._mapped(given)
        else:
            made = {name: value for name, value in given.items() if name not in self.left_out}
        if not made and not self.always:
            return None
        try:
            return dumps(made)
        except JsonRefused as refused:
            raise UnsendableError("The input cannot be written as JSON.") from refused

    def _mapped(self, given: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, (*parents, last) in self.fields:
            if name in given:
                place = made
                for key in parents:
                    place = place.setdefault(key, {})
                place[last] = given[name]
        return made


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """A contract's request, ready to be filled."""

    method: str
    path: PathPlan
    query: QueryPlan
    headers: HeaderPlan
    body: BodyPlan | None
    credential: Credential | None
    sizes: Sizes

    def build(self, invocation: Invocation) -> HttpRequest:
        """The request for this call; raises `UnsendableError` when a value cannot go where it belongs."""
        url = self.path.render(invocation.input)
        pairs = self.query.render(invocation.input, invocation.secrets)
        if self.credential is not None and (proof := self.credential.param(invocation.secrets)):
            pairs.append(proof)
        if pairs:
            url = f"{url}?{'&'.join(pairs)}"
        body = self.body.render(invocation.input) if self.body else None
        if len(url) + len(body or b"") > self.sizes.request:
            raise UnsendableError(
                f"The request would be larger than the {self.sizes.request} bytes that this tool may send."
            )
        headers = self.headers.render(invocation, self.credential, with_body=body is not None)
        return HttpRequest(
            self.method, url, headers, body, self.sizes.seconds, self.sizes.request, self.sizes.reply
        )


def plan_request(contract: Contract, sizes: Sizes) -> RequestPlan:
    """The request of a checked contract."""
    body = _plan_body(contract) if has_body(contract) else None
    return RequestPlan(
        contract.upstream.method,
        plan_path(contract),
        plan_query(contract),
        _plan_headers(contract),
        body,
        credential(contract.upstream.auth),
        sizes,
    )


def body_keys(place: str) -> tuple[str, ...]:
    """The keys that lead to a place in the body: a JSON Pointer, or one plain name."""
    return pointer_segments(place) if place.startswith("/") else (place,)


def _plan_headers(contract: Contract) -> HeaderPlan:
    static = contract.upstream.headers
    mapped = contract.mapping.input_to_headers
    given = {name.lower(): text for name, text in static.items()}
    replaced = {name.lower() for name in mapped.values()}
    own = tuple(pair for name, pair in _OWN_HEADERS.items() if name not in given and name not in replaced)
    fixed = tuple(
        (name, text) for name, text in static.items() if not references(text) and name.lower() not in replaced
    )
    return HeaderPlan(
        fixed=own + fixed,
        content_type=() if "content-type" in given else (_CONTENT_TYPE,),
        secret=tuple((name, text) for name, text in static.items() if references(text)),
        fields=tuple(
            HeaderField(source, name, given.get(name.lower(), _own(name))) for source, name in mapped.items()
        ),
        idempotent=contract.idempotent,
    )


def _own(name: str) -> str | None:
    return _OWN_HEADERS[name.lower()][1] if name.lower() in _OWN_HEADERS else None


def _plan_body(contract: Contract) -> BodyPlan:
    fields = tuple((source, body_keys(place)) for source, place in contract.mapping.input_to_body.items())
    if not sends_all(contract):
        return BodyPlan(fields, None, always=bool(fields))
    in_path = frozenset(path_parameters(contract))
    return BodyPlan((), in_path, always=bool(schemas.properties(contract.input_schema).keys() - in_path))


def _filled(name: str, text: str, secrets: Mapping[str, Secret]) -> str:
    value = fill(text, secrets)
    if not HEADER_VALUE.match(value):
        named = " or ".join(references(text))
        raise UnsendableError(
            f"The secret {named} holds a line break or another character that the header {name} cannot carry. Set it again."
        )
    return value


def _header(field: HeaderField, given: Mapping[str, Any]) -> list[Pair]:
    value = given.get(field.input)
    if value is None:
        return [] if field.default is None else [(field.name, field.default)]
    text = text_of(value, field.input)
    if not HEADER_VALUE.match(text):
        raise UnsendableError(
            "The value goes into a header, so it cannot hold line breaks, controls or characters beyond latin-1.",
            at=field.input,
        )
    return [(field.name, text)]
