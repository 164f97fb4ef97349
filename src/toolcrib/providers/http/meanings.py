"""Which replies mean an error that the tool declares: by their status, by what stands in them, or both."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from toolcrib.contracts.contract import Contract, DeclaredError
from toolcrib.contracts.paths import MISSING, Path, parse_path
from toolcrib.contracts.schema import CompiledSchema, compile_schema


@dataclass(frozen=True, slots=True)
class Meaning:
    """One declared error with its conditions made ready; all of them must hold."""

    error: DeclaredError
    status: int | None
    path: Path | None
    schema: CompiledSchema | None

    @property
    def looks_inside(self) -> bool:
        """Whether the body must be read; a status alone never turns a success into an error."""
        return self.path is not None or self.schema is not None

    def fits(self, status: int, value: Any) -> bool:
        """Whether a reply means it; `value` is MISSING where the body was not read, or is no JSON."""
        if self.status is not None and self.status != status:
            return False
        if not self.looks_inside:
            return self.status is not None and not is_success(status)
        if value is MISSING:
            return False
        if self.path is not None and self.path.find(value) in (MISSING, None):
            return False
        return self.schema is None or self.schema.is_valid(value)


@dataclass(frozen=True, slots=True)
class Meanings:
    """Every declared error of a contract; the first that fits counts."""

    all: tuple[Meaning, ...]
    look_inside: bool

    def of(self, status: int, value: Any) -> DeclaredError | None:
        """The error that a reply means."""
        return next((one.error for one in self.all if one.fits(status, value)), None)


def plan_meanings(contract: Contract) -> Meanings:
    """The declared errors of a checked contract that a reply can mean."""
    found = tuple(_meanings(contract))
    return Meanings(found, any(one.looks_inside for one in found))


def is_success(status: int) -> bool:
    """Whether a status says that all went well."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _meanings(contract: Contract) -> Iterator[Meaning]:
    for error in contract.errors:
        path, schema = error.when.get("path"), error.when.get("schema")
        yield Meaning(
            error,
            error.when.get("status"),
            None if path is None else parse_path(path),
            None if schema is None else compile_schema(schema),
        )
