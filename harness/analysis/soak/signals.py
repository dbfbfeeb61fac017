"""Which signals a soak has, and from which growth on each counts as a leak."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from harness.analysis.soak.leaks import Plateaus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.soak import Plateau

__all__ = ["complete", "last_life", "signals"]

_MIB = float(1 << 20)
_LIVE_HEAP = "live heap"
_IN_USE = "memory in use"
_MEMORY = (_IN_USE, "RSS", "PSS", "working set")
_WORSE = {"PSS": ("RSS",), "RSS": (_IN_USE,)}
"""What is shown beside if another is known: what is shared is divided by all that share it, so that
PSS goes with its neighbours; and RSS has what an allocator keeps free, which creeps."""
_BESIDE = "connections"  # each is a descriptor

_CREEP, _CREEPING = 2 * _MIB, ("RSS", "PSS", "working set")
"""Growth that isn't held against what has an allocator's free pieces in it, nor counts for it: in
soaks of a healthy operator these were 1.3 to 1.8 MiB."""

_MOST = 0.9  # of the plateaus: a signal that so many have is worth leaving the others out

_MATTERS = {
    _LIVE_HEAP: ("B", _MIB, 16.0, 0.0),
    _IN_USE: ("B", 2 * _MIB, 16.0, 4096.0),
    "RSS": ("B", 2 * _MIB, 16.0, 4096.0),
    "PSS": ("B", 2 * _MIB, 16.0, 1024.0),
    "working set": ("B", 2 * _MIB, 16.0, 4096.0),
    "goroutines": ("1", 3.0, 0.001, 1.0),
    "threads": ("1", 6.0, 0.001, 1.0),  # runtimes start one more when the machine is busy
    "descriptors": ("1", 3.0, 0.001, 1.0),
    "connections": ("1", 3.0, 0.001, 1.0),
    "open watches": ("1", 3.0, 0.001, 1.0),
    "queue depth": ("1", 3.0, 0.001, 1.0),
    "unfinished work": ("s", 1.0, 0.0, 0.01),
}
"""Unit, growth in the whole soak and a reconcile from which it is a leak, and resolution."""


def last_life(plateaus: Sequence[Plateau]) -> tuple[Plateau, ...]:
    """Returns the longest run of plateaus of one process, the latest of equals.

    A process that is started anew begins with nothing: its plateaus can't be held against those
    before.
    """
    lives: list[list[Plateau]] = []
    for plateau in plateaus:
        if not lives or lives[-1][-1].pid != plateau.pid:
            lives.append([])
        lives[-1].append(plateau)
    longest = max((len(life) for life in lives), default=0)
    return next((tuple(life) for life in reversed(lives) if len(life) == longest), ())


def complete(plateaus: Sequence[Plateau]) -> tuple[Plateau, ...]:
    """Returns the plateaus that have every signal which nine in ten of them have.

    A profile that wasn't answered once must cost a plateau, and not the signal: what isn't looked
    at leaks unseen.
    """
    names = Counter(name for plateau in plateaus for name in plateau.values)
    wanted = {name for name, count in names.items() if count >= _MOST * len(plateaus)}
    return tuple(plateau for plateau in plateaus if wanted <= plateau.values.keys())


def signals(
    plateaus: Sequence[Plateau],
) -> tuple[list[Plateaus], list[Plateaus], list[Plateaus]]:
    """Returns the signals of one workload that decide, that are shown beside, and that lack values.

    Cycles must be the same for all, so one that is lacking in a plateau decides nothing; neither
    can it be passed over, since it may be the one that leaks.

    Args:
        plateaus: Of one life of its process.
    """
    series: dict[str, list[float]] = defaultdict(list)
    for plateau in plateaus:
        for name, value in plateau.values.items():
            series[name].append(value)
    whole = {name: values for name, values in series.items() if len(values) == len(plateaus)}
    decide: list[Plateaus] = []
    beside: list[Plateaus] = []
    partial: list[Plateaus] = []
    for name, (unit, matters, each, resolution) in _MATTERS.items():
        if name not in series:
            continue
        made = Plateaus(
            name=name,
            unit=unit,
            subject=plateaus[0].workload,
            values=tuple(series[name]),
            matters=matters,
            matters_each=each,
            resolution=resolution,
            settles=name in _MEMORY,
            allowed=_CREEP if name in _CREEPING else 0.0,
            allowed_for="free pieces that its allocator keeps" if name in _CREEPING else "",
        )
        better = (_LIVE_HEAP, *_WORSE.get(name, ())) if name in _MEMORY else ()
        if name == _BESIDE or any(other in whole for other in better):
            beside += [made] if name in whole else []
        else:
            (decide if name in whole else partial).append(made)
    return decide, beside, partial
