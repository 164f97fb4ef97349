"""One thing wrong with a value or a schema, and where: what doors show in `details.errors`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at the place that `path`, a JSON Pointer, names; the message never quotes the value."""

    path: str
    message: str

    def as_json(self) -> dict[str, str]:
        """Return the form in which an error's details carry it."""
        return {"path": self.path, "message": self.message}
