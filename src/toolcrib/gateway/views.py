"""The views that calls can be made in: those of the packs that this process has loaded."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from toolcrib.contracts.errors import NotFound
from toolcrib.contracts.execution import Call
from toolcrib.contracts.view import View


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

    def named(self, name: str) -> View:
        """The view of that name. Raises `NotFound`."""
        found = self.get(name)
        if found is None:
            raise NotFound("There is no such view.")
        return found

    def of(self, call: Call) -> View | None:
        """The view that a call is made in. Raises `NotFound`."""
        return None if call.view is None else self.named(call.view)
