"""A load as a real run gives it, for the tests of the page."""

from __future__ import annotations

from harness.model.growth import Growth, Slope
from harness.model.loadresult import (
    Arrived,
    Attribution,
    Cause,
    Knee,
    KneeState,
    Latency,
    LoadResult,
    OperationResult,
    Percentile,
    PhaseResult,
    StepState,
    Sustainability,
)
from harness.model.operatorfigures import OperatorFigures, QueueFigures
from harness.tests.reporting.parts import HOSTILE

__all__ = ["LOAD", "step"]


def step(
    rate: float, done: float, state: StepState = StepState.SUSTAINED, *reasons: str
) -> Sustainability:
    """Returns a step of the search."""
    return Sustainability(
        state=state,
        rate_per_s=rate,
        ratio=done / rate,
        completed_per_s=done,
        backlog_slope_per_s=rate - done,
        backlog_slope_low=rate - done - 0.5,
        backlog_slope_high=rate - done + 0.5,
        p50_ms=21.0,
        p99_ms=44.0,
        reasons=reasons,
    )


def _latency(name: str, ms: float, *, waiting: int = 0) -> Latency:
    return Latency(
        name=name,
        n=8040,
        open=waiting,
        mean_ms=ms,
        max_ms=3 * ms,
        percentiles=(
            Percentile(q=0.5, ms=ms, low_ms=0.9 * ms, high_ms=1.1 * ms),
            Percentile(q=0.99, ms=2 * ms, low_ms=1.9 * ms, at_least=waiting > 0),
        ),
    )


LOAD = LoadResult(
    phases=(
        PhaseResult(
            index=0,
            name="steady",
            profile="default",
            role="measure",
            process="poisson",
            rate_per_s=67.0,
            start_s=10.0,
            end_s=130.0,
            arrived=Arrived(
                arrivals=8040, done=8035, in_flight=2, errors=1, dropped=2, collapsed=7, tainted=3
            ),
            operations=(
                OperationResult(
                    operation="converge",
                    latencies=(_latency("total", 22.8, waiting=2), _latency("send lag", 0.5)),
                ),
            ),
            completed_per_s=67.0,
            closed_loop_p99_ms=25.0,
            distribution=((0.25, 11.0), (0.5, 22.8), (0.9, 40.0), (0.99, 45.6), (0.999, 61.0)),
        ),
    ),
    knee=Knee(
        state=KneeState.CONFIRMED,
        per_s=95.1,
        low=95.1,
        high=99.8,
        reason=f"at 99.8/s 497 of 518 arrivals were completed {HOSTILE}",
        steps=(
            step(80, 80),
            step(95.1, 95.0),
            step(99.8, 95.7, StepState.FAILED, HOSTILE),
            step(160, 95.9, StepState.GENERATOR_LIMITED, "the generator dropped 3 arrivals"),
        ),
        seconds=94.0,
    ),
    operator=(
        OperatorFigures(
            phase="steady",
            workload="manager",
            queues=(
                QueueFigures(
                    queue="guestbook",
                    seconds=120.0,
                    adds=8040,
                    taken=8040,
                    retries=0,
                    queue_wait_ms=3.1,
                    work_ms=9.8,
                    depth=0.2,
                    depth_at_end=0,
                    busy=0.66,
                    workers=1,
                    utilisation=0.66,
                ),
            ),
            api_calls_per_reconcile=2.0,
            api_bytes_per_reconcile=1830.0,
        ),
    ),
    bottleneck=Attribution(
        cause=Cause.ONE_WORKER,
        evidence=(f"guestbook has one worker {HOSTILE}",),
        others=(Cause.CLUSTER,),
        remedy="Raise MaxConcurrentReconciles.",
    ),
    growth=(
        Growth(
            figure="reconcile p50",
            unit="ms",
            by="custom resources",
            exponent=1.0,
            low=0.9,
            high=1.1,
            scale=0.02,
            points=((100.0, 2.0), (1000.0, 20.0), (300.0, 6.0)),
            sentence="reconcile p50 grows in proportion to the number of custom resources",
        ),
    ),
    each_object=(
        Slope(
            figure="memory",
            unit="KiB",
            each=4.0,
            low=3.5,
            high=4.5,
            points=((100.0, 5400.0), (300.0, 6200.0), (1000.0, 9000.0)),
        ),
    ),
    problems=(f"steady: a worker died {HOSTILE}",),
)
