"""What a static suite leaves as evidence: manifests, samples, the operator's own unit tests."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.evidence.ndjson import NdjsonWriter
from harness.manifests.secrecy import without_values
from harness.manifests.sources import read_files
from harness.model.records import ManifestRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evidence.folder import RunFolder
    from harness.model.target import Target

__all__ = ["record_manifests"]


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
            writer.write(ManifestRecord(origin="manifest", object=without_values(obj)))
        for kind in target.kinds:
            for file in kind.samples:
                path = Path(file)
                shown = path.relative_to(folder) if path.is_relative_to(folder) else path.name
                for obj in read_files([file]):
                    kept = without_values(obj)
                    writer.write(ManifestRecord(origin="sample", object=kept, file=str(shown)))
        for obj in previous:
            writer.write(ManifestRecord(origin="previous", object=without_values(obj)))
