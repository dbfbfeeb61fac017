"""YAML manifests, read as Kubernetes reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from harness.model.problems import Problem

if TYPE_CHECKING:
    from harness.manifests.objects import Object

__all__ = ["ManifestSyntaxError", "parse"]

_PREFIX = "tag:yaml.org,2002:"
_DROPPED = {f"{_PREFIX}timestamp", f"{_PREFIX}value", f"{_PREFIX}int", f"{_PREFIX}float"}


class ManifestSyntaxError(ValueError):
    """A file that isn't a sequence of Kubernetes objects; carries the Problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Loader(yaml.CSafeLoader):
    """PyYAML's safe loader without what Kubernetes' own parser lacks.

    Dates stay strings, "=" is a string, and "12:30" isn't a number in base 60.
    """


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
        ManifestSyntaxError: It isn't YAML, or a document isn't a Kubernetes object.
    """
    loader_class: Any = type("_Bound", (_Loader,), {"yaml_implicit_resolvers": _resolvers()})
    found: list[Object] = []
    loader = loader_class(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            document = loader.construct_document(node)
            found.extend(_objects(document, file=file, line=node.start_mark.line + 1))
    except yaml.YAMLError as error:
        raise ManifestSyntaxError(_problem(error, file)) from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, ManifestSyntaxError):
            raise
        raise ManifestSyntaxError(Problem(file=file, message=f"not a manifest: {error}")) from error
    finally:
        loader.dispose()
    return found


def _objects(document: object, *, file: str, line: int) -> list[Object]:
    if document is None:
        return []
    if not isinstance(document, dict):
        kind = type(document).__name__
        raise ManifestSyntaxError(
            Problem(file=file, line=line, message=f"a document is a {kind}, not an object")
        )
    if document.get("kind") == "List" and isinstance(document.get("items"), list):
        return [obj for item in document["items"] for obj in _objects(item, file=file, line=line)]
    for key in ("apiVersion", "kind"):
        if not isinstance(document.get(key), str) or not document[key]:
            raise ManifestSyntaxError(
                Problem(file=file, line=line, key=key, message="is missing or not a string")
            )
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise ManifestSyntaxError(
            Problem(
                file=file,
                line=line,
                key="metadata.name",
                message=f"is missing or not a string ({document['kind']})",
            )
        )
    return [document]


def _problem(error: yaml.YAMLError, file: str) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        text = " ".join(part for part in (error.context, error.problem) if part)
        return Problem(file=file, line=mark.line + 1, column=mark.column + 1, message=text)
    return Problem(file=file, message=f"not YAML: {error}")
