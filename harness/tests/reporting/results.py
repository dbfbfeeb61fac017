"""Results as real runs give them, for the tests of the reports."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from harness.model.findings import (
    CheckInfo,
    ChecklistItem,
    EvidenceRef,
    Finding,
    Severity,
    Status,
)
from harness.model.installation import Alteration
from harness.model.measurement import GateResult, Measurement, Series
from harness.model.resource import ObjectKey
from harness.model.result import (
    Convergence,
    ErrorNote,
    Fact,
    PhaseBand,
    RunInfo,
    RunResult,
    TestResult,
    TimelineMark,
)
from harness.model.target import Gate
from harness.model.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ALL",
    "HOSTILE",
    "empty",
    "error",
    "failing",
    "hostile",
    "inconclusive",
    "install_failure",
    "interrupted",
    "minor_only",
    "passing",
]

HOSTILE = (
    "<script>alert('x')</script>]]>&amp;\"|`*_[a](http://example.com)\x1b[31mred\x00\x07"
    "\u202egnp.exe\ufffe {{ 7 * 7 }} @everyone </style><img src=x onerror=alert(1)>"
)

_GUESTBOOK = "guestbooks.webapp.tutorial.kubebuilder.io"
_NAMESPACE = "harness-sample-6f2c1a"
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


def _run(**changes: object) -> RunInfo:
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


def _items(changed: Mapping[str, tuple[Status, str, tuple[int, ...]]]) -> tuple[ChecklistItem, ...]:
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


_NOT_APPLICABLE = {
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


_LATENCY = _measurement("convergence_latency_p99", 412.7, "ms", 6, low=268.1, high=412.7)
MEASUREMENTS = (
    _LATENCY,
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


def _gate(measurement: Measurement, bound: float, text: str, *, met: bool | None) -> GateResult:
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


def _key(name: str, resource: str = _GUESTBOOK) -> ObjectKey:
    return ObjectKey(resource=resource, namespace=_NAMESPACE, name=name, uid=_UID)


def _marks(latency: float) -> tuple[TimelineMark, ...]:
    steps = (
        (0.0, "create sent", "stimulus"),
        (6.1, "answered 201", "stimulus"),
        (7.9, "generation 1 seen", "custom resource"),
        (31.2, "finalizer added", "custom resource"),
        (62.0, "created", f"configmaps {_NAMESPACE}/guestbook-sample"),
        (71.5, "created", f"deployments.apps {_NAMESPACE}/guestbook-sample"),
        (80.3, "created", f"services {_NAMESPACE}/guestbook-sample"),
        (96.0, "Progressing=True", "custom resource"),
        (
            latency * 0.84,
            "3 of 3 replicas available",
            f"deployments.apps {_NAMESPACE}/guestbook-sample",
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
                ms=44.0, label="scaled to 2", lane=f"deployments.apps {_NAMESPACE}/guestbook-sample"
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


def _series() -> tuple[Series, ...]:
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


def passing() -> RunResult:
    """A clean smoke run of guestbook."""
    return RunResult(
        verdict=Verdict.PASS,
        exit_code=0,
        sentence="All 13 checks that apply hold, and both gates are met; 1 check does not apply.",
        run=_run(),
        environment=ENVIRONMENT,
        checks=_items(dict(_NOT_APPLICABLE)),
        gates=(
            _gate(_LATENCY, 2000.0, "2s", met=True),
            _gate(MEASUREMENTS[4], 128.0, "128MiB", met=True),
        ),
        measurements=MEASUREMENTS,
        convergences=CONVERGENCES,
        series=_series(),
        phases=PHASES,
        alterations=ALTERATIONS,
        notes=("The container's memory limit (128Mi) is not applied: this user has no cgroup.",),
        blind_spots=BLIND_SPOTS,
        tests=TESTS,
    )


def _denied() -> Finding:
    return Finding(
        check="RBA-004",
        severity=Severity.BLOCKER,
        title="12 requests were denied: create services in 1 namespace",
        subject="system:serviceaccount:guestbook-system:guestbook-controller-manager",
        detail=(
            'The API server answered 403 to "create services" 12 times in 41 s.\n'
            "Expected: no denied request in normal operation."
        ),
        remedy="Grant what is missing; with kubebuilder, by the marker below and `make manifests`.",
        snippet=(
            "# +kubebuilder:rbac:groups=core,resources=services,verbs=create\n"
            '- apiGroups: [""]\n  resources: [services]\n  verbs: [create]'
        ),
        evidence=(
            EvidenceRef(
                file="evidence/audit.log",
                line=1842,
                excerpt=(
                    '{"stage":"ResponseComplete","verb":"create","user":{"username":"system:'
                    'serviceaccount:guestbook-system:guestbook-controller-manager"},"objectRef":'
                    '{"resource":"services","namespace":"harness-sample-6f2c1a"},"responseStatus":'
                    '{"code":403,"reason":"Forbidden"}}'
                ),
            ),
        ),
    )


def _stuck() -> Finding:
    missing = "\n".join(
        f"  {'-' if line % 5 == 0 else ' '} line {line} of the last object" for line in range(1, 41)
    )
    return Finding(
        check="REC-001",
        severity=Severity.BLOCKER,
        title="The sample did not become ready within 60 s",
        subject=f"{_GUESTBOOK} {_NAMESPACE}/guestbook-sample",
        window="webapp_v1_guestbook/create",
        detail=(
            "Awaited: condition Ready for generation 1.\nLast seen: Ready=False, reason "
            f"ServiceMissing, observedGeneration 1.\n{missing}"
        ),
        remedy="See the denied requests of RBA-004, which stop the reconciler.",
        evidence=(
            EvidenceRef(file=f"evidence/timeline/{_GUESTBOOK}.ndjson", line=17),
            EvidenceRef(
                file="evidence/operator/manager.ndjson",
                line=203,
                excerpt="ERROR Reconciler error: services is forbidden",
            ),
        ),
    )


def _noisy() -> Finding:
    return Finding(
        check="OBS-005",
        severity=Severity.MINOR,
        title="The log holds 38 error lines in 10 s at rest",
        subject="guestbook manager",
        window="webapp_v1_guestbook/silence",
        remedy="Log an expected retry at a lower level.",
    )


def failing() -> RunResult:
    """The twin that lacks a permission."""
    findings = (_noisy(), _stuck(), _denied())
    tests = (
        *TESTS[:1],
        msgspec.structs.replace(
            TESTS[1],
            outcome="failed",
            duration_s=60.4,
            message="REC-001: The sample did not become ready within 60 s",
            traceback="suites/smoke/test_life.py:41: in test_sample_converges\n    window.judge()",
        ),
        msgspec.structs.replace(TESTS[2], outcome="skipped", message="The sample never converged."),
    )
    never = msgspec.structs.replace(
        CONVERGENCES[0], latency_ms=None, marks=CONVERGENCES[0].marks[:8]
    )
    return msgspec.structs.replace(
        passing(),
        verdict=Verdict.FAIL,
        exit_code=1,
        sentence=(
            "2 blocker findings: requests are denied (RBA-004) and a sample never converges "
            "(REC-001); 2 checks could not be verified."
        ),
        run=_run(twin="missing-permission", duration_s=108.92),
        checks=_items(
            {
                **_NOT_APPLICABLE,
                "REC-001": (Status.FAIL, "", (1,)),
                "RBA-004": (Status.FAIL, "", (2,)),
                "OBS-005": (Status.FAIL, "", (0,)),
                "REC-002": (Status.NOT_VERIFIED, "The sample never converged.", ()),
                "REC-004": (Status.NOT_VERIFIED, "The sample never converged.", ()),
                "OBS-001": (Status.WAIVED, "Metrics come with 1.2 (until 2027-06-01).", ()),
            }
        ),
        findings=findings,
        waived=(
            Finding(
                check="OBS-001",
                severity=Severity.MINOR,
                title="The metrics page holds no HELP line for 4 families",
                subject="guestbook manager",
                remedy="Register the metrics with a help text.",
            ),
        ),
        gates=(
            _gate(_LATENCY, 2000.0, "2s", met=None),
            _gate(MEASUREMENTS[4], 32.0, "32MiB", met=False),
        ),
        convergences=(never,),
        tests=tests,
        tail=(
            "INFO  setup starting manager",
            'ERROR Reconciler error {"controller": "guestbook", "error": "services is forbidden"}',
        ),
    )


def hostile() -> RunResult:
    """Every string that an operator can choose tries to break out."""
    text = HOSTILE
    result = failing()
    finding = msgspec.structs.replace(
        _denied(),
        title=f"Title {text}",
        subject=text * 3,
        detail=f"{text}\n\n| a | b |\n{text}",
        remedy=text,
        window=text,
        snippet=text,
        evidence=(EvidenceRef(file=f"evidence/{text}", line=3, excerpt=text),),
    )
    lane = TimelineMark(ms=12.0, label=text, lane=text)
    return msgspec.structs.replace(
        result,
        sentence=text,
        run=_run(target=text, id=text, started=text, command=text, suites=(text,)),
        environment=(Fact(name=text, value=text),),
        findings=(finding, *result.findings[1:]),
        waived=(finding,),
        checks=_items(
            {"RBA-004": (Status.FAIL, text, (0,)), "REC-002": (Status.NOT_VERIFIED, text, ())}
        ),
        gates=(msgspec.structs.replace(result.gates[0], reason=text),),
        measurements=(msgspec.structs.replace(_LATENCY, name=text, subject=text, method=text),),
        convergences=(
            msgspec.structs.replace(
                CONVERGENCES[0],
                subject=ObjectKey(resource=text, name="x" * 253, namespace=text),
                marks=(*CONVERGENCES[0].marks, lane),
            ),
        ),
        series=(msgspec.structs.replace(_series()[0], name=text, subject=text, unit=text),),
        phases=(PhaseBand(name=text, start_s=1, end_s=40),),
        alterations=(Alteration(subject=text, before=text, after=text, reason=text),),
        notes=(text,),
        blind_spots=(text,),
        tests=(
            TestResult(
                test=text,
                outcome="broken",
                duration_s=1,
                message=text,
                traceback=text,
                checks=(text,),
            ),
        ),
        errors=(ErrorNote(where=text, message=text, hint=text),),
        tail=(text, text),
    )


def install_failure() -> RunResult:
    """The operator's process ended while it was awaited."""
    return RunResult(
        verdict=Verdict.FAIL,
        exit_code=1,
        sentence="The operator's process ended with exit code 2 before it was ready (INS-002).",
        run=_run(twin="dies", duration_s=9.77),
        environment=ENVIRONMENT,
        findings=(
            Finding(
                check="INS-002",
                severity=Severity.BLOCKER,
                title="The process ended with exit code 2 after 0.3 s",
                subject="Deployment guestbook-system/guestbook-controller-manager",
                detail="Awaited: readinessProbe answers 200.\nSeen: the process ended by itself.",
                remedy="Read its last lines below.",
                evidence=(EvidenceRef(file="evidence/operator/manager.ndjson"),),
            ),
        ),
        phases=PHASES[:2],
        alterations=ALTERATIONS[:1],
        blind_spots=BLIND_SPOTS,
        tail=(
            "flag provided but not defined: -leader-elekt",
            "Usage of manager:",
            "  -health-probe-bind-address string",
        ),
    )


def error() -> RunResult:
    """The cluster broke; nothing of it is the operator's fault."""
    return RunResult(
        verdict=Verdict.ERROR,
        exit_code=3,
        sentence="kube-apiserver did not become ready within 90 s; nothing was judged.",
        run=_run(duration_s=93.2),
        environment=ENVIRONMENT[:2],
        checks=tuple(
            ChecklistItem(
                check=check,
                status=Status.NOT_VERIFIED,
                reason="The run ended before it was tested.",
            )
            for check in CHECKS
        ),
        errors=(
            ErrorNote(
                where="stage cluster",
                message=(
                    "kube-apiserver ended with exit code 1.\nError: failed to create listener: "
                    "listen tcp 127.0.0.1:31000: bind: address already in use"
                ),
                hint="Another cluster uses the port; `harness doctor` lists what is left over.",
            ),
        ),
    )


def interrupted() -> RunResult:
    """Ctrl-C in the window of silence."""
    untested = (Status.NOT_VERIFIED, "The run was stopped before it was tested.", ())
    return msgspec.structs.replace(
        passing(),
        verdict=Verdict.INTERRUPTED,
        exit_code=2,
        sentence="Stopped by SIGINT in smoke after 17.2 s; what was seen until then holds.",
        run=_run(duration_s=17.2),
        checks=_items({check.id: untested for check in CHECKS[5:]} | _NOT_APPLICABLE),
        gates=(),
        tests=TESTS[:2],
    )


def inconclusive() -> RunResult:
    """A gate that the evidence can't decide."""
    return msgspec.structs.replace(
        passing(),
        verdict=Verdict.INCONCLUSIVE,
        exit_code=5,
        sentence="The gate convergence_latency_p99 <= 2 s can't be decided: nothing was measured.",
        gates=(_gate(_LATENCY, 2000.0, "2s", met=None),),
    )


def minor_only() -> RunResult:
    """A failed check that doesn't turn the verdict."""
    return msgspec.structs.replace(
        passing(),
        sentence="All checks that turn the verdict hold; 1 minor finding.",
        findings=(_noisy(),),
        checks=_items({**_NOT_APPLICABLE, "OBS-005": (Status.FAIL, "", (0,))}),
    )


def empty() -> RunResult:
    """The least that a result can be."""
    return RunResult(
        verdict=Verdict.ERROR,
        exit_code=3,
        sentence="The run folder holds no evidence.",
        run=RunInfo(
            id="",
            suites=(),
            target="",
            twin="",
            cluster_provider="",
            started="",
            duration_s=0.0,
            harness_version="",
            seed=0,
        ),
    )


ALL = {
    "pass": passing,
    "fail": failing,
    "hostile": hostile,
    "install-failure": install_failure,
    "error": error,
    "interrupted": interrupted,
    "inconclusive": inconclusive,
    "minor-only": minor_only,
    "empty": empty,
}
"""Builders by name."""
