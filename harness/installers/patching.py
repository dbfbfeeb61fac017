"""Stage 3: JSON Patch (RFC 6902) on JSON Pointers (RFC 6901)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PatchError", "apply_patch"]

_MISSING = object()
_END = ("-",)  # the index after a list's last


class PatchError(ValueError):
    """A patch that can't be applied; the message names the operation and the place."""


def apply_patch(document: Any, operations: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - JSON
    """Returns a patched copy of a JSON document; the document itself is left as it is.

    Args:
        document: Any JSON value.
        operations: `op` (add, remove, replace, move, copy, test), `path`, and `value` or `from`.

    Raises:
        PatchError: An operation is malformed, its place isn't there, or a test fails.
    """
    root = [copy.deepcopy(document)]  # so that the whole document has a parent, too
    for number, operation in enumerate(operations, start=1):
        try:
            _apply(root, operation)
        except PatchError as error:
            op, path = operation.get("op"), operation.get("path")
            raise PatchError(f"operation {number} ({op} {path}): {error}") from None
    return root[0]


def _apply(root: list[Any], operation: Mapping[str, Any]) -> None:
    op = operation.get("op")
    path = _pointer(operation, "path")
    match op:
        case "add":
            _add(root, path, _value(operation))
        case "remove":
            _remove(root, path)
        case "replace":
            _replace(root, path, _value(operation))
        case "move":
            source = _pointer(operation, "from")
            if path[: len(source)] == source and path != source:
                raise PatchError("can't move a value into itself")
            _add(root, path, _remove(root, source))
        case "copy":
            _add(root, path, copy.deepcopy(_get(root, _pointer(operation, "from"))))
        case "test":
            _test(_get(root, path), _value(operation))
        case _:
            raise PatchError(f"unknown op {op!r}")


def _pointer(operation: Mapping[str, Any], key: str) -> list[str]:
    text = operation.get(key)
    if not isinstance(text, str):
        raise PatchError(f"{key!r} is missing or not a string")
    if text and not text.startswith("/"):
        raise PatchError(f"{key!r} must be empty or begin with '/'")
    return ["0", *(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])]


def _value(operation: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    value = operation.get("value", _MISSING)
    if value is _MISSING:
        raise PatchError("'value' is missing")
    return copy.deepcopy(value)


def _index(items: list[Any], token: str, *, end: int) -> int:
    if not token.isdecimal() or (len(token) > 1 and token[0] == "0"):
        raise PatchError(f"{token!r} isn't an index of a list")
    index = int(token)
    if index >= end:
        raise PatchError(f"index {index} is past the end of a list of {len(items)}")
    return index


def _step(parent: Any, token: str) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(parent, list):
        return parent[_index(parent, token, end=len(parent))]
    if isinstance(parent, dict) and token in parent:
        return parent[token]
    if isinstance(parent, dict):
        raise PatchError(f"there is no {token!r}")
    raise PatchError(f"{token!r} is looked for in a {type(parent).__name__}")


def _get(root: list[Any], path: list[str]) -> Any:  # noqa: ANN401 - any JSON
    found: Any = root
    for token in path:
        found = _step(found, token)
    return found


def _add(root: list[Any], path: list[str], value: Any) -> None:  # noqa: ANN401 - any JSON
    if len(path) == 1:
        root[0] = value
        return
    parent = _get(root, path[:-1])
    token = path[-1]
    if isinstance(parent, list):
        end = len(parent)
        index = end if token in _END else _index(parent, token, end=end + 1)
        parent.insert(index, value)
    elif isinstance(parent, dict):
        parent[token] = value
    else:
        raise PatchError(f"{token!r} is added to a {type(parent).__name__}")


def _replace(root: list[Any], path: list[str], value: Any) -> None:  # noqa: ANN401 - any JSON
    _get(root, path)  # must be there
    parent = _get(root, path[:-1])
    parent[int(path[-1]) if isinstance(parent, list) else path[-1]] = value


def _remove(root: list[Any], path: list[str]) -> Any:  # noqa: ANN401 - any JSON
    removed = _get(root, path)
    if len(path) == 1:
        root[0] = None
        return removed
    parent = _get(root, path[:-1])
    del parent[int(path[-1]) if isinstance(parent, list) else path[-1]]
    return removed


def _test(found: Any, expected: Any) -> None:  # noqa: ANN401 - any JSON
    # Python holds True == 1; JSON doesn't.
    if found != expected or isinstance(found, bool) != isinstance(expected, bool):
        raise PatchError(f"found {found!r} instead of {expected!r}")
