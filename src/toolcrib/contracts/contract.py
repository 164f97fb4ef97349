"""The contract of a tool: its JSON shape, closed and strict. `gateway` parses it, providers read it."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from .errors import Code, Invalid
from .faults import Fault
from .kinds import Dummy, PythonFunction, blocks_of_others, kind_faults
from .terms import Closed, Deprecation, Example, Impact, PathExpression, Requires, ShortText, When

SECRET_REF = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,127})\}")
_SEMVER = re.compile(r"(0|[1-9]\d{0,8})(?:\.(0|[1-9]\d{0,8}))?(?:\.(0|[1-9]\d{0,8}))?\Z")

Names = Annotated[dict[ShortText, ShortText], Field(max_length=512)]
SecretName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]


class Auth(Closed):
    """How the upstream wants to be convinced. `secret_ref` is always `${NAME}`: a literal key is refused.

    `basic` sends `username` with the secret as password; without `username` the secret is `user:password`.
    `oauth_stub` stands for an authorization that nobody can give yet: such a tool is kept, and sends nothing.
    """

    method: Literal["none", "api_key_header", "api_key_query", "bearer", "basic", "oauth_stub"] = "none"
    key_name: ShortText | None = None
    secret_ref: ShortText | None = None
    username: ShortText | None = None


class HttpApi(Closed):
    """The upstream of an `http` tool. `timeout` is in seconds, `max_request` and `max_reply` are in bytes."""

    base_url: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    path: Annotated[str, StringConstraints(max_length=2048)] = ""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    headers: Names = Field(default_factory=dict)
    params: Names = Field(default_factory=dict)
    auth: Auth = Auth()
    timeout: Annotated[int | float, Field(gt=0, le=3600)] = 30
    max_request: Annotated[int, Field(gt=0)] | None = None
    max_reply: Annotated[int, Field(gt=0)] | None = None


class Mapping(Closed):
    """How input becomes a request and a reply becomes output; dotted paths, path lists or JSON Pointers.

    Inputs named by the path template go there. With no `input_to_*` at all the rest is sent under its own name:
    in the query for GET and DELETE, in a JSON body otherwise. With `raw` a reply that is no JSON is kept as its text.
    """

    input_to_params: Names = Field(default_factory=dict)
    input_to_body: Names = Field(default_factory=dict)
    input_to_headers: Names = Field(default_factory=dict)
    response_path: PathExpression | None = None
    response_to_output: Annotated[dict[ShortText, PathExpression], Field(max_length=512)] = Field(
        default_factory=dict
    )
    raw: bool = False


class DeclaredError(Closed):
    """An error that the tool may return; `when` says which replies of the upstream mean it."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
    description: ShortText = ""
    when: When = Field(default_factory=When)
    http_status: Annotated[int, Field(ge=400, le=599)] = 422

    @field_validator("code")
    @classmethod
    def _is_its_own(cls, code: str) -> str:
        if code in Code.__members__:
            raise PydanticCustomError(
                "house_code", "this code is the house's own; choose another, such as HARBOUR_NOT_FOUND"
            )
        return code


class Contract(Closed):
    """One tool: what it is for, what it takes and gives, what it may break, how it runs."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    title: ShortText | None = None
    description: Annotated[str, StringConstraints(max_length=8192)]
    version: str = "1.0.0"
    aliases: Annotated[list[ShortText], Field(max_length=32)] = Field(default_factory=list)
    enabled: bool = True
    kind: Literal["http", "python", "dummy"] = "http"
    scope: Literal["workspace", "global"] = "workspace"
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None = None
    errors: Annotated[list[DeclaredError], Field(max_length=128)] = Field(default_factory=list)
    effects: Literal["read", "write", "destructive"] | None = None
    impact: Impact = "normal"
    idempotent: bool = False
    record: Literal["full", "digest", "none"] = "full"
    requires: Requires | None = None
    deprecated: Deprecation | None = None
    examples: Annotated[list[Example], Field(max_length=32)] = Field(default_factory=list)
    side_effects: Annotated[str, StringConstraints(max_length=2048)] | None = None
    tags: Annotated[list[ShortText], Field(max_length=64)] = Field(default_factory=list)
    metadata: dict[str, Any] = Field(default_factory=dict)
    timeout: Annotated[int | float, Field(gt=0, le=3600)] | None = None
    retries: Annotated[int, Field(ge=0, le=10)] = 0
    backoff: Annotated[int | float, Field(ge=0, le=30)] = 1.0
    api: HttpApi | None = None
    mapping: Mapping = Mapping()
    python: PythonFunction | None = None
    secrets: Annotated[list[SecretName], Field(max_length=64)] = Field(default_factory=list)
    dummy: Dummy | None = None

    @property
    def upstream(self) -> HttpApi:
        """The `api` of an http tool, which always has one."""
        if self.api is None:
            raise LookupError(f"a tool of kind {self.kind} has no upstream")
        return self.api

    @field_validator("impact", mode="before")
    @classmethod
    def _is_an_impact(cls, impact: Any) -> Any:
        if impact in ("normal", "high") or (
            isinstance(impact, dict) and impact.keys() == {"when"} and isinstance(impact["when"], dict)
        ):
            return impact
        raise PydanticCustomError(
            "impact", "use normal, high or an object with one member `when`, a JSON Schema over the input"
        )

    @property
    def effect(self) -> str:
        """What a call may do."""
        return effect_of(self.effects, self.api.method if self.api else None)

    @property
    def repeatable(self) -> bool:
        """Whether the same call twice does no harm, so that it may be tried again."""
        return self.idempotent or self.effect == "read"

    def document(self) -> dict[str, Any]:
        """The contract as it is stored: defaults visible, without the blocks of other kinds."""
        return self.model_dump(mode="json", exclude_none=True, exclude=blocks_of_others(self.kind))


def effect_of(declared: str | None, method: str | None) -> str:
    """As declared, else GET reads, DELETE destroys, the rest writes."""
    return declared or {"GET": "read", "DELETE": "destructive"}.get(method or "", "write")


def normal_version(submitted: object) -> str | None:
    """`1`, `"1.2"` and `"1.2.0"` as three-part semver; None when it is no version."""
    if isinstance(submitted, bool) or not isinstance(submitted, int | float | str):
        return None
    found = _SEMVER.match(str(submitted))
    return ".".join(part or "0" for part in found.groups()) if found else None


def parse_contract(document: dict[str, Any]) -> Contract:
    """The contract in a JSON document; raises `Invalid` with every fault of shape and its JSON Pointer."""
    faults = kind_faults(document)
    try:
        contract = Contract.model_validate(document)
    except ValidationError as refused:
        faults += [
            Fault(_pointer(fault["loc"], document), fault["msg"])
            for fault in refused.errors(include_input=False, include_context=False, include_url=False)
        ]
        raise Invalid.because("The tool's config is not valid.", faults) from None
    if contract.retries and not contract.repeatable:
        faults.append(Fault("/retries", "only a tool that reads or is idempotent may be tried again"))
    if faults:
        raise Invalid.because("The tool's config is not valid.", faults)
    return contract


def _pointer(location: tuple[int | str, ...], document: Any) -> str:
    """The place in the document; the forms that a part may have are no places."""
    places, node = [], document
    for at, part in enumerate(location):
        if isinstance(node, dict) and (part in node or at == len(location) - 1):
            places.append(str(part))
            node = node.get(part)
        elif isinstance(node, list) and isinstance(part, int):
            places.append(str(part))
            node = node[part] if part < len(node) else None
    return "".join("/" + place.replace("~", "~0").replace("/", "~1") for place in places)
