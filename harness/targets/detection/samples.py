"""Stage 1: samples of custom resources: those that a project has, else one that is made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.manifests.documents import ManifestSyntaxError
from harness.manifests.objects import Object, group_of, kind_of, name_of
from harness.manifests.sources import read_file
from harness.manifests.validation import misfits
from harness.targets.detection.crds import readiness_of
from harness.targets.detection.facts import FoundKind, FoundSample
from harness.targets.detection.invention import Unmade, invent
from harness.targets.detection.layouts import yaml_files
from harness.targets.detection.mutations import find_mutations
from harness.targets.reading import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from harness.targets.detection.facts import Crd, Report

__all__ = ["find_kind", "find_samples"]

_ENOUGH = 3
"""Samples of a kind: each takes a life of its own in every suite."""


def find_kind(
    crd: Crd, samples: Iterable[FoundSample], folder: Path, report: Report
) -> FoundKind | None:
    """Returns what target.yaml says of a kind; None where no valid sample can be had.

    Args:
        crd: The kind.
        samples: Of all kinds, as `find_samples` found them.
        folder: Where a sample that is made up is to be written.
        report: Learns what was passed over or made up.
    """
    own = [s for s in samples if (group_of(s.body), kind_of(s.body)) == (crd.group, crd.kind)]
    good = [sample for sample in own if _fits(crd, sample, report)]
    if not good:
        good = _invented(crd, folder, report)
    if not good:
        return None
    ready, reason = readiness_of(crd)
    version = str(good[0].body["apiVersion"]).rpartition("/")[2]
    changes, candidates = find_mutations(crd, crd.schemas[version], good[0].body)
    if not changes:
        report.lacks(
            f"a field of {crd.kind} that may safely be changed: without kinds[].mutations, "
            "updates aren't tested."
        )
    return FoundKind(
        crd=crd,
        samples=tuple(good[:_ENOUGH]),
        others=tuple(sample.file for sample in good[_ENOUGH:]),
        ready=ready,
        ready_reason=reason,
        mutations=changes,
        candidates=candidates,
    )


def _fits(crd: Crd, sample: FoundSample, report: Report) -> bool:
    version = str(sample.body["apiVersion"]).rpartition("/")[2]
    if version not in crd.schemas:
        file = report.shown(sample.file)
        report.lacks(
            f"the version {version} of {crd.kind}, which {file} is of: the CRD serves "
            f"{', '.join(crd.schemas)}. The sample isn't used."
        )
        return False
    wrong = misfits(crd.schemas[version], sample.body)
    if wrong:
        told = f"a use for {report.shown(sample.file)}: it doesn't fit its CRD"
        report.lacks(f"{told} ({'; '.join(wrong)}).")
    return not wrong


def _invented(crd: Crd, folder: Path, report: Report) -> list[FoundSample]:
    try:
        body = invent(crd)
    except Unmade as error:
        report.lacks(f"a sample of {crd.kind}, and none could be made up: {error}. Write one.")
        return []
    file = folder / "samples" / f"{crd.kind.lower()}.yaml"
    report.lacks(
        f"a sample of {crd.kind}: {report.shown(file)} was made up from the CRD's schema. "
        "Look at it."
    )
    origin = f"Made up from the schema of {crd.resource}: the least that it allows."
    return [FoundSample(file=file, body=body, origin=origin, invented=True)]


def find_samples(
    places: Iterable[Path], crds: Iterable[Crd], folder: Path, report: Report
) -> tuple[FoundSample, ...]:
    """Returns the custom resources in files, each once; a kind's first folder is enough.

    One that shares its file with others is to be written to a file of its own.

    Args:
        places: Folders and files, the best first.
        crds: Kinds that are looked for.
        folder: Of target.yaml.
        report: Learns what isn't YAML.
    """
    wanted = {(crd.group, crd.kind) for crd in crds}
    found: list[FoundSample] = []
    seen: set[Path] = set()
    served: set[tuple[str, str]] = set()
    for place in places:
        here: list[FoundSample] = []
        for file in _files(place):
            if file not in seen:
                seen.add(file)
                here += _in_file(file, wanted - served, folder, report)
        found += here
        if place.is_dir():
            served |= {(group_of(sample.body), kind_of(sample.body)) for sample in here}
    return _with_own_names(found)


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    else:
        yield from yaml_files(place)


def _in_file(
    file: Path, wanted: set[tuple[str, str]], folder: Path, report: Report
) -> Iterator[FoundSample]:
    try:
        objects = read_file(file)
    except ManifestSyntaxError as error:
        where = f", line {error.problem.line}" if error.problem.line else ""
        report.lacks(
            f"a use for {report.shown(file)}, which isn't a manifest{where}: "
            f"{error.problem.message}."
        )
        return
    for obj in objects:
        if (group_of(obj), kind_of(obj)) not in wanted:
            continue
        if len(objects) == 1 and not read(file, guesses=True).problems:
            yield FoundSample(file=file, body=obj)
        else:
            origin = f"Taken from {file.name}, which holds other objects too."
            yield FoundSample(file=_own_file(folder, obj), body=obj, origin=origin)


def _own_file(folder: Path, obj: Object) -> Path:
    words = f"{kind_of(obj).lower()}-{name_of(obj)}".replace("/", "-").replace("\0", "-")
    return folder / "samples" / f"{words[:100]}.yaml"


def _with_own_names(samples: Iterable[FoundSample]) -> tuple[FoundSample, ...]:
    """Returns samples without those that would be written to a file that another one has."""
    found: dict[Path, FoundSample] = {}
    for sample in samples:
        found.setdefault(sample.file, sample)
    return tuple(found.values())
