"""The terms of a contract that no provider reads: who may call, what a call weighs, examples, the end of its life."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag
from typing_extensions import TypedDict

ShortText = Annotated[str, StringConstraints(max_length=512)]
PathExpression = ShortText | Annotated[list[ShortText | int], Field(min_length=1, max_length=64)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.:-]{0,127}$")]
Impact = Literal["normal", "high"] | dict[Literal["when"], dict[str, Any]]


class Closed(BaseModel):
    """A part of a contract: no unknown fields, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Link(Closed):
    """A way from the subject to something else: `tool`, which reads, is called with the subject's id as its `argument`,
    and what stands at the path `output` of its output is reached.
    """

    tool: ShortText
    argument: ShortText
    output: Annotated[str, StringConstraints(max_length=512)]


class RequiredSubject(Closed):
    """What a call may be about. `argument` names an input that is bound: to the subject's id, or to what the `link` leads
    to from there.
    """

    type: Word
    argument: ShortText | None = None
    link: Link | None = None


def _form(given: object) -> str:
    return "list" if isinstance(given, list) else "one"


Subjects = Annotated[
    Annotated[RequiredSubject, Tag("one")]
    | Annotated[list[RequiredSubject], Field(min_length=1, max_length=16), Tag("list")],
    Discriminator(_form),
]


class Requires(Closed):
    """What a caller must hold."""

    grants: Annotated[list[Word], Field(max_length=32)] = Field(default_factory=list)
    roles: Annotated[list[Word], Field(max_length=32)] = Field(default_factory=list)
    subject: Subjects | None = None

    @property
    def subjects(self) -> Sequence[RequiredSubject]:
        """The subjects that a call may have, one for each type; without any it needs none."""
        if self.subject is None:
            return ()
        return self.subject if isinstance(self.subject, list) else (self.subject,)


class Deprecation(Closed):
    """Since which version a tool is on its way out, the day it ends, and what to use instead."""

    since: ShortText | None = None
    sunset: ShortText | None = None
    use: ShortText | None = None


class Example(Closed):
    """One call as it should be, and what it answers."""

    input: dict[str, Any]
    output: Any = None
    description: ShortText | None = None


class When(TypedDict, total=False):
    """What of a reply means an error; all that is given must hold. `path` holds where something other than null stands."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]  # pydantic reads it here
    status: int
    path: PathExpression
    schema: dict[str, Any]
