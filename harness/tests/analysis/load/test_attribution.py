"""Each cause is told by signs of its own, and a healthy operator is accused of nothing."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from harness.analysis.load.attribution import attribute
from harness.analysis.load.causes import Signs
from harness.analysis.load.throttling import drain_rates, throttled_ms
from harness.model.loadresult import Cause, OperatorFigures, QueueFigures
from harness.tests.analysis.load.queues import S, SimulatedOperator


def operator(
    *,
    workers: int = 4,
    utilisation: float = 0.6,
    work_ms: float = 40.0,
    conflicts: int = 0,
    webhook_ms: float | None = None,
) -> OperatorFigures:
    queue = QueueFigures(
        queue="task",
        seconds=6,
        adds=500,
        taken=500,
        retries=conflicts,
        reconciles=500,
        queue_wait_ms=100,
        work_ms=work_ms,
        depth=5,
        depth_at_end=0,
        busy=workers * utilisation,
        workers=workers,
        utilisation=utilisation,
    )
    return OperatorFigures(
        phase="x", workload="op", queues=(queue,), conflicts=conflicts, webhook_ms=webhook_ms
    )


def signs(**seen: object) -> Signs:
    """An operator that was overloaded; nothing else is seen, but that its writes are fast."""
    usual = Signs(
        overloaded=True,
        operator=(operator(),),
        cores=0.3,
        host_cores=2,
        api_write_ms=4,
        api_write_at_rest_ms=2,
        total_ms=50,
    )
    return msgspec.structs.replace(usual, **seen)


def bucket(burst: int, qps: float, count: int, *, each_s: float = 0.004) -> np.ndarray:
    """When a backlog is done by an operator behind client-go's limiter, one call each."""
    ready, tokens, now, done = 0.0, float(burst), 0.0, []
    for _ in range(count):
        now = max(now, ready)
        if tokens < 1:
            now += (1 - tokens) / qps
            tokens = 1.0
        tokens = min(tokens - 1 + each_s * qps, float(burst))
        ready = now + each_s
        done.append(int(ready * S))
    return np.array(done, np.int64)


BUCKET = drain_rates(bucket(30, 20, 200), start_ns=0)


@pytest.mark.parametrize(
    ("seen", "cause", "words"),
    [
        ({"throttled_lines": 12, "throttled_ms": 1500}, Cause.CLIENT_THROTTLING, "12 times"),
        ({"drain": BUCKET}, Cause.CLIENT_THROTTLING, "at a constant 20/s"),
        ({"operator": (operator(workers=1, utilisation=0.99),)}, Cause.ONE_WORKER, "99%"),
        ({"operator": (operator(utilisation=1.0),)}, Cause.WORKERS, "all 4 workers"),
        ({"cores": 1.9}, Cause.CPU, "1.90 of the machine's 2 cores"),
        ({"cores": 0.49, "cpu_limit": 0.5}, Cause.CPU, "0.49 of the 0.5 cores"),
        ({"cores": 1.2, "operator": (operator(utilisation=0.99),)}, Cause.CPU, "1.20"),
        ({"operator": (operator(conflicts=400),)}, Cause.CONFLICTS, "400 answers 409"),
        ({"api_write_ms": 60}, Cause.CLUSTER, "60 ms for a write of the load, 2 ms at rest"),
        (
            {"api_write_ms": 110, "webhook_ms": 100, "total_ms": 130},
            Cause.SLOW_WEBHOOK,
            "100 ms on average, of 110 ms",
        ),
        (
            {"operator": (operator(work_ms=120, utilisation=1),), "webhook_ms": 100},
            Cause.SLOW_WEBHOOK,
            "a whole reconcile 120 ms",
        ),
    ],
)
def test_each_cause_is_told_with_its_numbers(
    seen: dict[str, object], cause: Cause, words: str
) -> None:
    found = attribute(signs(**seen))
    assert found.cause is cause
    assert words in found.evidence[0]
    assert found.remedy


def test_a_generator_that_was_the_limit_is_the_cause_only_where_the_operator_kept_up() -> None:
    found = attribute(signs(overloaded=False, generator="the generator dropped 3 arrivals"))
    assert (found.cause, found.evidence) == (
        Cause.GENERATOR,
        ("the generator dropped 3 arrivals",),
    )


def test_a_webhook_that_blocks_the_generator_is_the_cause_not_the_generator() -> None:
    found = attribute(
        signs(overloaded=False, generator="dropped", api_write_ms=105, webhook_ms=100)
    )
    assert found.cause is Cause.SLOW_WEBHOOK
    assert Cause.GENERATOR in found.others


def test_a_healthy_operator_is_accused_of_nothing_whatever_else_is_seen() -> None:
    seen = signs(
        overloaded=False,
        drain=BUCKET,
        cores=1.9,
        operator=(operator(workers=1, utilisation=1.0, conflicts=400),),
        throttled_lines=3,
    )
    assert attribute(seen).cause is Cause.NOTHING


def test_without_signs_it_is_unknown_and_says_what_was_looked_at() -> None:
    found = attribute(signs())
    assert found.cause is Cause.UNKNOWN
    assert found.evidence == ("task: 60% of its workers' time was used", "it used 0.30 of 2 cores")
    assert found.remedy == ""


def test_the_more_specific_cause_comes_first() -> None:
    found = attribute(signs(drain=BUCKET, operator=(operator(workers=1, utilisation=1.0),)))
    assert found.cause is Cause.CLIENT_THROTTLING
    assert found.others == (Cause.ONE_WORKER,)


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_workers_without_a_limiter_never_look_like_a_token_bucket(
    workers: int, noise: float, seed: int
) -> None:
    made = SimulatedOperator(workers=workers, service_s=0.02, noise=noise, seed=seed)
    drain = drain_rates(made.serve(np.zeros(300, np.int64)), start_ns=0)
    busy = operator(workers=workers, utilisation=1.0)
    cause = attribute(signs(drain=drain, operator=(busy,))).cause
    assert cause is (Cause.ONE_WORKER if workers == 1 else Cause.WORKERS)


@pytest.mark.parametrize(("burst", "qps"), [(30, 20), (10, 5), (100, 50)])
def test_client_gos_limiter_looks_like_a_token_bucket(burst: int, qps: float) -> None:
    drain = drain_rates(bucket(burst, qps, 400), start_ns=0)
    assert drain is not None
    assert drain.slow_per_s == pytest.approx(qps, rel=0.01)
    assert drain.ahead == pytest.approx(burst, rel=0.15)
    assert attribute(signs(drain=drain)).cause is Cause.CLIENT_THROTTLING


@pytest.mark.parametrize(
    ("line", "wait"),
    [
        (
            "Waited for 1.049s due to client-side throttling, not priority and fairness, request",
            1049.0,
        ),
        ('I1 "Waited for 200.5ms due to client-side throttling" reason=x', 200.5),
        ("Reconciled in 3s", None),
    ],
)
def test_client_gos_own_words_are_understood(line: str, wait: float | None) -> None:
    assert throttled_ms(line) == wait
