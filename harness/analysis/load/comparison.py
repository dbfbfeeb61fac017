"""Is one build slower than the other? Interleaved blocks, paired bootstrap, a gate on the bound.

Machines drift by more than the changes that one looks for, so both builds run in turn (A B B A),
and only neighbours are compared: what is resampled is the logarithm of the ratio within a pair.
The interval is the bootstrap's percentile interval with the correction for few samples that makes
it as wide as Student's (Hesterberg, What Teachers Should Know About the Bootstrap, 2015, 5.3).
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from scipy.special import betaincinv, ndtr, stdtrit

from harness.analysis.load.join import NEVER, Fate
from harness.analysis.load.percentiles import nearest_rank
from harness.model.comparison import Change, Comparison, Direction, Rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from harness.analysis.load.sustain import StepStamps

__all__ = [
    "Block",
    "block",
    "compare",
    "compare_stored",
    "exact_rate",
    "false_alarms",
    "gated",
    "split",
]

_S = 1e9
_MS = 1e6
_RESAMPLES = 5_000
_TAIL = 0.025
_POWER = 0.8
_LEAST_PAIRS = 4
_LEAST_FOR_P99 = 100


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of load on one build; figures are positive.

    Attributes:
        p50_ms: Of the total latency.
        p99_ms: None below 100 arrivals.
        throughput_per_s: Completions a second.
    """

    p50_ms: float
    p99_ms: float | None
    throughput_per_s: float


class _Figure(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    unit: str
    lower_is_better: bool


_FIGURES = (
    _Figure(name="p50", unit="ms", lower_is_better=True),
    _Figure(name="p99", unit="ms", lower_is_better=True),
    _Figure(name="throughput", unit="1/s", lower_is_better=False),
)


def block(stamps: StepStamps) -> Block | None:
    """Returns the figures of a block; None where nothing was done in it."""
    done = stamps.done_ns < NEVER
    done &= stamps.fate == Fate.DONE
    if not done.any():
        return None
    total = np.sort((stamps.done_ns - stamps.intended_ns)[done])
    seconds = max((stamps.end_ns - stamps.start_ns) / _S, 1e-9)
    n = len(total)
    return Block(
        p50_ms=max(float(total[nearest_rank(0.5, n)]) / _MS, 1e-6),
        p99_ms=float(total[nearest_rank(0.99, n)]) / _MS if n >= _LEAST_FOR_P99 else None,
        throughput_per_s=_rate(stamps.done_ns[done] <= stamps.end_ns, seconds),
    )


def split(stamps: StepStamps, count: int = 12) -> list[Block]:
    """Cuts one long phase into blocks of equal time, for runs that weren't interleaved."""
    edges = np.linspace(stamps.start_ns, stamps.end_ns, count + 1).astype(np.int64).tolist()
    found = []
    for start, end in pairwise(edges):
        rows = (stamps.intended_ns >= start) & (stamps.intended_ns < end)
        part = msgspec.structs.replace(
            stamps,
            start_ns=start,
            end_ns=end,
            intended_ns=stamps.intended_ns[rows],
            sent_ns=stamps.sent_ns[rows],
            done_ns=stamps.done_ns[rows],
            fate=stamps.fate[rows],
        )
        figures = block(part)
        if figures is not None:
            # What is done in a block may have been due before it.
            done = (stamps.done_ns >= start) & (stamps.done_ns < end) & (stamps.fate == Fate.DONE)
            rate = _rate(done, (end - start) / _S)
            found.append(msgspec.structs.replace(figures, throughput_per_s=rate))
    return found


def _rate(completed: NDArray[np.bool_], seconds: float) -> float:
    """Completions a second; none count as half of one, since logarithms need more than 0."""
    return max(float(completed.sum()), 0.5) / seconds


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
    if len(base) != len(head) or len(base) < _LEAST_PAIRS:
        raise ValueError(f"at least {_LEAST_PAIRS} pairs of blocks are needed, one of each build")
    changes = []
    for figure in _FIGURES:
        pair = _both(base, head, figure)
        if pair is not None:
            logs = np.log(pair[1]) - np.log(pair[0])
            low, high = _interval(logs, seed)
            error = float(logs.std(ddof=1)) / math.sqrt(len(logs))
            freedom = len(logs) - 1
            changes.append(_change(figure, pair, (low, high), (error, freedom), allowed))
    return Comparison(
        base=names[0],
        head=names[1],
        blocks=len(base),
        interleaved=True,
        method=(
            f"{len(base)} pairs of neighbouring blocks in the order A B B A; paired bootstrap of "
            f"the ratio, {_RESAMPLES} resamples, gate on the bound of the 95 % interval"
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
    if min(len(base), len(head)) < _LEAST_PAIRS:
        raise ValueError(f"at least {_LEAST_PAIRS} blocks of each run are needed")
    changes = []
    for figure in _FIGURES:
        ours, theirs = _values(base, figure), _values(head, figure)
        if ours is not None and theirs is not None:
            logs = np.log(ours), np.log(theirs)
            low, high = _unpaired(logs[0], logs[1], seed)
            parts = [part.var(ddof=1) / len(part) for part in logs]
            freedom = min(len(part) for part in logs) - 1
            error = (math.sqrt(float(sum(parts))), freedom)
            changes.append(_change(figure, (ours, theirs), (low, high), error, allowed))
    return Comparison(
        base=names[0],
        head=names[1],
        blocks=min(len(base), len(head)),
        interleaved=False,
        method=(
            f"{len(base)} and {len(head)} blocks of two runs, each run resampled by itself "
            f"{_RESAMPLES} times, gate on the bound of the 95 % interval"
        ),
        changes=tuple(changes),
        caveat=(
            "Two stored runs: what changed in the machine or the cluster between them shows as a "
            "change of the operator. Interleaved builds in one run don't have this weakness."
        ),
    )


def gated(found: Comparison, gates: Mapping[str, float]) -> Comparison:
    """Returns a comparison held against other gates; a gated figure that it lacks is a doubt.

    Args:
        found: As compared.
        gates: By which share each figure may be worse; what isn't named is shown, not gated.
    """
    better_low = {item.name: item.lower_is_better for item in _FIGURES}
    changes = []
    for change in found.changes:
        allowed = gates.get(change.name)
        least = change.low if better_low[change.name] else 1 / change.high
        passes = allowed is None or least <= 1 + allowed
        changes.append(msgspec.structs.replace(change, allowed=allowed, passes=passes))
    there = {change.name for change in changes}
    lacking = tuple(
        f"{name} is gated, but some block has too few arrivals for it: compare longer phases, or "
        "at a higher rate"
        for name in gates
        if name not in there
    )
    return msgspec.structs.replace(found, changes=tuple(changes), doubts=(*found.doubts, *lacking))


def false_alarms(
    blocks: Sequence[Block], *, pairs: int, figure: str = "p50", trials: int = 2_000, seed: int = 0
) -> dict[str, Rate]:
    """Returns how often two equal builds would have been called different, by resampling blocks.

    Each trial takes pairs of neighbouring blocks of one build, so that real drift stays in it, and
    calls them A B, B A, A B, ... It tests the statistic on this noise, not other noise.

    Args:
        blocks: In the order in which they ran, of one build; better 40 or more.
        pairs: Of each comparison.
        figure: Which figure.
        trials: How many comparisons.
        seed: Of the resampling.

    Returns:
        "worse" and "better": each one bound of the same interval.
    """
    chosen = next(item for item in _FIGURES if item.name == figure)
    values = _values(blocks, chosen)
    if values is None:
        raise ValueError(f"{figure} isn't there in every block")
    logs = np.log(values)
    random = np.random.default_rng(seed)
    first = random.integers(0, len(logs) - 1, (trials, pairs))
    turn = np.where(np.arange(pairs) % 2, -1.0, 1.0) * random.choice((-1.0, 1.0), (trials, 1))
    ratios = (logs[first + 1] - logs[first]) * turn
    means = ratios @ _weights(pairs, seed).T
    tail = _expanded(pairs)
    low = np.quantile(means, tail, axis=1)
    high = np.quantile(means, 1 - tail, axis=1)
    up, down = int((low > 0).sum()), int((high < 0).sum())
    worse, better = (up, down) if chosen.lower_is_better else (down, up)
    return {"worse": exact_rate(worse, trials), "better": exact_rate(better, trials)}


def exact_rate(times: int, trials: int) -> Rate:
    """Returns a rate with its exact 95 % interval (Clopper and Pearson, 1934)."""
    low = 0.0 if not times else float(betaincinv(times, trials - times + 1, _TAIL))
    high = 1.0 if times == trials else float(betaincinv(times + 1, trials - times, 1 - _TAIL))
    return Rate(times=times, trials=trials, low=low, high=high)


def _change(
    figure: _Figure,
    values: tuple[NDArray[np.float64], NDArray[np.float64]],
    interval: tuple[float, float],
    error: tuple[float, int],
    allowed: float,
) -> Change:
    base, head = (math.exp(float(np.log(part).mean())) for part in values)
    low, high = (math.exp(bound) for bound in interval)
    worst, least = (high, low) if figure.lower_is_better else (1 / low, 1 / high)
    direction = Direction.SAME
    if least > 1:
        direction = Direction.WORSE
    elif worst < 1:
        direction = Direction.BETTER
    scale, freedom = error
    reach = float(stdtrit(freedom, 1 - _TAIL) + stdtrit(freedom, _POWER)) * scale
    return Change(
        name=figure.name,
        unit=figure.unit,
        base=base,
        head=head,
        ratio=head / base,
        low=low,
        high=high,
        worse_by=worst - 1,
        detectable=math.expm1(reach),
        direction=direction,
        allowed=allowed,
        passes=least <= 1 + allowed,
    )


def _both(
    base: Sequence[Block], head: Sequence[Block], figure: _Figure
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    ours, theirs = _values(base, figure), _values(head, figure)
    return None if ours is None or theirs is None else (ours, theirs)


def _values(blocks: Sequence[Block], figure: _Figure) -> NDArray[np.float64] | None:
    """One figure of each block; None where a block lacks it."""
    by_name: dict[str, list[float | None]] = {
        "p50": [item.p50_ms for item in blocks],
        "p99": [item.p99_ms for item in blocks],
        "throughput": [item.throughput_per_s for item in blocks],
    }
    values = [value for value in by_name[figure.name] if value is not None]
    return np.array(values) if len(values) == len(blocks) else None


def _interval(logs: NDArray[np.float64], seed: int) -> tuple[float, float]:
    tail = _expanded(len(logs))
    means = _weights(len(logs), seed) @ logs
    low, high = np.quantile(means, tail), np.quantile(means, 1 - tail)
    return float(low), float(high)


def _unpaired(
    base: NDArray[np.float64], head: NDArray[np.float64], seed: int
) -> tuple[float, float]:
    means = _weights(len(head), seed) @ head - _weights(len(base), seed + 1) @ base
    tail = _expanded(min(len(base), len(head)))
    low, high = np.quantile(means, tail), np.quantile(means, 1 - tail)
    return float(low), float(high)


@lru_cache(maxsize=4)
def _weights(n: int, seed: int) -> NDArray[np.float64]:
    """How often each of n values is drawn in each resample, as shares."""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), _RESAMPLES)
    return drawn / n


def _expanded(n: int) -> float:
    """The tail of the percentile interval that is as wide as Student's for n values."""
    return float(ndtr(-math.sqrt(n / (n - 1)) * float(stdtrit(n - 1, 1 - _TAIL))))
