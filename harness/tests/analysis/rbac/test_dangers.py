"""RBA-101 to RBA-117: found in the form that is easily missed; what looks alike passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.analysis.judge import judge, judge_run
from harness.analysis.rbac.dangers import DANGERS
from harness.catalogue import WHERE_INSTALLED
from harness.model.access import AccessSnapshot, Subject
from harness.model.findings import CheckOutcome, Status
from harness.tests.analysis.rbac.access import bound, record, rule, together
from harness.tests.analysis.recording import Recording

if TYPE_CHECKING:
    from pathlib import Path

RBAC = "rbac.authorization.k8s.io"
CERTIFICATES = "certificates.k8s.io"
ADMISSION = "admissionregistration.k8s.io"
CRDS = "apiextensions.k8s.io"
EVERYBODY = Subject(kind="Group", name="system:serviceaccounts")

DANGEROUS = {
    "RBA-101": [
        bound(rule("get", "*/scale", "apps")),
        bound(rule("*", "configmaps")),
        bound(rule("get", "deployments", "*")),
        bound(rule("get", urls="*")),
    ],
    "RBA-102": [
        bound(rule("*", "*", "*"), name="cluster-admin"),
        bound(rule("*", "*", "*"), name="cluster-admin", subject=EVERYBODY),
    ],
    "RBA-103": [
        bound(rule("watch", "secrets")),
        bound(rule("get", "*")),
        bound(rule("list", "secrets"), namespace="a"),
    ],
    "RBA-104": [
        bound(rule("patch", "replicationcontrollers")),
        bound(rule("create", "cronjobs", "batch")),
        bound(rule("update", "pods"), subject=EVERYBODY),
    ],
    "RBA-105": [bound(rule("create", "persistentvolumes"))],
    "RBA-106": [bound(rule("get", "nodes/proxy")), bound(rule("get", "*"))],
    "RBA-107": [
        bound(rule("get", "pods/exec")),
        bound(rule("create", "pods/portforward")),
        bound(rule("patch", "pods/ephemeralcontainers")),
    ],
    "RBA-108": [
        bound(rule("escalate", "roles", RBAC), namespace="a"),
        bound(rule("*", "clusterroles", RBAC)),
    ],
    "RBA-109": [bound(rule("bind", "clusterroles", RBAC)), bound(rule("*", "roles", RBAC))],
    "RBA-110": [
        bound(rule("impersonate", "userextras/scopes", "authentication.k8s.io")),
        bound(rule("impersonate", "groups")),
        bound(rule("*", "serviceaccounts")),
    ],
    "RBA-111": [
        together(
            bound(rule("create", "certificatesigningrequests", CERTIFICATES), name="one"),
            bound(rule("patch", "certificatesigningrequests/approval", CERTIFICATES), name="two"),
        )
    ],
    "RBA-112": [bound(rule("create", "serviceaccounts/token"))],
    "RBA-113": [bound(rule("patch", "mutatingwebhookconfigurations", ADMISSION))],
    "RBA-114": [bound(rule("patch", "namespaces"))],
    "RBA-115": [
        bound(rule("patch", "customresourcedefinitions", CRDS)),
        bound(rule("create", "certificates", "cert-manager.io")),
    ],
    "RBA-116": [bound(rule("patch", "rolebindings", RBAC), namespace="a")],
    "RBA-117": [bound(rule("delete", "events")), bound(rule("patch", "pods/status"))],
}

HARMLESS = {
    "RBA-101": bound(rule("get", "deployments/scale", "apps")),
    "RBA-102": bound(rule("get", "pods"), name="cluster-administration-lite"),
    "RBA-103": bound(rule("get", "secrets", names="mine"), rule("create", "secrets")),
    "RBA-104": bound(rule("get delete", "pods"), rule("update", "deployments/scale", "apps")),
    "RBA-105": bound(rule("create", "persistentvolumeclaims"), rule("get", "persistentvolumes")),
    "RBA-106": bound(rule("get", "nodes nodes/metrics nodes/stats")),
    "RBA-107": bound(rule("get", "pods/log pods/status")),
    "RBA-108": bound(rule("create get", "roles", RBAC)),
    "RBA-109": bound(rule("create", "rolebindings", RBAC)),
    "RBA-110": bound(rule("get", "serviceaccounts")),
    "RBA-111": bound(rule("create get watch", "certificatesigningrequests", CERTIFICATES)),
    "RBA-112": bound(rule("create", "serviceaccounts")),
    "RBA-113": bound(rule("get list watch", "mutatingwebhookconfigurations", ADMISSION)),
    "RBA-114": bound(rule("get list watch create", "namespaces")),
    "RBA-115": bound(
        rule("get list", "customresourcedefinitions", CRDS),
        rule("create update", "guestbooks", "example.com"),
        rule("create", "leases", "coordination.k8s.io"),
    ),
    "RBA-116": bound(rule("get list watch", "roles rolebindings", RBAC)),
    "RBA-117": bound(
        rule("create patch", "events"), rule("update", "guestbooks/status", "example.com")
    ),
}


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path)


def judged(recording: Recording, check: str, access: AccessSnapshot) -> CheckOutcome:
    record(recording, access)
    return judge(check, recording.evidence, None)


@pytest.mark.parametrize(
    ("check", "access"), [(check, each) for check, all_ in DANGEROUS.items() for each in all_]
)
def test_it_is_found(recording: Recording, check: str, access: AccessSnapshot) -> None:
    outcome = judged(recording, check, access)
    assert outcome.status is Status.FAIL
    assert all(finding.title and finding.subject for finding in outcome.findings)


@pytest.mark.parametrize(("check", "access"), HARMLESS.items())
def test_what_looks_alike_passes(recording: Recording, check: str, access: AccessSnapshot) -> None:
    assert judged(recording, check, access).status is Status.PASS


def test_every_danger_is_proven_both_ways() -> None:
    assert set(DANGEROUS) == set(HARMLESS) == set(DANGERS)


def test_half_of_signing_is_no_danger_wherever_it_comes_from(recording: Recording) -> None:
    approve = bound(rule("update", "certificatesigningrequests/approval", CERTIFICATES))
    assert judged(recording, "RBA-111", approve).status is Status.PASS


def test_a_finding_says_where_the_right_was_really_used(recording: Recording) -> None:
    recording.call(1, "watch", "secrets", namespace="a")
    outcome = judged(recording, "RBA-103", bound(rule("list watch", "secrets")))
    (finding,) = outcome.findings
    assert finding.subject == "ClusterRole manager-role"
    assert "list, watch secrets: used once (a)" in finding.detail


def test_kinds_that_the_target_says_it_makes_are_not_foreign(recording: Recording) -> None:
    from harness.model.target import Scope  # noqa: PLC0415 - this test alone

    recording.target(scope=Scope(owns=("certificates.cert-manager.io",)))
    access = bound(rule("create", "certificates", "cert-manager.io"))
    assert judged(recording, "RBA-115", access).status is Status.PASS


def test_a_run_whose_roles_are_known_is_judged_by_all_of_them(recording: Recording) -> None:
    record(recording, bound(rule("get", "pods")))
    checks = {outcome.check for outcome in judge_run(recording.evidence, [])}
    assert set(DANGERS) <= set(WHERE_INSTALLED) <= checks


def test_a_run_that_never_looked_at_roles_says_nothing_of_them(recording: Recording) -> None:
    checks = {outcome.check for outcome in judge_run(recording.evidence, [])}
    assert not set(DANGERS) & checks
