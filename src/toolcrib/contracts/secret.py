"""A secret's value on its way from the vault to the request that it is for."""

from collections.abc import Iterator, Mapping
from typing import NoReturn, Protocol, Self


class Secret:
    """Prints as `[secret:NAME]` wherever it is written; only `reveal` gives the value. `hosts` are those that it may be
    sent to, None for all that egress allows; `version` 0 stands for a value that the vault does not keep.
    """

    __slots__ = ("_value", "hosts", "name", "version")

    def __init__(
        self, name: str, value: str, *, version: int = 0, hosts: tuple[str, ...] | None = None
    ) -> None:
        self.name = name
        self.version = version
        self.hosts = hosts
        self._value = value

    def reveal(self) -> str:
        """The value."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return f"[secret:{self.name}]"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{self!r} is not written down")


class SecretProvider(Protocol):
    """Values beside those of the vault, which come first."""

    def of(self, workspace_id: str, workspace: str) -> Mapping[str, Secret]:
        """What a workspace may use, by its id and its name."""
        ...


def texts(secrets: Mapping[str, Secret]) -> Iterator[tuple[str, str]]:
    """Names and values, to strike them out."""
    return ((name, secret.reveal()) for name, secret in secrets.items())
