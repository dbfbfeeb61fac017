"""Where in the operator what leaks is held: call sites, stacks, and what descriptors lead to."""

from __future__ import annotations

import os.path
from collections import Counter
from typing import TYPE_CHECKING

from harness.analysis.soak import profiles
from harness.analysis.soak.leaks import warm_up
from harness.model.soakresult import GrowingSite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.evidence.reader import Evidence
    from harness.model.soak import Plateau

__all__ = ["sites"]

_MOST = 5
_SAME_FOLDER = 3
"""New files of one folder, from which on it is the folder that is told."""


def sites(evidence: Evidence, life: Sequence[Plateau]) -> list[GrowingSite]:
    """Returns what grew between the first plateau that counts and the last, of all kinds."""
    left_out = warm_up(len(life))
    if len(life) <= left_out + 1:
        return []
    first, last = life[left_out], life[-1]
    found: list[GrowingSite] = []
    for file, kind, unit, read in (
        ("heap", "live heap", "B", profiles.heap),
        ("goroutine", "goroutines", "1", profiles.goroutines),
    ):
        before = read(evidence.profile(file, first.workload, first.cycle))
        after = read(evidence.profile(file, last.workload, last.cycle))
        if before and after:
            found += profiles.growing(
                before,
                after,
                kind=kind,
                unit=unit,
                subject=last.workload,
                cycles=(first.cycle + 1, last.cycle + 1),
            )
    return found + _descriptors(first, last)


def _descriptors(first: Plateau, last: Plateau) -> list[GrowingSite]:
    grown = _by_folder(first.leads_to, last.leads_to)
    return [
        GrowingSite(
            kind="descriptors",
            subject=last.workload,
            growth=float(growth),
            unit="1",
            function=leads_to,
            place="",
            first=first.cycle + 1,
            last=last.cycle + 1,
        )
        for leads_to, growth in sorted(grown.items(), key=lambda item: (-item[1], item[0]))[:_MOST]
    ]


def _by_folder(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Returns by how much what grew; files of different names in one folder are put together."""
    grown = {name: count - before.get(name, 0) for name, count in after.items()}
    grown = {name: growth for name, growth in grown.items() if growth > 0}
    folders = Counter(os.path.dirname(name) for name in grown if name.startswith("/"))  # noqa: PTH120
    found: Counter[str] = Counter()
    for name, growth in grown.items():
        folder = os.path.dirname(name) if name.startswith("/") else ""  # noqa: PTH120
        found[f"{folder}/*" if folder and folders[folder] >= _SAME_FOLDER else name] += growth
    return dict(found)
