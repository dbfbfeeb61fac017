"""Stage 1: YAML read with positions, strictly: what YAML leaves to guess is a problem.

Plain scalars follow the core schema of YAML 1.2, so a date stays text and `1:30` isn't 90. Words
that YAML 1.1 reads as booleans (`on`, `yes`) and octal-looking numbers are refused, since tools
around Kubernetes disagree on them. Aliases work, within a bound; merge keys and tags don't.
"""

from __future__ import annotations

import math
import os
import re
import stat
from typing import TYPE_CHECKING, Any

import yaml

from harness.model.problems import Problem
from harness.targets.document import Document, KeyPath

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_BYTES", "MAX_VALUES", "parse", "read"]

MAX_BYTES = 256 * 1024
"""A target definition has 2 KiB; the parser needs a few seconds for this much."""
MAX_VALUES = 20_000
"""Values after aliases are expanded; a bomb of nested aliases ends here."""

_CORE = "tag:yaml.org,2002:"
_GUESS = "tag:harness,2026:guess"
_INT64 = range(-(2**63), 2**63)
_CLIP = 40


def read(path: Path, *, shown: str | None = None, guesses: bool = False) -> Document:
    """Reads one YAML document from a file; what is wrong is in its `problems`, never raised.

    Args:
        path: The file.
        shown: Path for messages; None for the path itself.
        guesses: Whether ambiguous scalars are read as Kubernetes tools do (in manifests and
            samples) instead of being problems.
    """
    document = Document(shown or str(path))
    content = _content(path, document)
    if content is not None:
        _parse(content, document, guesses=guesses)
    return document


def parse(content: bytes, *, file: str, guesses: bool = False) -> Document:
    """Reads one YAML document from bytes; the rest is as in `read`."""
    document = Document(file)
    _parse(content, document, guesses=guesses)
    return document


def _content(path: Path, document: Document) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else "the path holds a NUL"
        document.add((), f"can't be read: {words}", mark=None)
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        document.add((), "isn't a regular file", mark=None)
        return None
    with os.fdopen(fd, "rb") as file:
        return file.read(MAX_BYTES + 1)


def _parse(content: bytes, document: Document, *, guesses: bool) -> None:
    if len(content) > MAX_BYTES:
        document.add((), f"is larger than {MAX_BYTES // 1024} KiB", mark=None)
        return
    try:
        words = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _add_at(document, content[: error.start].decode("latin-1"), "this isn't UTF-8 text")
        return
    try:
        node = _Loader(words).get_single_node()
        if node is None:
            document.add((), "the file is empty", mark=None)
        else:
            document.data = _Builder(document, guesses=guesses).build(node)
    except yaml.reader.ReaderError as error:
        what = f"the character {error.character!r} isn't allowed in YAML"
        if isinstance(error.character, int):
            what = f"the character U+{error.character:04X} isn't allowed in YAML"
        _add_at(document, words[: error.position], what, hint="is this a binary file?")
    except yaml.MarkedYAMLError as error:
        _add_syntax(document, error)
    except RecursionError:
        document.add((), "lists or mappings are nested too deeply", mark=None)
    except _TooMuch as error:
        document.add((), str(error), mark=error.mark)
    except (ValueError, OverflowError):
        # the parser lets these through, for example from chr() of an escape beyond Unicode
        document.add((), "YAML: an escape or a number is out of range", mark=None)


def _add_at(document: Document, before: str, message: str, *, hint: str = "") -> None:
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    document.problems.append(
        Problem(file=document.file, line=line, column=column, message=message, hint=hint)
    )


def _add_syntax(document: Document, error: yaml.MarkedYAMLError) -> None:
    problem = error.problem or "a syntax error"
    mark = error.problem_mark or error.context_mark
    message, hint = f"YAML: {problem}", ""
    if "another document" in problem:
        message, hint = "a second document begins here", "write one document a file, without ---"
    elif "'\\t'" in problem:
        message, hint = "a tab can't indent YAML", "use spaces"
    elif "mapping values are not allowed" in problem:
        hint = "check the indentation, or quote a text that holds a colon"
    elif "undefined alias" in problem:
        message = f"YAML: {problem.replace('found ', '')}"
    elif error.context:
        message = f"YAML: {problem} ({error.context})"
    document.add((), message, mark=mark, hint=hint)


class _TooMuch(Exception):
    """A value that can't be built; ends reading."""

    def __init__(self, message: str, mark: yaml.Mark) -> None:
        super().__init__(message)
        self.mark = mark


def _plain(tag: str, pattern: str) -> tuple[str, re.Pattern[str]]:
    return tag, re.compile(f"^(?:{pattern})$")


class _Loader(yaml.SafeLoader):
    """The safe loader with the core schema's scalars; it only composes nodes."""

    yaml_implicit_resolvers = {
        None: [  # for any first character
            _plain(_CORE + "bool", r"true|True|TRUE|false|False|FALSE"),
            _plain(_CORE + "null", r"~|null|Null|NULL|"),
            _plain(_CORE + "int", r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0o[0-7]+"),
            _plain(_CORE + "float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?"),
            _plain(_CORE + "float", r"[-+]?[0-9]+[eE][-+]?[0-9]+"),
            _plain(_CORE + "float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"),
            _plain(_CORE + "merge", r"<<"),
            _plain(_GUESS, r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|[-+]?0[0-9_]+"),
        ]
    }


class _Builder:
    """Turns nodes into data, with a place for every value.

    Args:
        document: Gets the places and the problems.
        guesses: As in `read`.
    """

    def __init__(self, document: Document, *, guesses: bool) -> None:
        self._document = document
        self._guesses = guesses
        self._left = MAX_VALUES
        self._above: set[int] = set()

    def build(self, node: yaml.Node) -> Any:  # noqa: ANN401 - any JSON
        self._document.put((), key=None, value=node.start_mark)
        return self._value((), node)

    def _value(self, path: KeyPath, node: yaml.Node) -> Any:  # noqa: ANN401 - any JSON
        self._left -= 1
        if self._left < 0:
            raise _TooMuch(f"it holds more than {MAX_VALUES} values (aliases?)", node.start_mark)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(path, node)
        if id(node) in self._above:
            raise _TooMuch("the alias refers to a value that it is part of", node.start_mark)
        self._above.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                self._check_tag(path, node, "map")
                return self._mapping(path, node)
            self._check_tag(path, node, "seq")
            return self._sequence(path, node)
        finally:
            self._above.discard(id(node))

    def _sequence(self, path: KeyPath, node: yaml.Node) -> list[Any]:
        items = []
        for index, item in enumerate(node.value):
            here = (*path, index)
            self._document.put(here, key=None, value=item.start_mark)
            items.append(self._value(here, item))
        return items

    def _mapping(self, path: KeyPath, node: yaml.Node) -> dict[str, Any]:
        data: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = self._key(path, key_node)
            if key is None:
                continue
            here = (*path, key)
            if key in data:
                self._document.add(
                    here,
                    f"the key is there twice, first in line {first[key]}",
                    mark=key_node.start_mark,
                    hint="keep one of the two",
                )
                continue
            first[key] = key_node.start_mark.line + 1
            self._document.put(here, key=key_node.start_mark, value=value_node.start_mark)
            data[key] = self._value(here, value_node)
        return data

    def _key(self, path: KeyPath, node: yaml.Node) -> str | None:
        mark = node.start_mark
        if not isinstance(node, yaml.ScalarNode):
            self._document.add(path, "a key must be a word, not a list or mapping", mark=mark)
            return None
        if node.tag == _CORE + "merge":
            hint = "write the keys out"
            self._document.add(path, "merge keys (<<) aren't supported", mark=mark, hint=hint)
            return None
        if node.tag != _CORE + "str" and not self._guesses:
            self._document.add(
                path,
                f"the key {_clipped(node.value)} isn't a text in YAML",
                mark=mark,
                hint=f'write "{_clipped(node.value)}" in quotes if you mean it',
            )
        return self._encodable(path, node)

    def _encodable(self, path: KeyPath, node: yaml.ScalarNode) -> str:
        """Returns the text; half a surrogate pair, which only an escape can make, is a problem."""
        words = str(node.value)
        if words.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in words):
            return words
        message = "the escape is half a surrogate pair, not a character"
        self._document.add(path, message, mark=node.start_mark)
        return ascii(words)

    def _scalar(self, path: KeyPath, node: yaml.ScalarNode) -> Any:  # noqa: ANN401 - any JSON
        words, kind = node.value, node.tag.removeprefix(_CORE)
        if kind == "str":
            return self._encodable(path, node)
        if node.tag == _GUESS:
            return self._guess(path, node)
        reader = _SCALARS.get(kind)
        if reader is None:
            self._check_tag(path, node, "str")
            return words
        try:
            value = reader(words)
        except (ValueError, OverflowError):
            message = f"{_clipped(words)} isn't a value that JSON has"
            self._document.add(path, message, mark=node.start_mark)
            return None
        return value

    def _guess(self, path: KeyPath, node: yaml.ScalarNode) -> Any:  # noqa: ANN401 - any JSON
        words = node.value
        if self._guesses:
            return yaml.safe_load(words)
        truth = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(words.lower())
        if truth:
            message = f"{words} is a boolean to some YAML readers and a text to others"
            hint = f'write {truth}, or "{words}" in quotes'
        else:
            message = f"{_clipped(words)} is an octal number to some YAML readers, not to others"
            hint = f'write it without the leading 0, or "{_clipped(words)}" in quotes'
        self._document.add(path, message, mark=node.start_mark, hint=hint)
        return words

    def _check_tag(self, path: KeyPath, node: yaml.Node, kind: str) -> None:
        if node.tag != _CORE + kind:
            tag = node.tag.replace(_CORE, "!!")
            self._document.add(path, f"the tag {tag} isn't allowed", mark=node.start_mark)


def _integer(words: str) -> int:
    value = int(words, 0)
    if value not in _INT64:
        raise ValueError(words)
    return value


def _float(words: str) -> float:
    value = float(words)
    if not math.isfinite(value):
        raise ValueError(words)
    return value


def _boolean(words: str) -> bool:
    if words.lower() not in {"true", "false"}:
        raise ValueError(words)
    return words.lower() == "true"


def _null(_: str) -> None:
    return None


_SCALARS = {"int": _integer, "float": _float, "bool": _boolean, "null": _null}


def _clipped(words: str) -> str:
    return words if len(words) <= _CLIP else words[: _CLIP - 1] + "…"
