"""Where a rendered object stands in the operator's own files, as far as that can be told.

Rendering says nothing of where an object came from. It is looked for in the files that a
kustomization names, by kind and name, where a name may have gained a prefix or a suffix. What
isn't found exactly once has no origin: a wrong line is worse than none. Charts have none.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import yaml

from harness.manifests.objects import describe, kind_of, name_of
from harness.model.origins import Origin, Origins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.manifests.objects import Object
    from harness.model.target import Target

__all__ = ["find_origins"]

_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_LISTS = ("resources", "bases", "components")
_DEFINITION = "target.yaml"
_DEEPEST = 20
"""Kustomizations inside each other; one that names itself must end somewhere."""

# A big CRD has 10,000 lines; only those that begin at the margin are looked at.
_MARGIN = re.compile(r"^(?:---|[A-Za-z]\w*:).*$", re.MULTILINE)
_NAME = re.compile(r"^ +name: *[\"']?([^\"'\s#]+)", re.MULTILINE)


class _Place(NamedTuple):
    kind: str
    name: str
    file: Path
    line: int


def find_origins(target: Target, manifests: Iterable[Object]) -> Origins:
    """Returns where objects of the manifests and samples stand, for those that are found.

    Files that can't be read are left out: who renders them has told of that.

    Args:
        target: Names the files.
        manifests: As rendered.
    """
    source = target.install.manifests
    files = [Path(file) for file in source.files]
    if source.kustomize is not None:
        files = list(_named_files(Path(source.kustomize), depth=0))
    samples = [Path(file) for kind in target.kinds for file in kind.samples]
    by_kind: dict[str, list[_Place]] = defaultdict(list)
    for place in _places(files):
        by_kind[place.kind].append(place)
    folder = Path(target.folder)
    found = [
        _origin(describe(obj), place, folder)
        for obj in manifests
        for place in _place(name_of(obj), by_kind[kind_of(obj)])
    ]
    found += [_origin(f"{place.kind} {place.name}", place, folder) for place in _places(samples)]
    return Origins(definition=_definition(folder), objects=tuple(dict.fromkeys(found)))


def _origin(subject: str, place: _Place, folder: Path) -> Origin:
    file = Path(os.path.relpath(place.file, folder)).as_posix()
    return Origin(subject=subject, file=file, line=place.line)


def _definition(folder: Path) -> str:
    """Without a repository around it, the bare name."""
    for parent in (folder, *folder.parents):
        if (parent / ".git").exists():
            return (folder / _DEFINITION).relative_to(parent).as_posix()
    return _DEFINITION


def _place(name: str, places: Sequence[_Place]) -> list[_Place]:
    """Returns the one place of the object whose name is the longest part of a rendered one."""
    near = [place for place in places if place.name in name]
    longest = max((len(place.name) for place in near), default=0)
    best = [place for place in near if len(place.name) == longest]
    return best if len(best) == 1 else []


def _named_files(folder: Path, *, depth: int) -> Iterator[Path]:
    """Yields the files that a kustomization takes its objects from, those of its bases too."""
    file = next((folder / name for name in _KUSTOMIZATIONS if (folder / name).is_file()), None)
    if file is None or depth > _DEEPEST:
        return
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return
    for key in _LISTS if isinstance(content, dict) else ():
        for entry in content.get(key) or ():
            path = folder / str(entry)
            if path.is_dir():
                yield from _named_files(path, depth=depth + 1)
            elif path.is_file():
                yield path


def _places(files: Iterable[Path]) -> Iterator[_Place]:
    for file in dict.fromkeys(path.resolve() for path in files):
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        yield from _documents(text, file)


def _documents(text: str, file: Path) -> Iterator[_Place]:
    """Yields the objects of a file by a look at its margin; JSON and Lists show none."""
    kind = name = ""
    first = 0
    margins = [*_MARGIN.finditer(text), None]
    for here, after in zip(margins, [*margins[1:], None], strict=True):
        if here is None or here[0].startswith("---"):
            if kind and name:
                yield _Place(kind, name, file, first)
            kind, name, first = "", "", 0
            continue
        first = first or text.count("\n", 0, here.start()) + 1
        key, _, value = here[0].partition(":")
        if key == "kind":
            kind = value.split("#")[0].strip(" \"'")
        elif key == "metadata":
            block = text[here.end() : after.start() if after else len(text)]
            found = _NAME.search(block)
            name = found[1] if found else ""
