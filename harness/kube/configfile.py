"""YAML of a kubeconfig, with the place of each value; what is wrong with it never quotes a value.

Built from the parser's events instead of a tree of its own: nothing recurses, so that no depth can
crash it, and an alias is the same value again, so that no bomb of them can grow.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from harness.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["MAX_BYTES", "Place", "Unreadable", "content", "read"]

MAX_BYTES = 8 << 20
"""A kubeconfig of a thousand clusters with inline certificates has 6 MiB."""

_MAX_DEPTH = 100
_MAX_EVENTS = 500_000  # of the parser, which needs seconds for them
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_GUESSED = yaml.resolver.Resolver()


class Unreadable(Exception):
    """A file that holds no YAML mapping; carries the problem.

    Args:
        problem: What is wrong.
        is_missing: Whether there is no such file at all.
    """

    def __init__(self, problem: Problem, *, is_missing: bool = False) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.is_missing = is_missing


class _Mark(NamedTuple):
    line: int
    column: int


_NOWHERE = _Mark(0, 0)


class _Scalar(NamedTuple):
    mark: _Mark
    words: str
    plain: bool


class _Entry(NamedTuple):
    mark: _Mark  # of the key
    value: _Node


class _Mapping(NamedTuple):
    mark: _Mark
    entries: dict[str, _Entry]


class _Sequence(NamedTuple):
    mark: _Mark
    items: list[_Node]


_Node = _Scalar | _Mapping | _Sequence


class Place:
    """A mapping in the file, asked for its keys; what doesn't fit becomes a problem.

    Args:
        file: Path for messages.
        key: Dotted path of the mapping.
        node: The mapping.
        problems: Gets what is wrong.
    """

    def __init__(self, file: Path, key: str, node: _Mapping, problems: list[Problem]) -> None:
        self.file = file
        self._key = key
        self._node = node
        self._problems = problems

    def __contains__(self, key: str) -> bool:
        entry = self._node.entries.get(key)
        return entry is not None and not _is_null(entry.value)

    def add(self, key: str, message: str, *, hint: str = "") -> None:
        """Adds a problem at a key, or at the mapping where it lacks the key."""
        entry = self._node.entries.get(key)
        mark = self._node.mark if entry is None else entry.value.mark
        if entry is not None and isinstance(entry.value, _Scalar) and not entry.value.words:
            mark = entry.mark
        self._add(mark, self._dotted(key if entry else ""), message, hint)

    def text(self, key: str, *, required: bool = False) -> str:
        """Returns a text; empty where it isn't there, or isn't a text."""
        entry = self._node.entries.get(key)
        if entry is None or _is_null(entry.value):
            if required:
                self.add(key, f"the key '{key}' is missing or empty")
            return ""
        node = entry.value
        if not isinstance(node, _Scalar):
            self.add(key, f"must be a text, not {_kind(node)}")
            return ""
        kind = _guess(node)
        if kind:
            self.add(key, f"must be a text, not {kind}", hint="write it in quotes")
            return ""
        if "\0" in node.words:
            self.add(key, "must not hold a NUL")
            return ""
        if required and not node.words.strip():
            self.add(key, "must not be empty")
        return node.words

    def flag(self, key: str) -> bool:
        """Returns a boolean; False where it isn't there, or isn't one."""
        entry = self._node.entries.get(key)
        if entry is None or _is_null(entry.value):
            return False
        node = entry.value
        if isinstance(node, _Scalar) and node.plain and node.words.lower() in _BOOLEANS:
            return _BOOLEANS[node.words.lower()]
        self.add(key, "must be true or false")
        return False

    def place(self, key: str) -> Place | None:
        """Returns the mapping below a key; None where it isn't there, or isn't one."""
        entry = self._node.entries.get(key)
        if entry is None or _is_null(entry.value):
            return None
        if not isinstance(entry.value, _Mapping):
            self.add(key, f"must be a mapping, not {_kind(entry.value)}")
            return None
        return Place(self.file, self._dotted(key), entry.value, self._problems)

    def places(self, key: str) -> Iterator[Place]:
        """Yields the mappings of the list below a key."""
        for mark, name, item in self._items(key):
            if isinstance(item, _Mapping):
                yield Place(self.file, name, item, self._problems)
            else:
                self._add(mark, name, f"must be a mapping, not {_kind(item)}", "")

    def texts(self, key: str) -> list[str]:
        """Returns the texts of the list below a key."""
        found = []
        for mark, name, item in self._items(key):
            if not isinstance(item, _Scalar):
                self._add(mark, name, f"must be a text, not {_kind(item)}", "")
            elif kind := _guess(item):
                self._add(mark, name, f"must be a text, not {kind}", "write it in quotes")
            elif "\0" in item.words:
                self._add(mark, name, "must not hold a NUL", "")
            else:
                found.append(item.words)
        return found

    def data(self, key: str) -> object:
        """Returns what is below a key, as JSON has it; None where it isn't there."""
        entry = self._node.entries.get(key)
        return None if entry is None else self._json(key, entry.value)

    def whole(self) -> dict[str, object]:
        """Returns all that the mapping holds, as JSON has it."""
        return {key: self._json(key, entry.value) for key, entry in self._node.entries.items()}

    def line(self, key: str = "") -> int:
        """Returns the line of a key, or of the mapping."""
        entry = self._node.entries.get(key)
        return self._node.mark.line if entry is None else entry.mark.line

    def _json(self, key: str, node: _Node) -> object:
        try:
            return _data(node, [_MAX_VALUES])
        except ValueError:
            self.add(key, f"it holds more than {_MAX_VALUES} values (aliases?)")
            return None

    def _items(self, key: str) -> Iterator[tuple[_Mark, str, _Node]]:
        entry = self._node.entries.get(key)
        if entry is None or _is_null(entry.value):
            return
        if not isinstance(entry.value, _Sequence):
            self.add(key, f"must be a list, not {_kind(entry.value)}")
            return
        for index, item in enumerate(entry.value.items):
            yield item.mark, f"{self._dotted(key)}[{index}]", item

    def _dotted(self, key: str) -> str:
        return ".".join(part for part in (self._key, key) if part)

    def _add(self, mark: _Mark, key: str, message: str, hint: str) -> None:
        problem = Problem(
            file=str(self.file),
            line=mark.line,
            column=mark.column,
            key=key,
            message=message,
            hint=hint,
        )
        if problem not in self._problems:
            self._problems.append(problem)


def read(path: Path, problems: list[Problem]) -> Place:
    """Returns the mapping that a file holds.

    Args:
        path: The file.
        problems: Gets what is wrong, now and when the place is asked.

    Raises:
        Unreadable: It can't be read, isn't YAML, or holds something else.
    """
    text = _text(path)
    try:
        root = _Builder(path).build(text)
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        message = "a character isn't allowed in YAML (is this a binary file?)"
        raise _unreadable(path, message, _Mark(line, 0)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message, hint = _syntax(error, text)
        place = _Mark(mark.line + 1, mark.column + 1) if mark else _NOWHERE
        raise _unreadable(path, message, place, hint) from None
    except (ValueError, OverflowError):
        raise _unreadable(path, "an escape is out of range") from None
    if root is None or _is_null(root):
        raise _unreadable(path, "the file is empty", hint=_WANTED)
    if not isinstance(root, _Mapping):
        raise _unreadable(path, f"a mapping must be here, not {_kind(root)}", root.mark, _WANTED)
    return Place(path, "", root, problems)


_WANTED = "a kubeconfig has clusters, users, contexts and current-context"
_MAX_VALUES = 10_000  # of what is copied: extensions, which may be anything


def _unreadable(path: Path, message: str, mark: _Mark = _NOWHERE, hint: str = "") -> Unreadable:
    return Unreadable(
        Problem(file=str(path), line=mark.line, column=mark.column, message=message, hint=hint)
    )


def content(path: Path, limit: int) -> bytes:
    """Returns a regular file's first bytes; never waits, as for the writer of a pipe.

    Raises:
        OSError: It can't be read, or is something else.
        ValueError: The path holds a NUL.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it isn't a regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(handle)


def _text(path: Path) -> str:
    try:
        found = content(path, MAX_BYTES + 1)
    except FileNotFoundError:
        problem = Problem(file=str(path), message="there is no such file")
        raise Unreadable(problem, is_missing=True) from None
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", "") or "the path holds a NUL"
        raise _unreadable(path, f"it can't be read: {words}") from None
    if len(found) > MAX_BYTES:
        raise _unreadable(path, f"it is larger than {MAX_BYTES >> 20} MiB")
    try:
        return found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = found[: error.start].count(b"\n") + 1
        raise _unreadable(path, "this isn't UTF-8 text", _Mark(line, 0)) from None


def _syntax(error: yaml.MarkedYAMLError, text: str) -> tuple[str, str]:
    """Returns what is said of a syntax error; the parser's own words may quote the file."""
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines()
    for row in lines[mark.line : mark.line + 1] if mark else ():
        if "\t" in row[: len(row) - len(row.lstrip())]:
            return "a tab can't indent YAML", "use spaces"
    if "mapping values" in problem:
        return "a colon isn't allowed here", "check the indentation, or quote the text"
    for words, likely in _LIKELY.items():
        if words in problem or words in context:
            return f"this isn't YAML: {likely}", ""
    return "this isn't YAML", "check indentation, quotes and brackets"


_LIKELY = {
    "quoted scalar": "a quote isn't closed, or an escape isn't right",
    "flow": "a bracket isn't closed, or a comma is missing",
    "simple key": "a colon is missing behind a key",
    "block mapping": "the indentation of a mapping isn't right",
    "block collection": "the indentation of a list isn't right",
}
"""What the parser was reading, and what is wrong then; its own words may quote the file."""


class _Builder:
    """Puts one document together from the parser's events.

    Args:
        path: For messages.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._anchors: dict[str, _Node] = {}
        self._open: list[tuple[_Mapping | _Sequence, _Pending]] = []
        self._root: _Node | None = None

    def build(self, text: str) -> _Node | None:
        """Returns the document; None for an empty file.

        Raises:
            Unreadable: It has what a kubeconfig can't have.
            yaml.YAMLError: It isn't YAML.
        """
        documents = 0
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        for number, event in enumerate(yaml.parse(text, Loader=loader)):
            mark = _NOWHERE
            if event.start_mark is not None:
                mark = _Mark(event.start_mark.line + 1, event.start_mark.column + 1)
            if number > _MAX_EVENTS:
                raise self._wrong(mark, "it holds too many values")
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._wrong(
                        mark, "a second document begins here", "keep one, without ---"
                    )
            elif isinstance(event, yaml.AliasEvent):
                self._put(self._alias(event, mark))
            elif isinstance(event, yaml.ScalarEvent):
                self._check_tag(event, mark)
                node = _Scalar(mark, event.value, event.style is None or event.style == "")
                self._name(event, node)
                self._put(node)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._check_tag(event, mark)
                self._begin(event, mark)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end()
        return self._root

    def _alias(self, event: yaml.AliasEvent, mark: _Mark) -> _Node:
        node = self._anchors.get(event.anchor or "")
        if node is None:
            raise self._wrong(mark, "the alias refers to no anchor before it")
        if any(node is above for above, _ in self._open):
            raise self._wrong(mark, "the alias refers to a value that it is part of")
        return node

    def _check_tag(self, event: yaml.NodeEvent, mark: _Mark) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None and tag not in _TAGS:
            raise self._wrong(mark, "a tag isn't allowed here", "remove what begins with !")

    def _name(self, event: yaml.NodeEvent, node: _Node) -> None:
        if event.anchor:
            self._anchors[event.anchor] = node

    def _begin(self, event: yaml.CollectionStartEvent, mark: _Mark) -> None:
        if len(self._open) >= _MAX_DEPTH:
            raise self._wrong(mark, "lists or mappings are nested too deeply")
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        node: _Mapping | _Sequence = _Mapping(mark, {}) if is_mapping else _Sequence(mark, [])
        self._name(event, node)
        self._open.append((node, _Pending()))

    def _end(self) -> None:
        node, _ = self._open.pop()
        self._put(node)

    def _put(self, node: _Node) -> None:
        if not self._open:
            self._root = node
            return
        parent, pending = self._open[-1]
        if isinstance(parent, _Sequence):
            parent.items.append(node)
        elif pending.key is None:
            pending.take(self._key(node, parent))
        else:
            parent.entries[pending.key] = _Entry(pending.mark, node)
            pending.key = None

    def _key(self, node: _Node, parent: _Mapping) -> _Scalar:
        if not isinstance(node, _Scalar):
            raise self._wrong(node.mark, "a key must be a word, not a list or mapping")
        if node.plain and node.words == "<<":
            raise self._wrong(node.mark, "merge keys (<<) aren't supported", "write the keys out")
        first = parent.entries.get(node.words)
        if first is not None:
            message = f"this key is there twice, first in line {first.mark.line}"
            raise self._wrong(node.mark, message, "keep one of the two")
        return node

    def _wrong(self, mark: _Mark, message: str, hint: str = "") -> Unreadable:
        return _unreadable(self._path, message, mark, hint)


class _Pending:
    """The key of a mapping's entry whose value comes next."""

    def __init__(self) -> None:
        self.key: str | None = None
        self.mark = _NOWHERE

    def take(self, node: _Scalar) -> None:
        self.key, self.mark = node.words, node.mark


_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq")} | {"!"}


def _is_null(node: _Node) -> bool:
    return isinstance(node, _Scalar) and node.plain and node.words in _NULLS


def _guess(node: _Scalar) -> str:
    """Returns what a plain scalar is, in words, where it isn't a text; else nothing."""
    if not node.plain:
        return ""
    tag: Any = _GUESSED.resolve(yaml.ScalarNode, node.words, (True, False))  # type: ignore[no-untyped-call]  # it has no types
    kind = str(tag).rpartition(":")[2]
    return {"bool": "a boolean", "int": "a number", "float": "a number"}.get(kind, "")


def _kind(node: _Node) -> str:
    if isinstance(node, _Mapping):
        return "a mapping"
    if isinstance(node, _Sequence):
        return "a list"
    return "nothing" if _is_null(node) else _guess(node) or "a text"


def _data(node: _Node, left: list[int]) -> object:
    left[0] -= 1
    if left[0] < 0:
        raise ValueError("too many values")
    if isinstance(node, _Mapping):
        return {key: _data(entry.value, left) for key, entry in node.entries.items()}
    if isinstance(node, _Sequence):
        return [_data(item, left) for item in node.items]
    if not node.plain:
        return node.words
    return yaml.safe_load(node.words) if _guess(node) else None if _is_null(node) else node.words
