"""The run folders that were kept below one folder: what became of each, and removing old ones."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from harness.clock import SYSTEM_CLOCK
from harness.errors import EvidenceError
from harness.evidence.folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from harness.clock import Clock

__all__ = ["KILLED", "RUNNING", "KeptRun", "find_runs", "mend_latest", "remove_run", "select_old"]

KILLED = "killed"
"""What stands for a verdict where a run ended before it was judged."""
RUNNING = "running"

_NAME = re.compile(r"(\d{8}T\d{6}Z)-.+-[0-9a-f]{6}")
_QUIET_S = 120.0  # a run that wrote something in the last two minutes may still be going on
_LATEST = "latest"
_T = TypeVar("_T", bound=msgspec.Struct)


class KeptRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run folder.

    Attributes:
        path: The folder.
        verdict: A `Verdict`, or KILLED or RUNNING.
        target: Name; with "+twin" where one was switched on; "?" where that isn't known.
        suites: Names, joined by "+".
        started_s: Epoch seconds.
        duration_s: Until the verdict, or until the last thing that it wrote.
        size: Bytes.
        in_use: A run or a kept cluster still writes to it.
    """

    path: Path
    verdict: str
    target: str
    suites: str
    started_s: float
    duration_s: float
    size: int
    in_use: bool


class _Run(msgspec.Struct, frozen=True):
    suites: tuple[str, ...] = ()
    target: str = "?"
    twin: str = ""


class _Timed(msgspec.Struct, frozen=True):
    duration_s: float = 0.0


class _Result(msgspec.Struct, frozen=True):
    verdict: str
    run: _Timed = _Timed()


def find_runs(
    parent: Path, *, busy: Collection[Path] = (), clock: Clock = SYSTEM_CLOCK
) -> tuple[KeptRun, ...]:
    """Returns the run folders directly below a folder, newest first; nothing else counts as one.

    Args:
        parent: Usually "harness-runs".
        busy: Run folders that a cluster writes to.
        clock: Tells how long ago something was written.
    """
    if not parent.is_dir():
        return ()
    used = {path.resolve() for path in busy}
    found = [
        _read(entry, busy=entry.resolve() in used, clock=clock)
        for entry in parent.iterdir()
        if _is_run_folder(entry)
    ]
    return tuple(sorted(found, key=lambda run: (run.started_s, run.path.name), reverse=True))


def select_old(
    runs: Sequence[KeptRun],
    *,
    keep: int | None,
    older_than_s: float | None,
    clock: Clock = SYSTEM_CLOCK,
) -> tuple[KeptRun, ...]:
    """Returns the runs that may go; none that is in use.

    Args:
        runs: Newest first.
        keep: How many of the newest stay; None for no such condition.
        older_than_s: Only what started longer ago goes; None likewise. With both, what both name.
        clock: Gives the present.
    """
    now_s = clock.now().wall_ns / 1e9
    return tuple(
        run
        for place, run in enumerate(runs)
        if not run.in_use
        and (keep is None or place >= keep)
        and (older_than_s is None or now_s - run.started_s > older_than_s)
    )


def remove_run(run: KeptRun) -> None:
    """Removes a run folder.

    Raises:
        EvidenceError: It isn't one (any more), or something in it can't be removed.
    """
    if not _is_run_folder(run.path):
        raise EvidenceError(f"{run.path} isn't a run folder any more; it's left alone.")
    try:
        shutil.rmtree(run.path)
    except OSError as error:
        raise EvidenceError(
            f"Can't remove {run.path}: {error.strerror or error}",
            hint="Check the permissions of the folder and of what is in it.",
        ) from error


def mend_latest(parent: Path) -> None:
    """Points `latest` at the newest run where it leads nowhere; removes it where there is none.

    Raises:
        EvidenceError: It can't be changed.
    """
    latest = parent / _LATEST
    if not latest.is_symlink() or latest.exists():
        return
    runs = find_runs(parent)
    try:
        if not runs:
            latest.unlink()
            return
        draft = parent / f".{_LATEST}-{secrets.token_hex(3)}"
        draft.symlink_to(runs[0].path.name)
        os.replace(draft, latest)
    except OSError as error:
        raise EvidenceError(f"Can't mend {latest}: {error.strerror or error}") from error


def _is_run_folder(path: Path) -> bool:
    return (
        _NAME.fullmatch(path.name) is not None
        and not path.is_symlink()
        and path.is_dir()
        and (path / "evidence").is_dir()
    )


def _read(path: Path, *, busy: bool, clock: Clock) -> KeptRun:
    folder = RunFolder(path)
    run = _decode(folder.run_file, _Run) or _Run()
    result = _decode(folder.result_file, _Result)
    started_s = _started_s(path)
    size, last_s = _measure(path)
    fresh = clock.now().wall_ns / 1e9 - last_s < _QUIET_S
    if result is not None:
        verdict, duration_s = result.verdict, result.run.duration_s
    else:
        verdict = RUNNING if busy or fresh else KILLED
        duration_s = max(0.0, last_s - started_s)
    return KeptRun(
        path=path,
        verdict=verdict,
        target=f"{run.target}+{run.twin}" if run.twin else run.target,
        suites="+".join(run.suites) or "?",
        started_s=started_s,
        duration_s=duration_s,
        size=size,
        in_use=busy or verdict == RUNNING,
    )


def _started_s(path: Path) -> float:
    stamp = path.name.partition("-")[0]
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return path.stat().st_mtime  # digits, but no date


def _measure(path: Path) -> tuple[int, float]:
    """Returns bytes of all files and when the last of them was written, in epoch seconds."""
    size, last_s = 0, path.stat().st_mtime
    for root, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):  # it went away meanwhile
                told = os.lstat(Path(root) / name)
                size += told.st_size
                last_s = max(last_s, told.st_mtime)
    return size, last_s


def _decode(path: Path, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None  # it was never written, or not to its end
