"""A view: what of a pack can be called at one place of an application, and about what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from .paths import PathError, parse_path
from .terms import Link

SUBJECT: Final = "subject"
Bound = Literal["subject"] | Link
"""What an argument is bound to: the id of the call's subject, or what a link leads to from there."""


@dataclass(frozen=True, slots=True)
class View:
    """`tools` names what can be called here, each with the arguments that are bound: they are filled where they are left
    out, and must agree where they are given. With `subject` every call here is about something of that type; one that is
    `read_only` leaves out what does more than read. Raises `ValueError` for what no server could load.
    """

    name: str
    tools: Mapping[str, Mapping[str, Bound]]
    subject: str | None = None
    read_only: bool = False
    title: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        """Refuse early, where the author can see the message."""
        if not self.name.replace("_", "").replace(".", "").replace("-", "").isalnum():
            raise ValueError(f"{self.name!r} is no name of a view; use letters, digits, `.`, `_` and `-`.")
        for tool, bound in self.tools.items():
            for argument, to in bound.items():
                self._check(tool, argument, to)

    def _check(self, tool: str, argument: str, to: object) -> None:
        where = f"The view {self.name} binds {argument} of {tool}"
        if self.subject is None:
            raise ValueError(f"{where} and has no subject; name the subject's type.")
        if isinstance(to, Link):
            try:
                parse_path(to.output)
            except PathError as wrong:
                raise ValueError(f"{where} over a link whose output is no path: {wrong}") from wrong
        elif to != SUBJECT:
            raise ValueError(f"{where} to {to!r}; write SUBJECT or a Link.")
