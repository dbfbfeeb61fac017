"""Kept runs that are compared, or that a run is held against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.analysis.compared import read_run, stored_of
from harness.errors import EvidenceError, UsageError
from harness.evidence.folder import RunFolder
from harness.model.comparison import Baseline
from harness.reporting import read_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.comparison import StoredLoad
    from harness.model.run import Suite
    from harness.model.target import Target
    from harness.settings import Settings

__all__ = ["choose_baseline", "read_kept", "read_pair", "require_version"]

_STEADY = ("steady", "churn")
_SAME_RATE = 0.01


def read_kept(text: str) -> StoredLoad:
    """Returns what can be compared of a kept run.

    Args:
        text: Its folder, or its result.json.

    Raises:
        UsageError: It is no run, has no steady load, or can't be read.
    """
    path = Path(text)
    if not path.is_file():
        return read_run(RunFolder(path.resolve()))
    try:
        return stored_of(read_result(path).load, text)
    except EvidenceError as error:
        raise UsageError(str(error), hint=error.hint) from error


def read_pair(base: str, head: str) -> tuple[StoredLoad, StoredLoad]:
    """Returns what can be compared of two kept runs, with names that tell them apart.

    Raises:
        UsageError: They are one and the same, or as `read_kept`.
    """
    places = [Path(text).resolve() for text in (base, head)]
    folders = [place.parent if place.is_file() else place for place in places]
    found = [read_kept(str(place)) for place in places]
    if folders[0] == folders[1]:
        raise UsageError(
            f"Base and head are the same run, {folders[0].name}.",
            hint="harness-runs/latest is the newest run; `harness runs list` has the others.",
        )
    alike = folders[0].name == folders[1].name  # kept in different places
    names = [str(folder) if alike else folder.name for folder in folders]
    named = [msgspec.structs.replace(one, run=name) for one, name in zip(found, names, strict=True)]
    return named[0], named[1]


def choose_baseline(
    settings: Settings, *, target: Target, suites: Sequence[Suite]
) -> Baseline | None:
    """Returns what a run is held against; None where nobody asks for it.

    Args:
        settings: Of the run.
        target: That will be run.
        suites: That will be run.

    Raises:
        UsageError: It can't be read, or what will be run can't be compared with it.
    """
    if not settings.baseline:
        return None
    load = settings.load
    if not any(suite.name == "load" for suite in suites) or load.profile not in _STEADY:
        raise UsageError(
            "--baseline: only a steady load can be compared, and this run has none of its own "
            "rate.",
            hint="Add --suite load --profile steady (or churn), with the baseline's --rate.",
        )
    found = read_kept(settings.baseline)
    ours = {
        "the target": target.name,
        "the cluster": settings.cluster,
        "the number of workers": str(load.workers),
    }
    for what, value in ours.items():
        if found.ways.get(what) != value:
            raise UsageError(
                f"--baseline {settings.baseline}: {what} is {found.ways.get(what) or 'none'} "
                f"there, and {value} in this run.",
                hint="Take a baseline of the same target on the same kind of cluster.",
            )
    phases = {phase.name: phase for phase in found.phases}
    if set(phases) != {load.profile}:
        raise UsageError(
            f"--baseline {settings.baseline}: it went through {', '.join(phases)}, and this run "
            f"goes through {load.profile}.",
            hint="Run it by the baseline's profile.",
        )
    rate = phases[load.profile].rate_per_s
    if abs(rate - load.rate) > _SAME_RATE * rate:
        raise UsageError(
            f"--baseline {settings.baseline}: it ran at {rate:.4g}/s, and this run has "
            f"{f'{load.rate:.4g}/s' if load.rate else 'no --rate'}: latencies at different rates "
            "can't be compared.",
            hint=f"Give --rate {rate:.4g}.",
        )
    return Baseline(load=found, gates=dict(settings.allowed))


def require_version(baseline: Baseline | None, kubernetes: str) -> None:
    """Refuses a baseline of another version of Kubernetes than the run will have.

    Raises:
        UsageError: It is of another.
    """
    if baseline is None:
        return
    before = baseline.load.ways.get("the Kubernetes version", "")
    if before != kubernetes:
        raise UsageError(
            f"--baseline {baseline.load.run}: it ran on Kubernetes {before or 'unknown'}, and this "
            f"run is on {kubernetes}.",
            hint=f"Add --kubernetes-version {before}, or take a new baseline.",
        )
