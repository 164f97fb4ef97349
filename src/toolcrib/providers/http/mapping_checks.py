"""What a mapping must hold: inputs that exist, places that are free and may be set, paths that can be read."""

from collections.abc import Iterator

from toolcrib.contracts.contract import Contract
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.paths import PathError, parse_path, pointer
from toolcrib.contracts.terms import PathExpression
from toolcrib.providers.http import names
from toolcrib.providers.http.auth import auth_header, auth_param
from toolcrib.providers.http.request import body_keys
from toolcrib.providers.http.schemas import properties
from toolcrib.providers.http.target import has_body, path_parameters, sends_all_in_query
from toolcrib.providers.http.text import references

# Paths are made ready once, in space that grows with the square of a path's parts.
_MAX_PARTS = 2048


def mapping_faults(contract: Contract) -> Iterator[Fault]:
    """Every fault of the mapping, and of inputs that go under their own names."""
    yield from _input_faults(contract)
    yield from _params_faults(contract)
    yield from _headers_faults(contract)
    yield from _body_faults(contract)
    yield from _path_faults(contract)


def _input_faults(contract: Contract) -> Iterator[Fault]:
    known = properties(contract.input_schema)
    mapping = contract.mapping
    groups = {
        "input_to_params": mapping.input_to_params,
        "input_to_body": mapping.input_to_body,
        "input_to_headers": mapping.input_to_headers,
    }
    for group, targets in groups.items():
        taken: set[str] = set()
        for source, target in targets.items():
            at = pointer("mapping", group, source)
            if known and source not in known:
                yield Fault(at, f"`{source}` is no property of input_schema.")
            if not target:
                yield Fault(at, "Name the place that the input goes to.")
            place = target.lower() if group == "input_to_headers" else target
            if place in taken:
                yield Fault(at, "Another input goes to the same place.")
            taken.add(place)


def _params_faults(contract: Contract) -> Iterator[Fault]:
    key = auth_param(contract.upstream.auth)
    targets = {
        source: (pointer("mapping", "input_to_params", source), name)
        for source, name in contract.mapping.input_to_params.items()
    }
    if sends_all_in_query(contract):
        sent = properties(contract.input_schema).keys() - set(path_parameters(contract))
        targets = {name: (pointer("input_schema", "properties", name), name) for name in sorted(sent)}
    for at, name in targets.values():
        if name == key:
            yield Fault(at, "api.auth sets this parameter; an input cannot.")
        if references(contract.upstream.params.get(name, "")):
            yield Fault(at, "This parameter holds a secret; an input cannot take its place.")


def _headers_faults(contract: Contract) -> Iterator[Fault]:
    own = {"authorization", "content-type", (auth_header(contract.upstream.auth) or "").lower()}
    own |= {"idempotency-key"} if contract.idempotent else set()
    own |= {name.lower() for name, text in contract.upstream.headers.items() if references(text)}
    for source, name in contract.mapping.input_to_headers.items():
        at = pointer("mapping", "input_to_headers", source)
        if message := names.header_fault(name):
            yield Fault(at, message)
        elif name.lower() in own:
            yield Fault(at, f"The header {name} is not an input's to set.")


def _body_faults(contract: Contract) -> Iterator[Fault]:
    places: list[tuple[str, ...]] = []
    if contract.mapping.input_to_body and not has_body(contract):
        yield Fault(
            "/mapping/input_to_body",
            f"A {contract.upstream.method} request carries no body. Use input_to_params.",
        )
    for source, place in contract.mapping.input_to_body.items():
        at = pointer("mapping", "input_to_body", source)
        try:
            keys = body_keys(place)
            parse_path(place if place.startswith("/") else [place])
        except PathError as bad:
            yield Fault(at, str(bad))
            continue
        if any(keys != other and keys[: len(other)] == other[: len(keys)] for other in places):
            yield Fault(at, "One input's place lies inside another's.")
        places.append(keys)


def _path_faults(contract: Contract) -> Iterator[Fault]:
    mapping = contract.mapping
    paths: list[tuple[str, PathExpression]] = [
        (pointer("mapping", "response_to_output", name), path)
        for name, path in mapping.response_to_output.items()
    ]
    if mapping.response_path is not None:
        paths.append(("/mapping/response_path", mapping.response_path))
    for at, error in enumerate(contract.errors):
        if "path" in error.when:
            paths.append((pointer("errors", at, "when", "path"), error.when["path"]))
    in_all = 0
    for place, path in paths:
        try:
            in_all += len(parse_path(path).steps)
        except PathError as bad:
            yield Fault(place, str(bad))
    if in_all > _MAX_PARTS:
        yield Fault(
            "/mapping/response_to_output",
            f"The paths have {in_all} parts in all; at most {_MAX_PARTS} are allowed.",
        )
