"""Each cause is told by signs of its own, and a healthy operator is accused of nothing."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from harness.analysis.load.attribution import attribute
from harness.analysis.load.seen import Signs
from harness.analysis.load.throttling import drain_rates, throttled_ms
from harness.model.loadresult import Cause
from harness.model.operatorfigures import OperatorFigures, QueueFigures
from harness.tests.analysis.load.queues import S, SimulatedOperator


def operator(
    *,
    workers: int = 4,
    utilisation: float = 0.6,
    work_ms: float = 40.0,
    conflicts: int = 0,
    webhook_ms: float | None = None,
    calls: int | None = None,
    limiter_ms: float | None = None,
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
        phase="x",
        workload="op",
        queues=(queue,),
        conflicts=conflicts,
        webhook_ms=webhook_ms,
        api_calls=calls,
        api_calls_per_reconcile=None if calls is None else calls / 500,
        limiter_wait_ms=limiter_ms,
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
        (
            {"cores": 0.6, "cores_waited": 3.0, "operator": (operator(utilisation=0.98),)},
            Cause.CPU,
            "0.60 cores and was ready to use 3.00 more that it didn't get: as much as its 3.9",
        ),
        (
            {"cores": 0.5, "cores_waited": 0.45, "operator": ()},
            Cause.CPU,
            "as much as one thread can",
        ),
        ({"cores": 0.49, "cpu_limit": 0.5}, Cause.CPU, "0.49 of the 0.5 cores"),
        ({"cores": 1.2, "operator": (operator(utilisation=0.99),)}, Cause.CPU, "1.20"),
        ({"operator": (operator(conflicts=400),)}, Cause.CONFLICTS, "400 answers 409"),
        ({"api_write_ms": 60}, Cause.CLUSTER, "60 ms for a write of the load, 2 ms at rest"),
        (
            {"api_write_ms": 15, "operator": (operator(utilisation=1, work_ms=34, calls=1000),)},
            Cause.CLUSTER,
            "15 ms for a write of the load, 2 ms at rest",
        ),
        (
            {"control_plane_cores": 1.2, "harness_cores": 0.4},
            Cause.CLUSTER,
            "of its 2 cores the control plane used 1.20, the operator 0.30, the harness 0.40",
        ),
        (
            {"operator": (operator(utilisation=1, calls=1000, limiter_ms=15),)},
            Cause.CLIENT_THROTTLING,
            "held each request of op back for 15 ms on average, 2 of them in a reconcile of 40 ms",
        ),
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


def waiting(**more: object) -> Signs:
    """All workers wait for something that they share: nothing computes, no write is slow."""
    usual = signs(
        operator=(operator(utilisation=1.0, work_ms=200, calls=500),),
        work_at_ease_ms={"task": 8.0},
        cores=0.1,
    )
    return msgspec.structs.replace(usual, **more)


@pytest.mark.parametrize("workers", [1, 4])
def test_workers_that_wait_for_something_they_share_are_not_called_busy(workers: int) -> None:
    found = attribute(
        waiting(operator=(operator(workers=workers, utilisation=1.0, work_ms=200, calls=500),))
    )
    assert found.cause is Cause.UNKNOWN
    assert "200 ms, 8 ms at a lower rate" in found.evidence[1]


def test_a_slow_start_of_a_drain_is_enough_where_workers_wait_for_something_they_share() -> None:
    shape = drain_rates(arrived_at(30, bucket(30, 20, 400)), start_ns=0)
    assert shape is not None
    assert shape.fast_per_s < 2 * shape.slow_per_s
    found = attribute(waiting(drain=shape))
    assert found.cause is Cause.CLIENT_THROTTLING
    assert [words in line for words, line in zip(TOLD, found.evidence, strict=True)] == [True] * 3
    busy = (operator(utilisation=1.0),)
    assert attribute(signs(drain=shape, operator=busy)).cause is Cause.WORKERS


TOLD = ("a token bucket's burst and refill", "wait for something they share", "0.10 of 2 cores")


def arrived_at(rate: float, served: np.ndarray) -> np.ndarray:
    """The same, where arrivals come at a rate: none is done before it came."""
    came = (np.arange(len(served)) / rate * S).astype(np.int64)
    return np.array(np.maximum(served, came))


@pytest.mark.parametrize("rate", [5, 20])
def test_requests_at_a_default_limit_are_enough_where_workers_wait_for_something_they_share(
    rate: int,
) -> None:
    found = attribute(waiting(operator=(operator(utilisation=1.0, work_ms=200, calls=6 * rate),)))
    assert found.cause is Cause.CLIENT_THROTTLING
    assert f"{rate} requests a second, as a client limited by default does" in found.evidence[0]


def test_requests_at_a_default_limit_alone_are_no_proof_and_keep_workers_from_blame() -> None:
    found = attribute(
        waiting(operator=(operator(utilisation=1.0, work_ms=200, calls=120),), work_at_ease_ms={})
    )
    assert found.cause is Cause.UNKNOWN
    assert any("20 requests a second" in line for line in found.evidence)


def test_workers_that_are_as_fast_as_ever_are_busy_whatever_their_request_rate() -> None:
    found = attribute(waiting(work_at_ease_ms={"task": 190.0}))
    assert found.cause is Cause.WORKERS


def test_workers_that_compute_are_busy_though_they_take_longer() -> None:
    assert attribute(waiting(cores=0.9)).cause is Cause.WORKERS


def test_an_operator_that_the_control_plane_leaves_no_processor_computes_too_little_to_blame() -> (
    None
):
    found = attribute(
        signs(
            cores=0.3,
            cores_waited=3.5,
            control_plane_cores=1.5,
            harness_cores=0.2,
            operator=(operator(utilisation=1.0),),
            work_at_ease_ms={"task": 10.0},
        )
    )
    assert found.cause is Cause.CLUSTER


def test_a_full_machine_is_not_blamed_where_workers_are_as_fast_as_ever() -> None:
    found = attribute(
        signs(
            operator=(operator(workers=1, utilisation=1.0),),
            work_at_ease_ms={"task": 38.0},
            control_plane_cores=1.2,
            harness_cores=0.5,
        )
    )
    assert found.cause is Cause.ONE_WORKER


def test_slow_writes_are_not_blamed_where_a_reconcile_hardly_consists_of_them() -> None:
    found = attribute(
        signs(api_write_ms=60, operator=(operator(utilisation=1.0, work_ms=900, calls=500),))
    )
    assert found.cause is Cause.WORKERS


def test_a_slow_webhook_is_not_blamed_for_workers_that_are_full() -> None:
    found = attribute(
        signs(
            api_write_ms=110,
            webhook_ms=100,
            total_ms=130,
            operator=(operator(workers=1, utilisation=1.0, work_ms=400),),
        )
    )
    assert found.cause is Cause.ONE_WORKER


def test_a_slow_webhook_is_told_of_but_not_blamed_where_every_rate_was_sustained() -> None:
    found = attribute(signs(overloaded=False, webhook_ms=100, total_ms=112))
    assert found.cause is Cause.NOTHING
    assert found.evidence[1:] == (
        "Of a median latency of 112 ms its webhook took 100 ms on average.",
    )


def test_few_conflicts_are_no_storm() -> None:
    busy = (operator(workers=1, utilisation=1.0, conflicts=100),)
    assert attribute(signs(operator=busy)).cause is Cause.ONE_WORKER


def test_an_operator_that_stood_still_is_not_called_busy() -> None:
    stood = signs(operator=(operator(utilisation=0.96),), standstill_s=4.0, stopped_only=True)
    found = attribute(stood)
    assert found.cause is Cause.UNKNOWN
    assert "it stood still for 4 s while arrivals waited" in found.evidence


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
        (
            'I1 request.go:752] "Waited before sending request" delay="1.2s" '
            'reason="client-side throttling, not priority and fairness" verb="PATCH"',
            1200.0,
        ),
        (
            '{"level":"info","msg":"Waited before sending request","delay":1.25,'
            '"reason":"client-side throttling, not priority and fairness"}',
            1250.0,
        ),
        ('"Waited before sending request" delay="1m2.5s" reason="client-side throttling"', 62500.0),
        ('"Waited before sending request" delay="1.2s" reason="retries: 1"', None),
        ("Reconciled in 3s", None),
    ],
)
def test_client_gos_own_words_are_understood(line: str, wait: float | None) -> None:
    assert throttled_ms(line) == wait


def untold(busy: float, *, depth: float = 35) -> OperatorFigures:
    """One that doesn't say how many workers it has."""
    told = operator(workers=1, utilisation=busy)
    (queue,) = told.queues
    queue = msgspec.structs.replace(queue, workers=None, utilisation=None, depth=depth)
    return msgspec.structs.replace(told, queues=(queue,))


def test_one_worker_that_isnt_told_is_seen_where_others_wait_and_one_is_at_work() -> None:
    found = attribute(signs(operator=(untold(1.01),)))

    assert found.cause is Cause.ONE_WORKER
    assert "it isn't told, but while 35 items waited 1.01 were at work" in found.evidence[0]


@pytest.mark.parametrize(("busy", "depth"), [(1.4, 35), (0.8, 35), (1.0, 0.2)])
def test_no_number_of_workers_is_guessed_otherwise(busy: float, depth: float) -> None:
    assert attribute(signs(operator=(untold(busy, depth=depth),))).cause is Cause.UNKNOWN
