"""Shapes of JSON values, from which it is said what a kind of object must look like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Fault",
    "Path",
    "Shape",
    "each",
    "fault",
    "number",
    "record",
    "table",
    "text",
    "truth",
    "whole",
]

Path = tuple[str | int, ...]


class Fault(msgspec.Struct, frozen=True):
    """One mistake: where in the object, and what."""

    path: Path
    message: str


Shape = Callable[[Any, Path], Iterator[Fault]]
"""Takes a value (any JSON) and its path; null passes, as it does in Kubernetes."""


def fault(value: object, path: Path, wanted: str) -> Fault:
    """Returns the fault of a value of another type than is wanted."""
    return Fault(path, f"must be {wanted}, not {_noun(value)}")


def _noun(value: object) -> str:
    match value:
        case bool():
            return f"the boolean {str(value).lower()} (quote it if it is a text)"
        case int() | float():
            return f"the number {value} (quote it if it is a text)"
        case str():
            return f"the text {value[:40]!r}"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return "nothing"


def text(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
    """A text."""
    if value is not None and not isinstance(value, str):
        yield fault(value, path, "a text")


def whole(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
    """A whole number."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        yield fault(value, path, "a whole number")


def number(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
    """A number."""
    if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
        yield fault(value, path, "a number")


def truth(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
    """True or false."""
    if value is not None and not isinstance(value, bool):
        yield fault(value, path, "true or false")


def each(shape: Shape, *, least: int = 0) -> Shape:
    """A list."""

    def check(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
        if value is None and not least:
            return
        if not isinstance(value, list):
            yield fault(value, path, "a list")
            return
        if len(value) < least:
            yield Fault(path, "must have at least one item")
        for index, item in enumerate(value):
            if item is None:
                yield fault(item, (*path, index), "an item")
            yield from shape(item, (*path, index))

    return check


def table(shape: Shape) -> Shape:
    """A mapping of any keys."""

    def check(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
        if value is None:
            return
        if not isinstance(value, dict):
            yield fault(value, path, "a mapping")
            return
        for key, item in value.items():
            yield from shape(item, (*path, str(key)))

    return check


def record(fields: Mapping[str, Shape] | None = None, *required: str) -> Shape:
    """A mapping with some known keys, of which `required` must be there; others may be."""
    known = dict(fields or {})

    def check(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
        if value is None:
            if required:
                yield Fault(path, f"is missing, with {', '.join(required)}")
            return
        if not isinstance(value, dict):
            yield fault(value, path, "a mapping")
            return
        for key in required:
            if value.get(key) is None or value[key] == "":
                yield Fault((*path, key), "is missing")
        for key, shape in known.items():
            if value.get(key) is not None:
                yield from shape(value[key], (*path, key))

    return check
