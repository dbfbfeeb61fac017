"""How much load a soak is: half of what the operator can sustain, unless a user said how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.errors import NotVerified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.model.loadresult import Knee
    from harness.model.run import RunManifest as Manifest

__all__ = ["BRACKET_S", "ChosenRate", "choose_rate", "earlier_knee"]

SHARE = 0.5
BRACKET_S = 120.0
_LOAD = "load"


class ChosenRate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate and where it comes from.

    Attributes:
        per_s: Arrivals a second.
        source: In words, for example "50 % of the knee of 62/s that … found".
    """

    per_s: float
    source: str


class _Run(msgspec.Struct, frozen=True):
    """What is read of a run.json: enough to tell whether a run is like this one."""

    suites: tuple[str, ...]
    target: str
    twin: str
    cluster: str
    started: _Started


class _Started(msgspec.Struct, frozen=True):
    wall_ns: int


class _Knee(msgspec.Struct, frozen=True):
    per_s: float | None = None


class _Load(msgspec.Struct, frozen=True):
    knee: _Knee | None = None


class _Result(msgspec.Struct, frozen=True):
    """What is read of a result.json."""

    load: _Load | None = None


def choose_rate(
    asked: float, *, folder: Path, manifest: Manifest, search: Callable[[], Knee]
) -> ChosenRate:
    """Returns the rate of a soak.

    Args:
        asked: By the user, a second; 0 if nobody asked.
        folder: Of this run; others are looked for beside it.
        manifest: Of this run: the knee must be of the same target, twin and kind of cluster.
        search: Finds a knee now; only called where no earlier run has one.

    Raises:
        NotVerified: No rate at all is sustained.
    """
    if asked:
        return ChosenRate(per_s=asked, source="--rate")
    earlier = earlier_knee(folder, manifest)
    if earlier is not None:
        name, knee = earlier
        return _half(knee, f"the knee of {knee:.3g}/s that {name} found")
    found = search()
    if found.per_s is None:
        raise NotVerified(f"no rate is sustained of which a soak could take half: {found.reason}")
    return _half(found.per_s, f"{found.per_s:.3g}/s, which it sustained when it was tried just now")


def earlier_knee(folder: Path, manifest: Manifest) -> tuple[str, float] | None:
    """Returns the last load run like this one that has a knee: its name and the knee, a second.

    Args:
        folder: Of this run.
        manifest: Of this run.
    """
    alike = []
    for path, run in _runs(folder):
        same = (run.target, run.twin, run.cluster)
        ours = (manifest.target, manifest.twin, manifest.cluster)
        if _LOAD in run.suites and same == ours:
            alike.append((run.started.wall_ns, path))
    for _, path in sorted(alike, reverse=True):
        knee = _knee(path)
        if knee:
            return path.name, knee
    return None


def _half(knee: float, words: str) -> ChosenRate:
    return ChosenRate(per_s=SHARE * knee, source=f"{SHARE:.0%} of {words}")


def _runs(folder: Path) -> Iterator[tuple[Path, _Run]]:
    """Yields the runs beside this one; what can't be read is of no help."""
    for path in folder.parent.glob("*/run.json"):
        if path.parent == folder or path.parent.is_symlink():
            continue
        try:
            yield path.parent, msgspec.json.decode(path.read_bytes(), type=_Run)
        except (OSError, msgspec.DecodeError):
            continue


def _knee(run: Path) -> float | None:
    try:
        found = msgspec.json.decode((run / "result.json").read_bytes(), type=_Result)
    except (OSError, msgspec.DecodeError):
        return None
    return found.load.knee.per_s if found.load and found.load.knee else None
