"""Stage 1: what only the rendered manifests can tell of a target definition."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.manifests.validation import misfits
from harness.targets.checking import did_you_mean
from harness.targets.detection.crds import read_crds
from harness.targets.detection.facts import Report
from harness.targets.reading import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.manifests.objects import Object
    from harness.model.problems import Problem
    from harness.model.target import Kind, Target
    from harness.targets.detection.facts import Crd
    from harness.targets.document import Document, KeyPath

__all__ = ["lint"]


def lint(target: Target, file: Path, manifests: Sequence[Object]) -> list[Problem]:
    """Returns where a target definition and its manifests disagree.

    Args:
        target: As it was loaded.
        file: Its target.yaml.
        manifests: As they were rendered.
    """
    document = read(file)
    crds = {crd.resource: crd for crd in read_crds(manifests, Report(file.parent))}
    problems: list[Problem] = []
    for index, kind in enumerate(target.kinds):
        where: KeyPath = ("kinds", index)
        crd = crds.get(kind.resource)
        if crd is None:
            message = f"the manifests bring no CRD of {kind.resource}"
            hint = did_you_mean(kind.resource, crds) if crds else ""
            problems.append(document.problem((*where, "resource"), message, hint=hint))
            continue
        for number, sample in enumerate(kind.samples):
            problems += _sample(document, (*where, "samples", number), Path(sample), crd)
        problems += _mutations(document, where, kind, crd)
    return problems


def _sample(document: Document, where: KeyPath, file: Path, crd: Crd) -> Iterator[Problem]:
    sample = read(file, guesses=True)
    if not isinstance(sample.data, dict):
        return  # told by the rules of loading
    version = str(sample.data.get("apiVersion")).rpartition("/")[2]
    if sample.data.get("kind") != crd.kind:
        message = f"{sample.data.get('kind')} isn't {crd.kind}, the kind of {crd.resource}"
        yield sample.problem(("kind",), message)
    elif version not in crd.schemas:
        message = f"the CRD {crd.resource} serves {', '.join(crd.schemas)}, not {version}"
        yield sample.problem(("apiVersion",), message)
    else:
        for wrong in misfits(crd.schemas[version], sample.data):
            path, _, message = wrong.partition(": ")
            hint = f"named by {document.file}, line {document.place(where)[0]}"
            steps = tuple(int(s) if s.isdecimal() else s for s in path.split("."))
            yield sample.problem(steps if path != "the object" else (), message, hint=hint)


def _mutations(document: Document, where: KeyPath, kind: Kind, crd: Crd) -> Iterator[Problem]:
    schema = next(iter(crd.schemas.values()))
    for index, mutation in enumerate(kind.mutations):
        field = _field(schema, mutation.path)
        here: KeyPath = (*where, "mutations", index)
        if field is None:
            message = f"{crd.kind} has no field {mutation.path}"
            yield document.problem((*here, "path"), message)
            continue
        for number, value in enumerate(mutation.values):
            for wrong in misfits({"properties": {"value": field}}, {"value": value}):
                message = wrong.partition(": ")[2]
                yield document.problem((*here, "values", number), message)


def _field(schema: dict[str, Any], path: str) -> dict[str, Any] | None:
    """Returns the schema of a field; {} where anything is allowed, None where nothing is there."""
    here = schema
    for step in path.replace("]", "").replace("[", ".").split("."):
        if here.get("x-kubernetes-preserve-unknown-fields"):
            return {}
        properties = here.get("properties") or {}
        more = here.get("additionalProperties")
        if step.isdecimal() and isinstance(here.get("items"), dict):
            here = here["items"]
        elif step in properties:
            here = properties[step]
        elif isinstance(more, dict):
            here = more
        else:
            return {} if more is True else None
    return here
