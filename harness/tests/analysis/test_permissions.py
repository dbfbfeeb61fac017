"""RBA-004: denied requests, and the rule that is missing."""

from __future__ import annotations

from harness.analysis import judge
from harness.model.findings import CheckOutcome, Severity, Status
from harness.model.records import GapRecord
from harness.tests.analysis.recording import CONTROLLERS, Recording, span


def judged(recording: Recording) -> CheckOutcome:
    return judge("RBA-004", recording.evidence, None)


def denied(recording: Recording, when: float, verb: str, resource: str, **more: object) -> None:
    recording.call(when, verb, resource, code=403, decision="forbid", **more)  # type: ignore[arg-type]  # as named


def test_only_allowed_requests_pass(recording: Recording) -> None:
    recording.call(2, "update", "configmaps", "page", code=409)

    assert judged(recording).status is Status.PASS


def test_a_denied_request_fails_with_the_rule_to_add(recording: Recording) -> None:
    denied(recording, 2, "create", "events.events.k8s.io")
    denied(recording, 3, "create", "events.events.k8s.io")

    (finding,) = judged(recording).findings

    assert finding.severity is Severity.BLOCKER
    assert finding.title == ("The operator was denied create events.events.k8s.io 2 times")
    assert "first at 08:00:02.000 UTC" in finding.detail
    assert "Identity: system:serviceaccount:books-system:manager" in finding.detail
    assert "In namespace: default" in finding.detail
    assert finding.remedy == (
        "Let the operator's Role or ClusterRole allow create on events.events.k8s.io, or stop the "
        "operator from sending the request."
    )
    assert finding.snippet.startswith(
        '- apiGroups: ["events.k8s.io"]\n  resources: ["events"]\n  verbs: ["create"]\n'
    )
    assert finding.snippet.endswith(
        "// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create"
    )
    assert [ref.line for ref in finding.evidence] == [2, 3]


def test_each_rule_that_is_missing_is_a_finding(recording: Recording) -> None:
    denied(recording, 2, "list", "configmaps", namespace="")
    denied(recording, 2, "update", "deployments.apps", name="web", subresource="status")
    denied(recording, 2, "get", "", uri="/metrics?x=1", namespace="")
    for name in "abcdef":
        denied(recording, 4, "get", "secrets", name=name)

    titles = [finding.title for finding in judged(recording).findings]
    snippets = "\n".join(finding.snippet for finding in judged(recording).findings)
    details = "\n".join(finding.detail for finding in judged(recording).findings)

    assert titles == [
        "The operator was denied list configmaps cluster-wide once",
        "The operator was denied update deployments.apps/status once",
        "The operator was denied get /metrics once",
        "The operator was denied get secrets 6 times",
    ]
    assert 'groups="",resources=configmaps,verbs=list' in snippets
    assert 'resources: ["deployments/status"]' in snippets
    assert 'nonResourceURLs: ["/metrics"]' in snippets
    assert "urls=/metrics,verbs=get" in snippets
    assert "Objects: a, b, c, d, e …" in details


def test_one_rule_that_is_missing_in_several_namespaces_is_one_finding(
    recording: Recording,
) -> None:
    for namespace in ("a", "b"):
        denied(recording, 2, "get", "secrets", name="token", namespace=namespace)

    (finding,) = judged(recording).findings

    assert "In namespace: a, b" in finding.detail


def test_a_request_that_was_allowed_later_only_met_a_slow_authorizer(recording: Recording) -> None:
    denied(recording, 2, "list", "configmaps", namespace="")
    recording.call(3, "list", "configmaps", namespace="")
    denied(recording, 2, "create", "leases.coordination.k8s.io")  # denied before it had a name
    recording.call(3, "create", "leases.coordination.k8s.io", "lock", code=201)

    assert judged(recording).status is Status.PASS


def test_a_request_that_was_allowed_earlier_or_for_another_name_still_fails(
    recording: Recording,
) -> None:
    recording.call(1, "list", "configmaps", namespace="")
    denied(recording, 2, "list", "configmaps", namespace="")
    denied(recording, 2, "get", "secrets", name="a")
    recording.call(3, "get", "secrets", "b")

    assert len(judged(recording).findings) == 2


def test_denials_of_others_do_not_count(recording: Recording) -> None:
    denied(recording, 2, "get", "secrets", user=CONTROLLERS)

    assert judged(recording).status is Status.PASS


def test_missing_audit_evidence_is_never_a_pass(recording: Recording) -> None:
    recording.record(GapRecord(span=span(1, 2), source="audit", reason="rotated away"))

    outcome = judged(recording)

    assert outcome.status is Status.NOT_VERIFIED
    assert outcome.reason == "AUDIT EVIDENCE IS MISSING: rotated away"


def test_what_is_denied_before_the_operator_ever_was_ready_is_found(recording: Recording) -> None:
    recording.install(complete=False)
    denied(recording, 2, "get", "leases.coordination.k8s.io", name="lock")

    assert judged(recording).status is Status.FAIL


def test_an_install_that_failed_before_any_request_says_so(recording: Recording) -> None:
    recording.install(complete=False)
    recording.run.audit_log.unlink()
    recording.call(1, "list", "pods", user="system:kube-scheduler")

    outcome = judged(recording)

    assert outcome.status is Status.NOT_VERIFIED
    assert outcome.reason == "the operator sent no request before its install failed"
