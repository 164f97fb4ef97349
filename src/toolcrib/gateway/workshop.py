"""Contracts made ready to run: parsed, schemas compiled, provider prepared. Kept by digest within a number and a weight,
the least used go first.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolcrib.contracts.contract import Contract, parse_contract
from toolcrib.contracts.errors import Invalid
from toolcrib.contracts.execution import Call
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.provider import Provider, Runnable
from toolcrib.contracts.redaction import Redactor
from toolcrib.contracts.schema import CompiledSchema, compile_schema
from toolcrib.registry.service import StoredTool

_MOST_READY = 2_048
_MOST_WEIGHT = 128_000_000
# Bytes, as measured roughly: of any contract, for each byte of its text, and for each regular expression in it. A schema
# that is held with copies of its parts, or with the meta-schema, is dense: each refers to many others.
_LEAST_WEIGHT, _WEIGHT_OF_BYTE, _WEIGHT_OF_PATTERN, _WEIGHT_OF_COPIED_BYTE = 4_000, 10, 20_000, 100
_USUAL_REQUEST = 1_000_000
_USUAL_SECONDS = {"python": 30.0}  # of kinds that have no limit in a block of their own


_PLAIN = Redactor(None)


@dataclass(frozen=True, slots=True)
class Ready:
    """A tool that can be called; the redactors make its payloads fit to be stored. `seconds` are for a whole call, with
    all its attempts.
    """

    contract: Contract
    input: CompiledSchema
    output: CompiledSchema | None
    runnable: Runnable
    max_request: int
    seconds: float
    input_redactor: Redactor = _PLAIN
    output_redactor: Redactor = _PLAIN
    high: bool = False
    high_when: CompiledSchema | None = None

    @property
    def copied(self) -> int:
        """The length of those schemas that are held in a longer form than they were written."""
        schemas = (self.input, self.output, self.high_when)
        return sum(schema.copied for schema in schemas if schema is not None)

    def is_dry(self, call: Call) -> bool:
        """Whether a call only shows what it would do: as it says, else where its impact is high."""
        if call.dry_run is not None:
            return call.dry_run
        return self.high or (self.high_when is not None and self.high_when.may_match(call.input))


class Workshop:
    """Makes tools ready, once for each digest."""

    def __init__(self, providers: Sequence[Provider], max_seconds: float = 120) -> None:
        self._max_seconds = max_seconds
        self._providers: Mapping[str, Provider] = {provider.kind: provider for provider in providers}
        self._ready: OrderedDict[str, tuple[Ready, int]] = OrderedDict()
        self._weight = 0

    def ready(self, tool: StoredTool) -> Ready:
        """The tool, ready to run."""
        found = self._ready.get(tool.digest)
        if found is not None:
            self._ready.move_to_end(tool.digest)
            return found[0]
        made = self._make(tool.document())
        weight = _weight(tool.config, made.copied)
        self._ready[tool.digest] = made, weight
        self._weight += weight
        self._make_room()
        return made

    def check(self, contract: Contract) -> None:
        """Refuse at registration what could never run: raises `Invalid` or `EgressRefused`."""
        if (contract.timeout or 0) > self._max_seconds:
            fault = Fault("/timeout", f"The operator allows at most {self._max_seconds:g} seconds.")
            raise Invalid.because("The tool's config is not valid.", [fault])
        self.provider(contract.kind).check(contract)

    def provider(self, kind: str) -> Provider:
        """Who runs this kind. Raises `Invalid` where nobody does."""
        found = self._providers.get(kind)
        if found is None:
            raise Invalid(
                f"No provider runs tools of kind {kind}; known kinds: {', '.join(sorted(self._providers))}."
            )
        return found

    def _make_room(self) -> None:
        """The one just made stays, however heavy it is."""
        while len(self._ready) > 1 and (len(self._ready) > _MOST_READY or self._weight > _MOST_WEIGHT):
            _, (_, weight) = self._ready.popitem(last=False)
            self._weight -= weight

    def _make(self, document: dict[str, Any]) -> Ready:
        contract = parse_contract(document)
        output = None if contract.output_schema is None else compile_schema(contract.output_schema)
        runnable = self.provider(contract.kind).prepare(contract)
        impact = contract.impact
        max_request = contract.api.max_request if contract.api else None
        seconds = contract.timeout or _USUAL_SECONDS.get(contract.kind, self._max_seconds)
        return Ready(
            contract,
            compile_schema(contract.input_schema),
            output,
            runnable,
            max_request or _USUAL_REQUEST,
            min(seconds, self._max_seconds),
            Redactor(contract.input_schema),
            Redactor(contract.output_schema),
            high=impact == "high" or contract.effects == "destructive",
            high_when=compile_schema(impact["when"]) if isinstance(impact, dict) else None,
        )


def _weight(config: str, copied: int) -> int:
    patterns = config.count('"pattern')
    text = _WEIGHT_OF_BYTE * len(config) + _WEIGHT_OF_COPIED_BYTE * copied
    return _LEAST_WEIGHT + text + _WEIGHT_OF_PATTERN * patterns
