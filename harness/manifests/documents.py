"""YAML manifests, read as Kubernetes reads them; what it would refuse is a problem with a line."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import yaml

from harness.manifests.kinds import faults
from harness.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.manifests.objects import Object
    from harness.manifests.shapes import Path

__all__ = ["MAX_DEPTH", "MAX_VALUES", "ManifestSyntaxError", "parse"]

MAX_DEPTH = 250
"""Mappings and lists in each other. CRDs stay below 80; deep enough, the parser would crash."""

MAX_VALUES = 3_000_000
"""Values of one document after aliases are expanded; a bomb of nested aliases ends here."""

_PREFIX = "tag:yaml.org,2002:"
_DROPPED = {f"{_PREFIX}timestamp", f"{_PREFIX}value", f"{_PREFIX}int", f"{_PREFIX}float"}
_STEEP = re.compile(rf"^[ ?:-]{{{MAX_DEPTH // 2},}}", re.MULTILINE)
_JSON = {"map", "seq", "str", "int", "float", "bool", "null", "merge"}


class ManifestSyntaxError(ValueError):
    """A file that isn't a sequence of Kubernetes objects; carries its Problems."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems

    @property
    def problem(self) -> Problem:
        """The first of the problems."""
        return self.problems[0]


class _Loader(yaml.CSafeLoader):
    """PyYAML's safe loader without what Kubernetes' own parser lacks.

    Dates stay strings, "=" is a string, and "12:30" isn't a number in base 60.
    """


class _Unusable(Exception):
    """A document that can't be JSON."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    table = {
        first: [entry for entry in entries if entry[0] not in _DROPPED]
        for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    integer = re.compile(r"^[-+]?(0|[1-9][0-9_]*|0[0-7_]+|0b[01_]+|0x[0-9a-fA-F_]+)$")
    decimal = re.compile(
        r"^[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|\.[0-9_]+([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))$|^\.(nan|NaN|NAN)$"
    )
    for first in "-+0123456789":
        table.setdefault(first, []).append((f"{_PREFIX}int", integer))
    for first in "-+0123456789.":
        table.setdefault(first, []).append((f"{_PREFIX}float", decimal))
    return table


def parse(text: str, *, file: str) -> list[Object]:
    """Returns the objects of a multi-document YAML text; `List`s are taken apart.

    Args:
        text: The text.
        file: What to call it in problems.

    Raises:
        ManifestSyntaxError: It isn't YAML, or a document isn't a Kubernetes object that an API
            server could take.
    """
    loader_class: Any = type("_Bound", (_Loader,), {"yaml_implicit_resolvers": _resolvers()})
    found: list[Object] = []
    problems: list[Problem] = []
    loader: Any = None
    try:
        _check_depth(text)
        loader = loader_class(text)
        while loader.check_node():
            node = loader.get_node()
            _check_values(node)
            document = loader.construct_document(node)
            found.extend(obj for _, obj in _objects((), document))
            problems += [
                Problem(file=file, line=_line(node, path), key=_dotted(path), message=message)
                for path, message in _faults(document)
            ]
    except yaml.YAMLError as error:
        problems.append(_problem(error, text, file))
    except _Unusable as error:
        problems.append(Problem(file=file, line=error.line, message=str(error)))
    except (ValueError, RecursionError, OverflowError) as error:
        problems.append(Problem(file=file, message=f"not a manifest: {error}"))
    finally:
        if loader is not None:
            loader.dispose()
    if problems:
        raise ManifestSyntaxError(*problems)
    return found


def _check_depth(text: str) -> None:
    """Refuses what is nested too deeply, without recursion.

    Parsing twice is slow, so it is done only where brackets or a line's beginning would allow it.

    Raises:
        _Unusable: With the place.
    """
    brackets = text.count("[") + text.count("{")
    if brackets <= MAX_DEPTH and not _STEEP.search(text):
        return
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise _Unusable("lists or mappings are nested too deeply", line)


def _check_values(root: yaml.Node) -> None:
    """Refuses what YAML has and JSON lacks: cycles, keys that are there twice, other types.

    Raises:
        _Unusable: With the place.
    """
    left = MAX_VALUES
    above: set[int] = set()
    ahead: list[tuple[yaml.Node, bool]] = [(root, False)]
    while ahead:
        node, leaves = ahead.pop()
        if leaves:
            above.discard(id(node))
            continue
        left -= 1
        if left < 0:
            raise _Unusable(
                f"it holds more than {MAX_VALUES} values (aliases?)", node.start_mark.line + 1
            )
        _check_type(node)
        if isinstance(node, yaml.ScalarNode):
            continue
        if id(node) in above:
            raise _Unusable(
                "the alias refers to a value that it is part of", node.start_mark.line + 1
            )
        above.add(id(node))
        ahead.append((node, True))
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
            ahead += [(value, False) for _, value in node.value]
        else:
            ahead += [(item, False) for item in node.value]


def _check_type(node: yaml.Node) -> None:
    kind = node.tag.removeprefix(_PREFIX)
    if kind not in _JSON:
        tag = node.tag.replace(_PREFIX, "!!")
        raise _Unusable(f"the tag {tag} isn't allowed in a manifest", node.start_mark.line + 1)
    if kind == "float":
        words = str(node.value).lower().replace("_", "")
        if words.lstrip("+-") in {".inf", ".nan"} or math.isinf(_number(words)):
            raise _Unusable(f"{node.value} isn't a number that JSON has", node.start_mark.line + 1)


def _number(words: str) -> float:
    try:
        return float(words)
    except ValueError:
        return 0.0


def _check_keys(node: yaml.MappingNode) -> None:
    first: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise _Unusable("a key must be a word, not a list or mapping", key.start_mark.line + 1)
        if key.value in first and key.tag != f"{_PREFIX}merge":
            message = f"the key {key.value!r} is there twice, first in line {first[key.value]}"
            raise _Unusable(message, key.start_mark.line + 1)
        first[key.value] = line


def _objects(path: Path, document: object) -> Iterator[tuple[Path, Object]]:
    """Yields the objects of a document, with their place in it; what is none is passed over."""
    if not isinstance(document, dict):
        return
    items = document.get("items")
    if document.get("kind") == "List" and isinstance(items, list):
        for index, item in enumerate(items):
            yield from _objects((*path, "items", index), item)
    else:
        yield path, document


def _faults(document: object) -> Iterator[tuple[Path, str]]:
    if document is None:
        return
    if not isinstance(document, dict):
        yield (), f"a document is a {type(document).__name__}, not an object"
    elif document.get("kind") == "List" and isinstance(document.get("items"), list):
        for index, item in enumerate(document["items"]):
            if item is not None and not isinstance(item, dict):
                yield ("items", index), "an item of a List must be an object"
    for path, obj in _objects((), document):
        for fault in faults(obj):
            yield (*path, *fault.path), fault.message


def _line(root: yaml.Node, path: Path) -> int:
    """Returns the line of a path, or of what is nearest to it."""
    node, line = root, root.start_mark.line
    for step in path:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == step), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            if step >= len(node.value):
                break
            node = node.value[step]
            line = node.start_mark.line
        else:
            break
    return int(line) + 1


def _dotted(path: Sequence[str | int]) -> str:
    words = ""
    for step in path:
        words += f"[{step}]" if isinstance(step, int) else f".{step}" if words else step
    return words


def _problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        words = " ".join(part for part in (error.context, error.problem) if part)
        if mark is not None:
            hint = "use spaces, not tabs" if _has_tab(text, mark.line) else ""
            return Problem(
                file=file, line=mark.line + 1, column=mark.column + 1, message=words, hint=hint
            )
        return Problem(file=file, message=f"not YAML: {words or error}")
    if isinstance(error, yaml.reader.ReaderError):
        line = text[: error.position].count("\n") + 1
        return Problem(
            file=file, line=line, message="a character isn't allowed in YAML (a binary file?)"
        )
    return Problem(file=file, message=f"not YAML: {error}")


def _has_tab(text: str, line: int) -> bool:
    lines = text.splitlines()
    return any("\t" in row[: len(row) - len(row.lstrip())] for row in lines[line : line + 1])
