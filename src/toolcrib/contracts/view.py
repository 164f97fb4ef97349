"""A view: what of a pack can be called at one place of an application, and about what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Binding:
    """One argument that is bound."""

    argument: str
    link: Link | None = None


def bindings_in(view: View, tool: str) -> Sequence[Binding]:
    """The arguments of a tool that a view binds."""
    bound = view.tools.get(tool, {})
    return [Binding(argument, to if isinstance(to, Link) else None) for argument, to in bound.items()]


@dataclass(slots=True)
class Views:
    """The views of the packs that this process has loaded."""

    _views: dict[str, View] = field(default_factory=dict)
    _packs: dict[str, str] = field(default_factory=dict)

    def taken(self, pack: str, views: Sequence[View]) -> str | None:
        """The name of one of these views that is another pack's."""
        return next((view.name for view in views if self._packs.get(view.name, pack) != pack), None)

    def add(self, pack: str, views: Sequence[View]) -> None:
        """Take in a pack's views, for those that it had."""
        for name in [name for name, of in self._packs.items() if of == pack]:
            del self._views[name], self._packs[name]
        self._views.update({view.name: view for view in views})
        self._packs.update({view.name: pack for view in views})

    def get(self, name: str) -> View | None:
        """The view of that name."""
        return self._views.get(name)
