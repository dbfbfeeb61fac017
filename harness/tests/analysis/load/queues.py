"""An operator as exact queueing theory sees it: m workers, first come first served."""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.analysis.load.join import NEVER, Fate
from harness.analysis.load.knee import KneeSettings, Step, Taken, next_step
from harness.analysis.load.sustain import StepStamps, sustained
from harness.model.load import PhaseRole
from harness.model.loadresult import Knee

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["S", "SimulatedOperator", "constant", "search"]

S = 1_000_000_000


def constant(rate: float, seconds: float, *, start: int = 0) -> NDArray[np.int64]:
    """Returns arrivals at constant distances."""
    count = int(rate * seconds)
    return start + (np.arange(count) / rate * S).astype(np.int64)


class SimulatedOperator:
    """Keeps its backlog between calls.

    Args:
        workers: How many reconcile at once.
        service_s: Mean time of a reconcile.
        noise: Coefficient of variation of the service time (gamma distributed).
        stalls: (start, end) in seconds, in which nothing is served.
        seed: Of the noise.
    """

    def __init__(
        self,
        *,
        workers: int,
        service_s: float,
        noise: float = 0.0,
        stalls: Sequence[tuple[float, float]] = (),
        seed: int = 0,
    ) -> None:
        self.capacity = workers / service_s
        self._free = [0] * workers
        self._service = service_s
        self._noise = noise
        self._stalls = [(int(a * S), int(b * S)) for a, b in stalls]
        self._random = np.random.default_rng(seed)

    def serve(self, arrivals: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns when each arrival is done; arrivals ascend."""
        times = self._service * S * self._spread(len(arrivals))
        done = np.empty(len(arrivals), np.int64)
        for place, (at, service) in enumerate(zip(arrivals.tolist(), times.tolist(), strict=True)):
            start = max(at, self._free[0])
            end = start + int(service)
            for since, until in self._stalls:
                if since < end and start < until:
                    end += until - max(start, since)
            heapq.heapreplace(self._free, end)
            done[place] = end
        return done

    def idle_at(self) -> int:
        """Returns when the last worker becomes free."""
        return max(self._free)

    def _spread(self, n: int) -> NDArray[np.float64]:
        if not self._noise:
            return np.ones(n)
        shape = 1 / self._noise**2
        return self._random.gamma(shape, 1 / shape, n)


def search(
    operator: SimulatedOperator,
    settings: KneeSettings | None = None,
    *,
    generator_limit: float = float("inf"),
    jitter_s: float = 0.0005,
    seed: int = 0,
) -> tuple[Knee, list[Taken]]:
    """Searches the knee of a simulated operator as the driver would, in simulated time."""
    random = np.random.default_rng(seed)
    now, taken = S, list[Taken]()
    while True:
        step = next_step(taken, settings)
        if isinstance(step, Knee):
            return step, taken
        began = now
        taken.append(
            _take(
                operator,
                step,
                now,
                generator_limit=generator_limit,
                random=random,
                jitter_s=jitter_s,
            )
        )
        now = max(now + int(step.seconds * S), operator.idle_at())
        # A schedule's mean rate is what was asked for but for rounding.
        rate = math.nextafter(step.rate_per_s, float(random.choice([0.0, math.inf])))
        step = msgspec.structs.replace(step, rate_per_s=rate)
        taken[-1] = Taken(step=step, outcome=taken[-1].outcome, seconds=(now - began) / S)


def _take(
    operator: SimulatedOperator,
    step: Step,
    now: int,
    *,
    generator_limit: float,
    random: np.random.Generator,
    jitter_s: float,
) -> Taken:
    intended = constant(step.rate_per_s, step.seconds, start=now)
    fate = np.zeros(len(intended), np.int8)
    kept = random.random(len(intended)) < generator_limit / step.rate_per_s
    fate[~kept] = Fate.DROPPED
    sent = intended + (random.random(len(intended)) * jitter_s * S).astype(np.int64)
    done = np.full(len(intended), NEVER)
    done[kept] = operator.serve(np.sort(sent[kept]))
    end = now + int(step.seconds * S)
    warm_up = step.role is PhaseRole.WARM_UP
    outcome = sustained(
        StepStamps(
            start_ns=now,
            end_ns=max(end, int(done[kept].max())) if warm_up else end,
            intended_ns=intended,
            sent_ns=sent,
            done_ns=done,
            fate=fate,
        ),
        rate_per_s=step.rate_per_s,
        settle_s=step.settle_s,
    )
    return Taken(step=step, outcome=outcome, seconds=step.seconds)
