"""Is one build slower than the other? Paired bootstrap over blocks, a gate on the bound.

Machines drift by more than the changes that one looks for, so both builds run in turn (A B B A),
and only neighbours are compared: what is resampled is the logarithm of the ratio within a pair.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.load.blocks import FIGURES, values
from harness.analysis.load.bootstrap import RESAMPLES, interval, reach, unpaired
from harness.model.comparison import Change, Comparison, Direction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from harness.analysis.load.blocks import Figure
    from harness.model.comparison import Block

__all__ = ["LEAST_PAIRS", "compare", "compare_stored", "gated"]

LEAST_PAIRS = 4


def compare(
    base: Sequence[Block],
    head: Sequence[Block],
    *,
    names: tuple[str, str] = ("base", "head"),
    allowed: float = 0.0,
    seed: int = 0,
) -> Comparison:
    """Compares two builds that ran interleaved: block i of base beside block i of head.

    Args:
        base: Blocks of the one.
        head: As many of the other.
        names: Of both, for people.
        allowed: By which share head may be worse.
        seed: Of the resampling.

    Raises:
        ValueError: There are less than 4 pairs, or a block without partner.
    """
    if len(base) != len(head) or len(base) < LEAST_PAIRS:
        raise ValueError(f"at least {LEAST_PAIRS} pairs of blocks are needed, one of each build")
    changes = []
    for figure in FIGURES:
        ours, theirs = values(base, figure), values(head, figure)
        if ours is not None and theirs is not None:
            logs = np.log(theirs) - np.log(ours)
            error = float(logs.std(ddof=1)) / math.sqrt(len(logs)), len(logs) - 1
            changes.append(_change(figure, (ours, theirs), interval(logs, seed), error, allowed))
    return Comparison(
        base=names[0],
        head=names[1],
        blocks=len(base),
        interleaved=True,
        method=(
            f"{len(base)} pairs of neighbouring blocks in the order A B B A; paired bootstrap of "
            f"the ratio, {RESAMPLES} resamples, gate on the bound of the 95 % interval"
        ),
        changes=tuple(changes),
    )


def compare_stored(
    base: Sequence[Block],
    head: Sequence[Block],
    *,
    names: tuple[str, str] = ("base", "head"),
    allowed: float = 0.0,
    seed: int = 0,
) -> Comparison:
    """Compares two runs that lie apart in time, by their blocks, each resampled by itself.

    Args:
        base: Blocks of the one (`split`).
        head: Blocks of the other; needn't be as many.
        names: Of both, for people.
        allowed: By which share head may be worse.
        seed: Of the resampling.

    Raises:
        ValueError: One has less than 4 blocks.
    """
    if min(len(base), len(head)) < LEAST_PAIRS:
        raise ValueError(f"at least {LEAST_PAIRS} blocks of each run are needed")
    changes = []
    for figure in FIGURES:
        ours, theirs = values(base, figure), values(head, figure)
        if ours is not None and theirs is not None:
            logs = np.log(ours), np.log(theirs)
            parts = [part.var(ddof=1) / len(part) for part in logs]
            error = math.sqrt(float(sum(parts))), min(len(part) for part in logs) - 1
            bounds = unpaired(logs[0], logs[1], seed)
            changes.append(_change(figure, (ours, theirs), bounds, error, allowed))
    return Comparison(
        base=names[0],
        head=names[1],
        blocks=min(len(base), len(head)),
        interleaved=False,
        method=(
            f"{len(base)} and {len(head)} blocks of two runs, each run resampled by itself "
            f"{RESAMPLES} times, gate on the bound of the 95 % interval"
        ),
        changes=tuple(changes),
        caveat=(
            "Two stored runs: what changed in the machine or the cluster between them shows as a "
            "change of the operator. Interleaved builds in one run don't have this weakness."
        ),
    )


def gated(found: Comparison, gates: Mapping[str, float]) -> Comparison:
    """Returns a comparison held against other gates; a gated figure that it lacks stays open.

    Args:
        found: As compared.
        gates: By which share each figure may be worse; what isn't named is shown, not gated.
    """
    changes = []
    for change in found.changes:
        allowed = gates.get(change.name)
        passes = allowed is None or change.worsening[0] <= allowed
        changes.append(msgspec.structs.replace(change, allowed=allowed, passes=passes))
    there = {change.name for change in changes}
    lacking = tuple(_lacking(name) for name in gates if name not in there)
    return msgspec.structs.replace(found, changes=tuple(changes), lacking=lacking)


def _lacking(name: str) -> str:
    if name.endswith("_per_reconcile"):
        return f"{name} is gated, but the operator's metrics don't tell it in every block"
    return (
        f"{name} is gated, but some block has too few arrivals for it: compare longer phases, or "
        "at a higher rate"
    )


def _change(
    figure: Figure,
    pair: tuple[NDArray[np.float64], NDArray[np.float64]],
    bounds: tuple[float, float],
    error: tuple[float, int],
    allowed: float,
) -> Change:
    base, head = (math.exp(float(np.log(part).mean())) for part in pair)
    low, high = (math.exp(bound) for bound in bounds)
    worst, least = (high, low) if figure.lower_is_better else (1 / low, 1 / high)
    direction = Direction.SAME
    if least > 1:
        direction = Direction.WORSE
    elif worst < 1:
        direction = Direction.BETTER
    return Change(
        name=figure.name,
        unit=figure.unit,
        base=base,
        head=head,
        ratio=head / base,
        low=low,
        high=high,
        worse_by=worst - 1,
        detectable=math.expm1(reach(*error)),
        direction=direction,
        allowed=allowed,
        passes=least <= 1 + allowed,
        lower_is_better=figure.lower_is_better,
    )
