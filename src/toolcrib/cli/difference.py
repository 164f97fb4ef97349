"""How two configs differ: each place as a JSON Pointer, with what stood there and what shall."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

NOTHING: Any = type("Nothing", (), {"__repr__": lambda _: "nothing"})()


@dataclass(frozen=True)
class Change:
    """One place; `NOTHING` where there was, or will be, none."""

    path: str
    old: Any
    new: Any

    def as_json(self) -> dict[str, Any]:
        """With the members that there are."""
        found = {"path": self.path, "from": self.old, "to": self.new}
        return {name: value for name, value in found.items() if value is not NOTHING}


def changes(old: Any, new: Any, path: str = "") -> Iterator[Change]:
    """From one config to the other, in the order of the places; lists are compared as a whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            at = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
            yield from changes(old.get(name, NOTHING), new.get(name, NOTHING), at)
    elif not _same(old, new):
        yield Change(path, old, new)


def _same(old: Any, new: Any) -> bool:
    """Equal, and neither one nor zero where the other is true or false."""
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_same(*pair) for pair in zip(old, new, strict=True))
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_same(old[name], new[name]) for name in old)
    return bool(old == new) and isinstance(old, bool) is isinstance(new, bool)
