"""What a suite's process is told, and who hears what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.assets import Component
from harness.evidence.ndjson import write_document
from harness.model.records import LoadTick, Notice, SoakTick, SuiteRecord, TestOutcome
from harness.model.run import Session, Suite
from harness.runner.child import SuiteChild

if TYPE_CHECKING:
    from pathlib import Path

    from harness.evidence.folder import RunFolder
    from harness.guard import Guard
    from harness.model.cluster import Cluster
    from harness.model.installation import Installation
    from harness.runner.prepare import Prepared
    from harness.runner.progress import Progress
    from harness.settings import Settings

__all__ = ["suite_child", "suite_session"]


def suite_session(
    suite: Suite,
    prepared: Prepared,
    *,
    guard: Guard,
    cluster: Cluster,
    installation: Installation,
    run: RunFolder,
) -> Session:
    """Returns all that a suite's process has to know."""
    settings = prepared.request.settings
    return Session(
        run_folder=str(run.path),
        target=prepared.target,
        suite=suite,
        seed=prepared.seed,
        timeouts=msgspec.to_builtins(settings.timeouts),
        guard_socket=str(guard.socket),
        load=msgspec.to_builtins(settings.load),
        cluster=cluster,
        installation=installation,
        prometheus_url=settings.prometheus_url,
        tools=_tools(suite, prepared),
        comparison=prepared.request.comparison,
        builds=prepared.builds,
    )


def suite_child(
    session: Session,
    state: Path,
    *,
    guard: Guard,
    run: RunFolder,
    settings: Settings,
    progress: Progress,
    several: bool,
) -> SuiteChild:
    """Returns the process, not yet running.

    Args:
        session: What it's told; it lies in a private file, since it leads to credentials.
        state: Private folder for that file.
        guard: Ends it with the harness.
        run: Where it writes.
        settings: Which of its tests run.
        progress: Is told what happens.
        several: Whether other suites run, too.
    """
    file = state / f"session-{session.suite.name}.json"
    write_document(file, session, mode=0o600)
    return SuiteChild(
        session.suite,
        file,
        guard=guard,
        run=run,
        on_record=_Telling(progress),
        keyword=settings.keyword,
        fail_fast=settings.fail_fast,
        several=several,
    )


def _tools(suite: Suite, prepared: Prepared) -> dict[str, str]:
    """Returns the paths of the binaries that a suite runs; none of what the user has."""
    found = prepared.assets
    there = {str(asset.component) for asset in found.assets}
    return {name: str(found.path(Component(name))) for name in suite.assets if name in there}


class _Telling:
    """Passes on what a suite's process says."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __call__(self, record: SuiteRecord) -> None:
        if isinstance(record, TestOutcome):
            self._progress.test(record)
        elif isinstance(record, LoadTick):
            self._progress.detail(record.line)
        elif isinstance(record, SoakTick):
            self._progress.note(record.line)
        elif isinstance(record, Notice):
            self._progress.note(record.text)
