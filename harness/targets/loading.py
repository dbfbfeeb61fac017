"""Stage 1: from a name, folder or file to a Target, or every problem in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import resources
from harness.errors import TargetError
from harness.targets import bundled
from harness.targets.bundled import DEFINITION
from harness.targets.checking import check, did_you_mean
from harness.targets.decoding import decode_target, decode_twin
from harness.targets.files import is_file
from harness.targets.reading import read
from harness.targets.semantics import RULES, TWIN_RULES
from harness.targets.surface import schema
from harness.targets.twinsurface import twin_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.problems import Problem
    from harness.model.target import Target, Twin
    from harness.targets.document import Document
    from harness.targets.semantics import Rule

__all__ = ["find", "load"]

_ENDINGS = (".yaml", ".yml")


def load(name_or_path: str, *, twin: str | None = None) -> Target:
    """Returns the target of a definition.

    Args:
        name_or_path: Name of a bundled target, or path of a target.yaml or of its folder.
        twin: Name of the faulty twin that is switched on.

    Raises:
        TargetError: It can't be found or has problems; all of them are told at once.
    """
    file = find(name_or_path)
    folder = file.parent
    document = read(file, shown=_shown(file))
    is_installed = not resources.is_checkout() and folder.parent == bundled.root()
    if is_installed and bundled.lacks_sources(document, folder):
        raise _needs_sources(name_or_path, folder)
    problems = _check(document, schema(), RULES, folder)
    twin_document = None
    if twin is not None:
        twin_file = _find_twin(folder, twin)
        twin_document = read(twin_file, shown=_shown(twin_file))
        problems += _check(twin_document, twin_schema(), TWIN_RULES, twin_file)
    if problems:
        raise _error(_shown(file), problems)
    switched: Twin | None = decode_twin(twin_document.data) if twin_document else None
    return decode_target(document.data, folder, switched)


def _check(
    document: Document, its_schema: dict[str, Any], rules: Sequence[Rule], path: Path
) -> list[Problem]:
    problems = list(document.problems)
    if document.data is None and problems:
        return problems
    problems += check(document, its_schema)
    for rule in rules:
        problems += rule(document, path)
    return problems


def _error(shown: str, problems: list[Problem]) -> TargetError:
    unique = list(dict.fromkeys(problems))
    unique.sort(key=lambda problem: (problem.file != shown, problem.file, problem.line))
    count = "1 problem" if len(unique) == 1 else f"{len(unique)} problems"
    lines = [f"The target can't be used, {count}:", *(str(problem) for problem in unique)]
    return TargetError("\n".join(lines), problems=unique, hint="Mend the file and try again.")


def _needs_sources(name: str, folder: Path) -> TargetError:
    return TargetError(
        f"The bundled target {name!r} needs its sources, which aren't in {folder}.",
        hint="Take a checkout of the project and name the target there, or give the path of "
        "another target.yaml.",
    )


def find(name_or_path: str) -> Path:
    """Returns the definition's path; a word is a bundled name before it is a path.

    Raises:
        TargetError: There is none.
    """
    if not name_or_path or "\0" in name_or_path:
        raise TargetError(f"{name_or_path!r} is no target.", hint=_known(""))
    path = Path(name_or_path)
    is_word = os.sep not in name_or_path and name_or_path not in {".", ".."}
    if is_word and is_file(bundled.root() / name_or_path / DEFINITION):
        return bundled.root() / name_or_path / DEFINITION
    try:
        if path.is_dir():
            return _in_folder(path)
        if path.exists():
            return path.absolute()
    except OSError as error:
        raise TargetError(f"{name_or_path[:80]!r} is no target: {error.strerror}.") from error
    if is_word and path.suffix not in _ENDINGS:
        raise TargetError(f"There is no bundled target {name_or_path!r}.", hint=_known(path.name))
    raise TargetError(
        f"There is no file or folder {name_or_path!r}.",
        hint=f"Give the path of a {DEFINITION} or of its folder. {_known(path.name)}",
    )


def _in_folder(path: Path) -> Path:
    if (path / DEFINITION).exists():
        return (path / DEFINITION).absolute()
    others = sorted(file.name for ending in _ENDINGS for file in path.glob(f"target*{ending}"))
    raise TargetError(
        f"The folder {str(path)!r} has no {DEFINITION}.",
        hint=f"Give the file's own path; {', '.join(others)} is there."
        if others
        else f"`harness init {path}` writes one for the project in it. {_known('')}",
    )


def _known(word: str) -> str:
    names = [entry.name for entry in bundled.available()]
    if not names:
        return (
            "No target comes with this installation: give the path of a target.yaml, or take a "
            "checkout of the project, which has some."
        )
    close = did_you_mean(word, names)
    return f"{close[0].upper()}{close[1:]}" if "?" in close else f"Bundled: {', '.join(names)}."


def _find_twin(folder: Path, twin: str) -> Path:
    names = bundled.twin_names(folder)
    if twin not in names:
        hint = did_you_mean(twin, names) or f"There is no file in {folder / 'twins'}."
        raise TargetError(f"The target has no twin {twin!r}.", hint=f"{hint[0].upper()}{hint[1:]}")
    return folder / "twins" / f"{twin}.yaml"


def _shown(file: Path) -> str:
    """Returns the path as a user standing here would write it."""
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)
