"""A run's folder, with what is known before anything has happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness import __version__
from harness.evidence.folder import RunFolder
from harness.evidence.ndjson import write_document
from harness.manifests.origins import find_origins
from harness.model.run import RunManifest
from harness.runner.host import host_facts

if TYPE_CHECKING:
    from harness.clock import Clock
    from harness.runner.prepare import Prepared

__all__ = ["start_run"]


def start_run(prepared: Prepared, clock: Clock) -> RunFolder:
    """Makes it.

    Raises:
        EvidenceError: It can't be made or written.
    """
    request = prepared.request
    names = tuple(suite.name for suite in prepared.suites)
    now = clock.now()
    run = RunFolder.create(
        Path(request.settings.output), suite="+".join(names), target=prepared.target.name, now=now
    )
    manifest = RunManifest(
        id=run.id,
        suites=names,
        checks=prepared.checks,
        target=prepared.target.name,
        twin=request.twin or "",
        cluster=request.settings.cluster if prepared.live else "",
        started=now,
        harness_version=__version__,
        seed=prepared.seed,
        fail_on=request.settings.fail_on,
        facts=host_facts(request.settings),
        command=request.command,
        kubernetes=prepared.kubernetes,
        timeouts=msgspec.to_builtins(request.settings.timeouts),
    )
    write_document(run.run_file, manifest)
    write_document(run.target_file, prepared.target)
    write_document(run.origins_file, find_origins(prepared.target, prepared.manifests))
    if prepared.baseline is not None:
        run.load.mkdir()
        write_document(run.baseline_file, prepared.baseline)
    return run
