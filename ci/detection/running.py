"""Runs jobs, several at a time; each outcome is kept as soon as it is there."""

from __future__ import annotations

import shutil
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import yaml

from detection.plan import Job, Outcome, fingerprint
from harness import command
from harness.clock import SYSTEM_CLOCK
from harness.evidence.folder import RunFolder
from harness.evidence.reader import Evidence
from harness.model.findings import Status
from harness.model.result import RunResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = ["Pool", "outcome_of"]

_LIMIT_S = 900.0
"""For one run; an operator's own tests alone may take ten minutes."""
_END_S = 60.0
"""For a run that was asked to stop."""
_LOOK_S = 0.1
_TAIL = 12
_OUTPUT = "output.txt"


class _Started:
    """A job whose process runs."""

    def __init__(self, job: Job, folder: Path) -> None:
        self.job = job
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)  # an old result must not be taken for the new one
        folder.mkdir(parents=True)
        self.began = SYSTEM_CLOCK.now()
        with (folder / _OUTPUT).open("wb") as log:
            self.process = command.spawn(
                _argv(job, folder),
                env=command.environment({"NO_COLOR": "1"}),
                stdout=log.fileno(),
                stderr=log.fileno(),
            )

    @property
    def seconds(self) -> float:
        return (SYSTEM_CLOCK.now().mono_ns - self.began.mono_ns) / 1e9

    def stop(self) -> None:
        """Asks the run to end in order; kills it where it doesn't."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(_END_S)
        except Exception:  # noqa: BLE001 - whatever was raised, it must not stay
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


class Pool:
    """Runs jobs.

    Args:
        folder: For the run folders, and results.ndjson.
        places: How many run at a time.
        on_outcome: Told of each outcome as it is there.
    """

    def __init__(self, folder: Path, *, places: int, on_outcome: Callable[[Outcome], None]) -> None:
        self._folder = folder
        self._places = places
        self._tell = on_outcome
        self._running: list[_Started] = []

    @property
    def results(self) -> Path:
        """Where outcomes are kept, a line each; the last of a job counts."""
        return self._folder / "results.ndjson"

    def run(self, jobs: Iterable[Job]) -> dict[str, Outcome]:
        """Runs all jobs and returns their outcomes, by job.

        Raises:
            KeyboardInterrupt: The user asked us to stop; what ran has been stopped in order.
        """
        waiting = list(jobs)[::-1]
        found: dict[str, Outcome] = {}
        try:
            while waiting or self._running:
                while waiting and len(self._running) < self._places:
                    job = waiting.pop()
                    self._running.append(_Started(job, self._place(job)))
                for ended in list(self._ended()):
                    outcome = outcome_of(
                        ended.job, ended.folder, ended.process.wait(), ended.seconds
                    )
                    found[ended.job.id] = outcome
                    self._keep(outcome)
                    self._tell(outcome)
                SYSTEM_CLOCK.sleep(_LOOK_S)
        finally:
            for started in self._running:
                started.stop()
        return found

    def _ended(self) -> Iterator[_Started]:
        for started in list(self._running):
            if started.process.poll() is None and started.seconds < _LIMIT_S:
                continue
            self._running.remove(started)
            if started.process.poll() is None:
                started.stop()
            yield started

    def _place(self, job: Job) -> Path:
        return self._folder / job.id.replace(": ", "-healthy-").replace("/", "-")

    def _keep(self, outcome: Outcome) -> None:
        with self.results.open("ab") as file:
            file.write(msgspec.json.encode(outcome) + b"\n")


def _argv(job: Job, folder: Path) -> list[str]:
    """Returns the command line of a job; its CRDs follow those of the healthy operator."""
    words = [sys.executable, "-P", "-m", "harness", "run", "--target", str(job.target)]
    for suite in job.suites:
        words += ["--suite", suite]
    if job.twin is not None:
        words += ["--twin", job.twin.name]
    if job.follows:
        words += ["--previous", str(_healthy_crds(job, folder))]
    return [*words, *job.options, "--quiet", "--output", str(folder)]


def _healthy_crds(job: Job, folder: Path) -> Path:
    """Writes the CRDs of the healthy operator, as a static run records them."""
    place = folder / "healthy"
    argv = [sys.executable, "-P", "-m", "harness", "run", "--suite", "unit", "--no-own-tests"]
    command.run(
        [*argv, "--target", str(job.target), "--quiet", "--output", str(place)],
        timeout=_LIMIT_S,
        check=False,  # what its verdict is will be seen by its own job
    )
    evidence = Evidence(RunFolder((place / "latest").resolve()))
    crds = [
        record.object
        for record in evidence.manifests
        if record.origin == "manifest" and record.object["kind"] == "CustomResourceDefinition"
    ]
    file = folder / "previous.yaml"
    file.write_text(yaml.safe_dump_all(crds), encoding="utf-8")
    return file


def outcome_of(job: Job, folder: Path, exit_code: int, seconds: float) -> Outcome:
    """Reads how a run ended."""
    latest = folder / "latest"
    file = latest / "result.json"
    common = {
        "job": job.id,
        "fingerprint": fingerprint(job),
        "ended": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "exit_code": exit_code,
        "seconds": round(seconds, 1),
    }
    said = "\n".join(_lines(folder / _OUTPUT)[-_TAIL:])
    if not file.is_file():
        return msgspec.convert({**common, "verdict": "none", "said": said}, Outcome)
    result = msgspec.json.decode(file.read_bytes(), type=RunResult)
    more = {
        "verdict": result.verdict.value,
        "failed": sorted(item.check.id for item in result.checks if item.status is Status.FAIL),
        "statuses": {item.check.id: item.status.value for item in result.checks},
        "findings": [f"{item.check}: {item.title}" for item in result.findings],
        "folder": latest.resolve().name,
    }
    outcome = msgspec.convert({**common, **more}, Outcome)
    return outcome if outcome.decided else msgspec.structs.replace(outcome, said=said)


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
