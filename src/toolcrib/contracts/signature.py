"""Reads the signature of a tool's function: schemas of its input and output, and how a checked input becomes arguments."""

import inspect
import typing
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
    create_model,
)
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, PydanticJsonSchemaWarning

from .context import Context
from .errors import Invalid
from .faults import Fault
from .paths import pointer
from .schema import close_root

_REFUSED_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "is positional-only, but inputs have names; remove the `/`",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of values; give it a name and a list type",
    inspect.Parameter.VAR_KEYWORD: "takes any name; give each input a parameter of its own, or take one dict",
}


class InvalidTool(TypeError):
    """A function that cannot be a tool; the text names the function, the parameter, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Signature:
    """`context` is the parameter that takes the Context, `whole` the one that takes the whole input as a model."""

    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None
    context: str | None
    whole: str | None
    model: type[BaseModel]
    names: Mapping[str, str]

    def arguments(self, text: bytes) -> dict[str, Any]:
        """The arguments in an input's JSON text. What was not given keeps the function's own default. Raises `Invalid`."""
        try:
            given = self.model.model_validate_json(text)
        except ValidationError as refused:
            faults = [
                Fault(pointer(*fault["loc"]), fault["msg"])
                for fault in refused.errors(include_input=False, include_context=False, include_url=False)
            ]
            message = "The input does not fit the types of the tool; see details.errors."
            raise Invalid.because(message, faults) from None
        if self.whole is not None:
            return {self.whole: given}
        return {self.names[field]: getattr(given, field) for field in given.model_fields_set}


def read_signature(
    function: Callable[..., Any], told: Mapping[str, str], local: Mapping[str, Any]
) -> Signature:
    """What a function takes and gives. `told` describes parameters, `local` are the names where it is defined."""
    who = f"{function.__module__}.{function.__qualname__}"
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise InvalidTool(f"{who} yields; a tool returns its output as one value.")
    hints = _hints(function, who, local)
    parameters = inspect.signature(function).parameters.values()
    for parameter in parameters:
        _check(parameter, hints, who)
    contexts = [one.name for one in parameters if hints[one.name] is Context]
    if len(contexts) > 1:
        raise InvalidTool(f"{who}: the parameter {contexts[1]} is a second Context; one is enough.")
    inputs = [one for one in parameters if one.name not in contexts]
    whole = inputs[0].name if len(inputs) == 1 and _is_model(hints[inputs[0].name]) else None
    names = {f"p{at}": one.name for at, one in enumerate(inputs)}
    model = hints[whole] if whole else _model(who, inputs, hints, told)
    schema = close_root(_inlined(_schema_of(model, "validation", who, whole or "(all)")))
    if schema.get("type") != "object":
        raise InvalidTool(f"{who}: the parameter {whole} is no object; take a model with fields.")
    schema.pop("title", None)
    return Signature(
        schema, _output(hints.get("return"), who), contexts[0] if contexts else None, whole, model, names
    )


class _Plain(GenerateJsonSchema):
    """Names say it; a title made of the name would be said twice to every model."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 pydantic's signature
        return False


def _hints(function: Callable[..., Any], who: str, local: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, localns=dict(local), include_extras=True)
    except (NameError, SyntaxError, TypeError) as error:
        raise InvalidTool(
            f"{who}: an annotation cannot be read: {error}. Import the name where the tool is defined."
        ) from error


def _check(parameter: inspect.Parameter, hints: Mapping[str, Any], who: str) -> None:
    at = f"{who}: the parameter {parameter.name}"
    if parameter.kind in _REFUSED_KINDS:
        raise InvalidTool(f"{at} {_REFUSED_KINDS[parameter.kind]}.")
    if parameter.name not in hints:
        raise InvalidTool(f"{at} has no annotation; its type is the schema of the input.")
    if isinstance(parameter.default, FieldInfo):
        raise InvalidTool(f"{at} has Field(…) as its default; write Annotated[type, Field(…)] = default.")
    if hints[parameter.name] is not Context:
        _schema_of(hints[parameter.name], "validation", who, parameter.name)


def _model(
    who: str, inputs: list[inspect.Parameter], hints: Mapping[str, Any], told: Mapping[str, str]
) -> type[BaseModel]:
    """A model with one field for each parameter. Fields have names of their own: a parameter may be called `copy`."""
    fields: dict[str, Any] = {}
    for at, parameter in enumerate(inputs):
        described = _own_description(hints[parameter.name]) or told.get(parameter.name)
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[f"p{at}"] = (
            hints[parameter.name],
            Field(default, alias=parameter.name, validation_alias=parameter.name, description=described),
        )
    made: type[BaseModel] = create_model(who, __config__=ConfigDict(extra="forbid"), **fields)
    return made


def _own_description(hint: Any) -> str | None:
    """What `Annotated[…, Field(description=…)]` says."""
    extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    told = [extra.description for extra in extras if isinstance(extra, FieldInfo) and extra.description]
    return told[-1] if told else None


def _output(hint: Any, who: str) -> dict[str, Any] | None:
    """The schema of what is returned; none for None, for Any and without an annotation."""
    if hint in (None, type(None), Any):
        return None
    schema = _inlined(_schema_of(hint, "serialization", who, "return"))
    return schema or None


def _schema_of(hint: Any, mode: JsonSchemaMode, who: str, name: str) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", PydanticJsonSchemaWarning
            )  # a default that is no JSON is not shown
            made: dict[str, Any] = TypeAdapter(hint).json_schema(schema_generator=_Plain, mode=mode)
    except PydanticUserError as error:
        what = "the return annotation" if name == "return" else f"the parameter {name}"
        raise InvalidTool(
            f"{who}: {what} has a type that JSON Schema cannot describe: {str(error).splitlines()[0]}"
        ) from error
    return made


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A root that only refers to a definition, as a recursive model's does, with that definition in its place."""
    root = schema.get("$ref", "")
    found = schema.get("$defs", {}).get(root.removeprefix("#/$defs/"))
    return schema if found is None else {**found, "$defs": schema["$defs"]}


def _is_model(hint: Any) -> bool:
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return isinstance(plain, type) and issubclass(plain, BaseModel)
