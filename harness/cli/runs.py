"""`harness runs`: which run folders are kept, and removing old ones."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.errors import EvidenceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evidence.archive import KeptRun

__all__ = ["runs"]

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
_KIB = 1024


@click.group()
def runs() -> None:
    """List the run folders that are kept, and remove old ones.

    \b
    harness runs list
    harness runs prune --keep 20
    harness runs prune --older-than 7d --yes
    """  # noqa: D301 - \b is click's mark


_output = click.option(
    "--output",
    default="harness-runs",
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the run folders, as given to `harness run`.",
)


@runs.command("list")
@_output
def list_(output: Path) -> None:
    """List the runs below a folder, newest first.

    A run without a verdict is "running", or was "killed": `harness report RUN` judges what it
    recorded. One that a kept cluster still writes to is marked by a star.

    \b
    harness runs list
    harness runs list --output /var/tmp/runs
    """  # noqa: D301 - \b is click's mark
    found = _find(output)
    if not found:
        click.echo(f"There are no runs below {output}.", err=True)
        return
    _table(found)


@runs.command()
@_output
@click.option("--keep", type=click.IntRange(min=0), metavar="N", help="Keep the N newest runs.")
@click.option("--older-than", metavar="AGE", help="Remove only what is older: 12h, 7d, 4w.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def prune(output: Path, keep: int | None, older_than: str | None, yes: bool) -> None:  # noqa: FBT001 - click passes by name
    """Remove old run folders, after asking.

    With both --keep and --older-than, only what both name is removed. A run that is going on, one
    that a kept cluster writes to, and whatever isn't a run folder are never touched. If `latest`
    led to a run that is removed, it leads to the newest one left.

    \b
    harness runs prune --keep 20
    harness runs prune --older-than 7d --yes
    harness runs prune --keep 5 --older-than 24h
    """  # noqa: D301 - \b is click's mark
    from harness.evidence.archive import mend_latest, remove_run, select_old  # noqa: PLC0415 - heavy

    if keep is None and older_than is None:
        raise UsageError(
            "Say what to remove: --keep N, --older-than AGE, or both.",
            hint="For example: harness runs prune --keep 20",
        )
    age_s = None if older_than is None else _seconds(older_than)
    old = select_old(_find(output), keep=keep, older_than_s=age_s)
    if not old:
        click.echo("There is nothing to remove.", err=True)
        return
    if not yes:
        _table(old)
        total = _size(sum(run.size for run in old))
        click.confirm(f"Remove these {len(old)} runs ({total})?", abort=True, err=True)
    failed: list[EvidenceError] = []
    for run in old:
        try:
            remove_run(run)
        except EvidenceError as error:
            failed.append(error)
    mend_latest(output)
    click.echo(f"Removed {len(old) - len(failed)} of {len(old)} runs.", err=True)
    if failed:
        raise failed[0]


def _find(output: Path) -> tuple[KeptRun, ...]:
    from harness.clusters import read_clusters  # noqa: PLC0415 - heavy
    from harness.evidence.archive import find_runs  # noqa: PLC0415 - heavy

    # The audit log lies in RUN/evidence; a cluster without a run keeps it in its own folder.
    logs = [Path(found.audit_log) for found in read_clusters() if found.audit_log]
    return find_runs(output, busy=[log.parents[1] for log in logs])


def _seconds(age: str) -> float:
    read = re.fullmatch(r"(\d+(?:\.\d+)?)([mhdw])", age.strip())
    if read is None:
        raise UsageError(
            f"--older-than {age}: that is no age.",
            hint="A number and m, h, d or w: 90m, 12h, 7d, 4w.",
        )
    return float(read[1]) * _UNITS[read[2]]


def _table(found: Sequence[KeptRun]) -> None:
    rows = [("VERDICT", "TARGET", "SUITE", "STARTED (UTC)", "DURATION", "SIZE", "RUN")]
    rows += [
        (
            f"{run.verdict}*" if run.in_use else run.verdict,
            run.target,
            run.suites,
            datetime.fromtimestamp(run.started_s, tz=UTC).strftime("%Y-%m-%d %H:%M:%S"),
            _duration(run.duration_s),
            _size(run.size),
            run.path.name,
        )
        for run in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip(), file=sys.stdout)


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < _UNITS["m"]:
        return f"{whole}s"
    if whole < _UNITS["h"]:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < _KIB:
            return f"{count:.0f} {unit}"
        count /= _KIB
    return f"{count:.1f} GiB"
