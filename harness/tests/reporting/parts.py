"""What the results of `results.py` are made of: one healthy smoke run of guestbook, in parts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from harness.model.findings import (
    CheckInfo,
    ChecklistItem,
    Severity,
    Status,
)
from harness.model.installation import Alteration
from harness.model.measurement import GateResult, Measurement, Series
from harness.model.resource import ObjectKey
from harness.model.result import (
    Convergence,
    Fact,
    PhaseBand,
    RunInfo,
    TestResult,
    TimelineMark,
)
from harness.model.target import Gate

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ALTERATIONS",
    "BLIND_SPOTS",
    "CHECKS",
    "CONVERGENCES",
    "ENVIRONMENT",
    "GUESTBOOK",
    "HOSTILE",
    "LATENCY",
    "MEASUREMENTS",
    "NAMESPACE",
    "NOT_APPLICABLE",
    "PHASES",
    "TESTS",
    "gate",
    "items",
    "run_info",
    "samples",
]

HOSTILE = (
    "<script>alert('x')</script>]]>&amp;\"|`*_[a](http://example.com)\x1b[31mred\x00\x07"
    "\u202egnp.exe\ufffe {{ 7 * 7 }} @everyone </style><img src=x onerror=alert(1)>"
)

GUESTBOOK = "guestbooks.webapp.tutorial.kubebuilder.io"
NAMESPACE = "harness-sample-6f2c1a"
_UID = "0f0c5a0e-6a4d-4d0b-9a57-2b6a0b9d1c11"


def _check(id: str, title: str, severity: Severity, *, needs: tuple[str, ...] = ()) -> CheckInfo:
    return CheckInfo(
        id=id,
        title=title,
        severity=severity,
        why="Users find their objects half done, and nobody is told.",
        how="The sample is created and watched until its readiness rule holds for its generation.",
        limits="Sees only what the samples exercise.",
        remedy="Return an error from the reconciler, so that the object is queued again.",
        refs=("api-conventions", "controllers.md"),
        needs=needs,
    )


CHECKS = (
    _check("INS-001", "The operator's manifests install", Severity.BLOCKER),
    _check("INS-002", "The operator becomes ready", Severity.BLOCKER),
    _check("INS-003", "The operator's process stays up", Severity.BLOCKER),
    _check("API-010", "Every shipped sample is accepted with strict validation", Severity.BLOCKER),
    _check("REC-001", "A sample converges within its time", Severity.BLOCKER),
    _check("REC-002", "A converged operator writes nothing", Severity.BLOCKER, needs=("audit",)),
    _check("REC-004", "A restart of a converged operator writes nothing", Severity.BLOCKER),
    _check("STA-002", "observedGeneration follows every spec change", Severity.MAJOR),
    _check("LIF-001", "A deleted custom resource leaves nothing behind", Severity.BLOCKER),
    _check("RBA-004", "No request is denied in normal operation", Severity.BLOCKER),
    _check("WEB-001", "Webhooks say how they fail", Severity.MAJOR),
    _check("OBS-001", "Metrics are reachable and can be parsed", Severity.MINOR),
    _check("OBS-005", "The log at rest holds no errors", Severity.MINOR),
    _check("OBS-006", "The operator doesn't panic", Severity.MAJOR),
)


def run_info(**changes: object) -> RunInfo:
    base = RunInfo(
        id="20261120T021433Z-smoke-guestbook-a1b2c3",
        suites=("smoke",),
        target="guestbook",
        twin="",
        cluster_provider="local",
        started="2026-11-20T02:14:33.201Z",
        duration_s=47.318,
        harness_version="0.1.0",
        seed=7316420915,
        command="harness run --suite smoke --target guestbook --seed 7316420915",
    )
    return msgspec.structs.replace(base, **changes)


def items(changed: Mapping[str, tuple[Status, str, tuple[int, ...]]]) -> tuple[ChecklistItem, ...]:
    return tuple(
        ChecklistItem(
            check=check,
            status=changed.get(check.id, (Status.PASS, "", ()))[0],
            reason=changed.get(check.id, (Status.PASS, "", ()))[1],
            outcomes=3 if check.id[:3] in {"REC", "STA", "LIF"} else 1,
            findings=changed.get(check.id, (Status.PASS, "", ()))[2],
        )
        for check in CHECKS
    )


NOT_APPLICABLE = {
    "WEB-001": (Status.NOT_APPLICABLE, "The manifests hold no webhook configuration.", ()),
}


def _measurement(name: str, value: float, unit: str, n: int, **more: object) -> Measurement:
    base = Measurement(
        name=name,
        value=value,
        unit=unit,
        n=n,
        method="From the send to the watch event that met the readiness rule, monotonic clock.",
    )
    return msgspec.structs.replace(base, **more)


LATENCY = _measurement("convergence_latency_p99", 412.7, "ms", 6, low=268.1, high=412.7)
MEASUREMENTS = (
    LATENCY,
    _measurement("convergence_latency_p50", 301.04, "ms", 6, low=244.9, high=398.0),
    _measurement("convergence_latency_max", 412.7, "ms", 3, subject="webapp_v1_guestbook"),
    _measurement(
        "operator_cpu_seconds",
        1.834,
        "s",
        47,
        method="User and system time of all its processes, from the start to the verdict.",
    ),
    _measurement(
        "operator_memory_max",
        48.25,
        "MiB",
        47,
        method="Greatest resident set, sampled once a second.",
    ),
    _measurement(
        "writes_at_rest",
        0,
        "1",
        30,
        method="Mutating requests in 10 s of silence, without Leases, Events and reviews.",
    ),
)


def gate(measurement: Measurement, bound: float, text: str, *, met: bool | None) -> GateResult:
    word = {True: "holds", False: "is exceeded", None: "can't be decided"}[met]
    return GateResult(
        gate=Gate(
            measurement=measurement.name,
            operator="<=",
            bound=bound,
            unit=measurement.unit,
            text=text,
        ),
        met=met,
        measured=None if met is None else measurement,
        reason=f"The bound {word}.",
    )


def _key(name: str, resource: str = GUESTBOOK) -> ObjectKey:
    return ObjectKey(resource=resource, namespace=NAMESPACE, name=name, uid=_UID)


def _marks(latency: float) -> tuple[TimelineMark, ...]:
    steps = (
        (0.0, "create sent", "stimulus"),
        (6.1, "answered 201", "stimulus"),
        (7.9, "generation 1 seen", "custom resource"),
        (31.2, "finalizer added", "custom resource"),
        (62.0, "created", f"configmaps {NAMESPACE}/guestbook-sample"),
        (71.5, "created", f"deployments.apps {NAMESPACE}/guestbook-sample"),
        (80.3, "created", f"services {NAMESPACE}/guestbook-sample"),
        (96.0, "Progressing=True", "custom resource"),
        (
            latency * 0.84,
            "3 of 3 replicas available",
            f"deployments.apps {NAMESPACE}/guestbook-sample",
        ),
        (latency * 0.97, "observedGeneration 1", "custom resource"),
        (latency, "Ready=True", "custom resource"),
    )
    return tuple(TimelineMark(ms=ms, label=label, lane=lane) for ms, label, lane in steps)


CONVERGENCES = (
    Convergence(
        subject=_key("guestbook-sample"),
        generation=1,
        action="create",
        latency_ms=412.7,
        acknowledged_ms=6.1,
        echoed_ms=7.9,
        marks=_marks(412.7),
    ),
    Convergence(
        subject=_key("guestbook-sample"),
        generation=2,
        action="update",
        latency_ms=268.1,
        acknowledged_ms=4.4,
        echoed_ms=5.2,
        marks=(
            TimelineMark(ms=0, label="update of spec.size sent", lane="stimulus"),
            TimelineMark(ms=4.4, label="answered 200", lane="stimulus"),
            TimelineMark(ms=5.2, label="generation 2 seen", lane="custom resource"),
            TimelineMark(
                ms=44.0, label="scaled to 2", lane=f"deployments.apps {NAMESPACE}/guestbook-sample"
            ),
            TimelineMark(ms=268.1, label="Ready=True for generation 2", lane="custom resource"),
        ),
    ),
)

PHASES = tuple(
    PhaseBand(name=name, start_s=start, end_s=end)
    for name, start, end in (
        ("cluster", 0.0, 6.4),
        ("install", 6.4, 9.1),
        ("operator ready", 9.1, 11.0),
        ("webapp_v1_guestbook/dry-run", 11.0, 11.2),
        ("webapp_v1_guestbook/create", 11.2, 12.0),
        ("webapp_v1_guestbook/silence", 12.0, 22.0),
        ("webapp_v1_guestbook/mutation", 22.0, 22.9),
        ("webapp_v1_guestbook/restart", 22.9, 36.4),
        ("webapp_v1_guestbook/delete", 36.4, 38.0),
        ("whole suite", 9.1, 44.0),
    )
)


def samples() -> tuple[Series, ...]:
    seconds = tuple(float(second) for second in range(9, 47))
    cpu = tuple(
        0.42 if second in {9, 10, 24} else 0.02 + 0.015 * (1 + math.sin(second))
        for second in seconds
    )
    memory = tuple(22.0 + 22 * (1 - math.exp(-(second - 9) / 6)) for second in seconds)
    server = tuple(0.11 + 0.05 * math.cos(second / 3) for second in seconds)
    return (
        Series(name="cpu", unit="cores", subject="guestbook manager", seconds=seconds, values=cpu),
        Series(name="cpu", unit="cores", subject="kube-apiserver", seconds=seconds, values=server),
        Series(
            name="memory", unit="MiB", subject="guestbook manager", seconds=seconds, values=memory
        ),
    )


ALTERATIONS = (
    Alteration(
        subject="Deployment guestbook-system/guestbook-controller-manager, args",
        before="--metrics-bind-address=:8443\n--leader-elect\n--health-probe-bind-address=:8081",
        after=(
            "--metrics-bind-address=127.0.0.1:33417\n--leader-elect\n"
            "--health-probe-bind-address=127.0.0.1:33418"
        ),
        reason="The process shares this machine's ports with other runs.",
    ),
    Alteration(
        subject="ValidatingWebhookConfiguration guestbook-validating, clientConfig",
        before="service: guestbook-system/guestbook-webhook-service",
        after="url: https://127.0.0.1:33419/validate-webapp-v1-guestbook",
        reason="No Service leads to a process outside the cluster.",
    ),
)

TESTS = tuple(
    TestResult(
        test=f"suites/smoke/test_life.py::{name}", outcome="passed", duration_s=took, checks=checks
    )
    for name, took, checks in (
        ("test_sample_is_accepted[webapp_v1_guestbook]", 0.041, ("API-010",)),
        ("test_sample_converges[webapp_v1_guestbook]", 0.52, ("REC-001", "STA-002")),
        ("test_silence_at_rest[webapp_v1_guestbook]", 10.02, ("REC-002",)),
        ("test_restart_writes_nothing[webapp_v1_guestbook]", 13.4, ("REC-004",)),
        ("test_delete_leaves_nothing[webapp_v1_guestbook]", 1.6, ("LIF-001",)),
    )
)

ENVIRONMENT = (
    Fact(name="kube-apiserver", value="v1.34.4, built from Go modules"),
    Fact(name="etcd", value="3.6.8, built from Go modules; runs with --unsafe-no-fsync"),
    Fact(name="kwok", value="v0.8.0, cache"),
    Fact(name="Python", value="3.11.7"),
    Fact(name="Machine", value="2 cores, 24 GiB, Linux 6.1 x86_64, load average 0.6"),
    Fact(name="Operator binary", value="sha256:" + "9f86d081884c7d65" * 4),
)

BLIND_SPOTS = (
    "Pods are simulated: images, probes of operands and resource limits were not exercised.",
    "No container network: Services lead nowhere, and NetworkPolicies have no effect.",
)
