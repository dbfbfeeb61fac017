"""What a static suite leaves as evidence: manifests, samples, the operator's own unit tests."""

from __future__ import annotations

import copy
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.evidence.ndjson import NdjsonWriter
from harness.manifests.objects import kind_of
from harness.manifests.sources import read_files
from harness.model.records import ManifestRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evidence.folder import RunFolder
    from harness.model.target import Target

__all__ = ["record_manifests"]

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def record_manifests(
    run: RunFolder,
    target: Target,
    manifests: Sequence[dict[str, Any]],
    previous: Sequence[dict[str, Any]] = (),
) -> None:
    """Writes the rendered manifests, the samples and the CRDs of the release before.

    Raises:
        TargetError: A sample can't be read (it could when the target was loaded).
        EvidenceError: The file can't be written.
    """
    folder = Path(target.folder)
    with closing(NdjsonWriter(run.manifests_file)) as writer:
        for obj in manifests:
            writer.write(ManifestRecord(origin="manifest", object=_without_secrets(obj)))
        for kind in target.kinds:
            for file in kind.samples:
                path = Path(file)
                shown = path.relative_to(folder) if path.is_relative_to(folder) else path.name
                for obj in read_files([file]):
                    writer.write(ManifestRecord(origin="sample", object=obj, file=str(shown)))
        for obj in previous:
            writer.write(ManifestRecord(origin="previous", object=obj))


def _without_secrets(obj: dict[str, Any]) -> dict[str, Any]:
    """Returns an object as it may be kept: a Secret with its keys, without values."""
    if kind_of(obj) != "Secret":
        return obj
    found = copy.deepcopy(obj)
    for key in ("data", "stringData"):
        if isinstance(found.get(key), dict):
            found[key] = dict.fromkeys(found[key], "")
    (found["metadata"].get("annotations") or {}).pop(_APPLIED, None)
    return found
