"""Where a request goes: the path with its parameters, the query with its fields."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from toolcrib.contracts.contract import Contract
from toolcrib.contracts.secret import Secret
from toolcrib.providers.http import schemas
from toolcrib.providers.http.auth import auth_param
from toolcrib.providers.http.text import (
    Pair,
    UnsendableError,
    encode,
    encode_secret,
    encode_segment,
    fill,
    references,
    text_of,
)

PARAMETER = re.compile(r"\{([^{}]+)\}")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DOT_SEGMENT = re.compile(r"(?:\A|[/\\])\.{1,2}(?:;[^/\\]*)?(?=[/\\]|\Z)")
# What may stand unencoded in a path by RFC 3986; escapes that the author wrote are kept.
_PATH_SAFE = "/%:@!$&'()*+,;=-._~"


@dataclass(frozen=True, slots=True)
class PathPlan:
    """The URL up to the query: fixed text that ends where a parameter begins, in turns."""

    start: str
    parameters: tuple[Pair, ...]

    def render(self, given: Mapping[str, Any]) -> str:
        """The URL for this input; each parameter stays inside its one segment."""
        url = self.start
        for name, after in self.parameters:
            value = given.get(name)
            if value is None or type(value) in (dict, list):
                raise UnsendableError(
                    "The value goes into the path, so a text, a number or a boolean is needed.", at=name
                )
            url += encode_segment(text_of(value, name), name) + after
        if ("%" in url or "/." in url) and has_dot_segment(url):
            raise UnsendableError(
                "The value makes a `.` or `..` segment in the path.",
                at=self.parameters[-1][0] if self.parameters else None,
            )
        return url


@dataclass(frozen=True, slots=True)
class QueryField:
    """An input and the query name that it goes under; `default` is the config's own pair, sent without the input."""

    input: str
    start: str
    default: str | None


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """The query: what is fixed, what secrets fill, what input fills. `taken` is None when only `fields` are sent."""

    fixed: tuple[str, ...]
    secret: tuple[Pair, ...]
    fields: tuple[QueryField, ...]
    taken: frozenset[str] | None
    reserved: frozenset[str]

    def render(self, given: Mapping[str, Any], secrets: Mapping[str, Secret]) -> list[str]:
        """The encoded pairs for this input, always in the same order."""
        pairs = [*self.fixed]
        for start, text in self.secret:
            pairs.append(start + encode_secret(fill(text, secrets), " or ".join(references(text))))
        for field in self.fields:
            value = given.get(field.input)
            if value is not None:
                pairs += _pairs(field.start, value, field.input)
            elif field.default is not None:
                pairs.append(field.default)
        if self.taken is not None:
            pairs += self._undeclared(given, self.taken)
        return pairs

    def _undeclared(self, given: Mapping[str, Any], taken: frozenset[str]) -> Iterator[str]:
        """Inputs that an open schema lets through; they never stand in for what the config fixes."""
        for name, value in given.items():
            if name in taken or value is None:
                continue
            if name in self.reserved:
                raise UnsendableError("The tool's config sets this parameter itself.", at=name)
            yield from _pairs(encode(name, name) + "=", value, name)


def plan_path(contract: Contract) -> PathPlan:
    """The path of a checked contract, joined to its base with exactly one `/`."""
    if not contract.upstream.path:
        return PathPlan(base_url(contract), ())
    first, *others = PARAMETER.split("/" + contract.upstream.path.lstrip("/"))
    parameters = tuple(
        (name, encode_static(after)) for name, after in zip(others[::2], others[1::2], strict=True)
    )
    return PathPlan(base_url(contract).rstrip("/") + encode_static(first), parameters)


def base_url(contract: Contract) -> str:
    """The base of a checked contract as it is sent: its path encoded, and never empty."""
    scheme, _, rest = contract.upstream.base_url.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}/{encode_static(path)}"


def plan_query(contract: Contract) -> QueryPlan:
    """The query of a checked contract."""
    sources = _sources(contract)
    by_input = {name for _, name in sources}
    params = contract.upstream.params
    defaults = {
        name: quote(name, safe="") + "=" + quote(text, safe="")
        for name, text in params.items()
        if not references(text)
    }
    return QueryPlan(
        fixed=tuple(pair for name, pair in defaults.items() if name not in by_input),
        secret=tuple((quote(name, safe="") + "=", text) for name, text in params.items() if references(text)),
        fields=tuple(
            QueryField(source, quote(name, safe="") + "=", defaults.get(name)) for source, name in sources
        ),
        taken=frozenset({*path_parameters(contract), *(source for source, _ in sources)})
        if sends_all_in_query(contract)
        else None,
        reserved=frozenset([*params, *filter(None, [auth_param(contract.upstream.auth)])]),
    )


def path_parameters(contract: Contract) -> list[str]:
    """Inputs that the path template names."""
    return PARAMETER.findall(contract.upstream.path)


def sends_all(contract: Contract) -> bool:
    """Whether the mapping says nothing of where inputs go, so that each goes under its own name."""
    mapping = contract.mapping
    return not (mapping.input_to_params or mapping.input_to_body or mapping.input_to_headers)


def has_body(contract: Contract) -> bool:
    """Whether the method carries one."""
    return contract.upstream.method in ("POST", "PUT", "PATCH")


def sends_all_in_query(contract: Contract) -> bool:
    """Whether inputs go into the query under their own names."""
    return sends_all(contract) and not has_body(contract)


def has_dot_segment(path: str) -> bool:
    """Also as escapes, behind an escaped slash or before a `;`: some upstream decodes or cuts first, resolves after."""
    return bool(_DOT_SEGMENT.search(unquote(path)))


def encode_static(text: str) -> str:
    """Text of the config, encoded where it must be."""
    return quote(_BARE_PERCENT.sub("%25", text), safe=_PATH_SAFE)


def _sources(contract: Contract) -> list[Pair]:
    """(input, query name) of every input known to go into the query."""
    if not sends_all_in_query(contract):
        return list(contract.mapping.input_to_params.items())
    in_path = path_parameters(contract)
    return [(name, name) for name in schemas.properties(contract.input_schema) if name not in in_path]


def _pairs(start: str, value: Any, name: str) -> list[str]:
    if type(value) is str:
        return [start + encode(value, name)]
    values = value if type(value) is list else [value]
    return [start + encode(text_of(item, name), name) for item in values if item is not None]
