"""Stage 1: the operators under test that come with the harness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness import resources
from harness.targets.files import is_file
from harness.targets.reading import read
from harness.targets.semantics import missing_files

if TYPE_CHECKING:
    from pathlib import Path

    from harness.targets.document import Document

__all__ = ["DEFINITION", "TargetEntry", "available", "lacks_sources", "root", "twin_names"]

DEFINITION = "target.yaml"

_PROJECT_FILES = {"go": "go.mod", "make": "Makefile"}
"""What a build tool needs beside it; without it the sources aren't there."""


class TargetEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A bundled target, as a list shows it.

    Attributes:
        name: By which `load` finds it.
        folder: Absolute path.
        has_sources: Whether everything that its definition names is there.
        twins: Names of its faulty twins.
    """

    name: str
    folder: str
    has_sources: bool
    twins: tuple[str, ...] = ()


def root() -> Path:
    """Returns the folder of the bundled targets; it need not exist."""
    return resources.bundled("operators_under_test")


def available() -> tuple[TargetEntry, ...]:
    """Returns the bundled targets by name; one with a broken definition is among them."""
    return tuple(
        TargetEntry(
            name=file.parent.name,
            folder=str(file.parent),
            has_sources=not lacks_sources(read(file), file.parent),
            twins=twin_names(file.parent),
        )
        for file in sorted(root().glob(f"*/{DEFINITION}"))
    )


def twin_names(folder: Path) -> tuple[str, ...]:
    """Returns the names of a target's twins."""
    return tuple(sorted(file.stem for file in folder.glob("twins/*.yaml")))


def lacks_sources(document: Document, folder: Path) -> bool:
    """Whether a definition names files, or a project to build, that aren't in its folder."""
    builds = document.each("workloads", None, "process", "build", of=list)
    files = [_PROJECT_FILES.get(_tool(words)) for _, words in builds]
    return any(name and not is_file(folder / name) for name in files) or missing_files(
        document, folder
    )


def _tool(words: list[Any]) -> str:
    """Returns the build tool: the first word that isn't `env` or an assignment for it."""
    tools = (word for word in words if isinstance(word, str) and word != "env" and "=" not in word)
    return next(tools, "")
