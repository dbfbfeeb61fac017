"""Results as real runs give them, for the tests of the reports."""

from __future__ import annotations

import msgspec

from harness.model.findings import (
    ChecklistItem,
    EvidenceRef,
    Finding,
    Severity,
    Status,
)
from harness.model.installation import Alteration
from harness.model.resource import ObjectKey
from harness.model.result import (
    ErrorNote,
    Fact,
    PhaseBand,
    RunInfo,
    RunResult,
    TestResult,
    TimelineMark,
)
from harness.model.verdict import Verdict
from harness.tests.reporting.parts import (
    ALTERATIONS,
    BLIND_SPOTS,
    CHECKS,
    CONVERGENCES,
    ENVIRONMENT,
    GUESTBOOK,
    HOSTILE,
    LATENCY,
    MEASUREMENTS,
    NAMESPACE,
    NOT_APPLICABLE,
    PHASES,
    TESTS,
    gate,
    items,
    run_info,
    samples,
)
from harness.tests.reporting.permissions import PERMISSIONS, checklists, hostile_permissions

__all__ = [
    "ALL",
    "CHECKS",
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


def passing() -> RunResult:
    """A clean smoke run of guestbook."""
    return RunResult(
        verdict=Verdict.PASS,
        exit_code=0,
        sentence="All 13 checks that apply hold, and both gates are met; 1 check does not apply.",
        run=run_info(),
        environment=ENVIRONMENT,
        checks=items(dict(NOT_APPLICABLE)),
        gates=(
            gate(LATENCY, 2000.0, "2s", met=True),
            gate(MEASUREMENTS[4], 128.0, "128MiB", met=True),
        ),
        measurements=MEASUREMENTS,
        convergences=CONVERGENCES,
        series=samples(),
        phases=PHASES,
        permissions=PERMISSIONS,
        checklists=checklists("ClusterRole manager-role"),
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
        subject=f"{GUESTBOOK} {NAMESPACE}/guestbook-sample",
        window="webapp_v1_guestbook/create",
        detail=(
            "Awaited: condition Ready for generation 1.\nLast seen: Ready=False, reason "
            f"ServiceMissing, observedGeneration 1.\n{missing}"
        ),
        remedy="See the denied requests of RBA-004, which stop the reconciler.",
        evidence=(
            EvidenceRef(file=f"evidence/timeline/{GUESTBOOK}.ndjson", line=17),
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
        run=run_info(twin="missing-permission", duration_s=108.92),
        checks=items(
            {
                **NOT_APPLICABLE,
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
            gate(LATENCY, 2000.0, "2s", met=None),
            gate(MEASUREMENTS[4], 32.0, "32MiB", met=False),
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
        run=run_info(target=text, id=text, started=text, command=text, suites=(text,)),
        environment=(Fact(name=text, value=text),),
        findings=(finding, *result.findings[1:]),
        waived=(finding,),
        checks=items(
            {"RBA-004": (Status.FAIL, text, (0,)), "REC-002": (Status.NOT_VERIFIED, text, ())}
        ),
        gates=(msgspec.structs.replace(result.gates[0], reason=text),),
        measurements=(msgspec.structs.replace(LATENCY, name=text, subject=text, method=text),),
        convergences=(
            msgspec.structs.replace(
                CONVERGENCES[0],
                subject=ObjectKey(resource=text, name="x" * 253, namespace=text),
                marks=(*CONVERGENCES[0].marks, lane),
            ),
        ),
        series=(msgspec.structs.replace(samples()[0], name=text, subject=text, unit=text),),
        phases=(PhaseBand(name=text, start_s=1, end_s=40),),
        permissions=hostile_permissions(text),
        checklists=checklists(text, gap=text),
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
        run=run_info(twin="dies", duration_s=9.77),
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
        run=run_info(duration_s=93.2),
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
        run=run_info(duration_s=17.2),
        checks=items({check.id: untested for check in CHECKS[5:]} | NOT_APPLICABLE),
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
        gates=(gate(LATENCY, 2000.0, "2s", met=None),),
    )


def minor_only() -> RunResult:
    """A failed check that doesn't turn the verdict."""
    return msgspec.structs.replace(
        passing(),
        sentence="All checks that turn the verdict hold; 1 minor finding.",
        findings=(_noisy(),),
        checks=items({**NOT_APPLICABLE, "OBS-005": (Status.FAIL, "", (0,))}),
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
