"""Stage 1: the data of a file that a user wrote, with the place of every key and value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import yaml

__all__ = ["Document", "KeyPath", "Place", "dotted"]

KeyPath = tuple[str | int, ...]
Place = tuple[int, int]


class Document:
    """The one value in a file, with the place of every key and value.

    Attributes:
        file: Path for messages.
        data: Mappings, lists, strings, numbers, booleans and None.
        problems: What was wrong with the YAML itself.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.data: Any = None  # any JSON
        self.problems: list[Problem] = []
        self._keys: dict[KeyPath, Place] = {}
        self._values: dict[KeyPath, Place] = {}

    def put(self, path: KeyPath, *, key: yaml.Mark | None, value: yaml.Mark) -> None:
        """Notes where a key (None for an item of a list) and its value begin."""
        self._values[path] = (value.line + 1, value.column + 1)
        if key is not None:
            self._keys[path] = (key.line + 1, key.column + 1)

    def each(self, *pattern: str | int | None, of: type = object) -> Iterator[tuple[KeyPath, Any]]:
        """Yields the path and value of what matches; what isn't there, or else, is passed over.

        Args:
            pattern: Keys; None stands for every item of a list and every key of a mapping.
            of: Type that the value must have.
        """
        found: list[tuple[KeyPath, Any]] = [((), self.data)]
        for step in pattern:
            found = [
                ((*path, key), item)
                for path, value in found
                for key, item in _items(value)
                if step is None or key == step
            ]
        yield from ((path, value) for path, value in found if isinstance(value, of))

    def get(self, *path: str | int, of: type, default: Any = None) -> Any:  # noqa: ANN401 - any JSON
        """Returns the value at a path, or `default` where there is none of that type."""
        here = self.data
        for step in path:
            here = dict(_items(here)).get(step)
        return here if isinstance(here, of) else default

    def place(self, path: KeyPath, *, of_key: bool = False) -> Place:
        """Returns line and column of a value, or of its key; the nearest parent's if it has none.

        (0, 0) means that the file as a whole is meant.
        """
        places = self._keys if of_key else self._values
        for end in range(len(path), -1, -1):
            found = places.get(path[:end]) or self._values.get(path[:end])
            if found:
                return found
        return 0, 0

    def problem(
        self, path: KeyPath, message: str, *, hint: str = "", of_key: bool = False
    ) -> Problem:
        """Returns a problem of the value, or the key, at a path."""
        line, column = self.place(path, of_key=of_key)
        return Problem(
            file=self.file,
            line=line,
            column=column,
            key=dotted(path),
            message=message,
            hint=hint,
        )

    def add(self, path: KeyPath, message: str, *, mark: yaml.Mark | None, hint: str = "") -> None:
        """Notes a problem at a mark; without one, of the whole file."""
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        self.problems.append(
            Problem(
                file=self.file,
                line=line,
                column=column,
                key=dotted(path),
                message=message,
                hint=hint,
            )
        )


def _items(value: Any) -> Iterable[tuple[str | int, Any]]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def dotted(path: KeyPath) -> str:
    """Returns a key path as people write it, for example "kinds[0].ready.condition"."""
    words = ""
    for part in path:
        words += f"[{part}]" if isinstance(part, int) else f".{part}" if words else part
    return words
