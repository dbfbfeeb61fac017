"""SCO-101 and SCO-105: requests and written kinds, held against what the target declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.analysis import judge, judge_run
from harness.model.access import AccessSnapshot
from harness.model.findings import Severity, Status
from harness.model.records import GapRecord
from harness.model.target import Install, InstallMode, Manifests, Scope, Webhooks
from harness.tests.analysis.rbac.access import SERVED, record, served
from harness.tests.analysis.recording import BOOKS, Recording, book, span

if TYPE_CHECKING:
    from harness.model.findings import CheckOutcome

CLASSES = "priorityclasses.scheduling.k8s.io"
HOOKS = "validatingwebhookconfigurations.admissionregistration.k8s.io"
ALL = (*SERVED, served(CLASSES, namespaced=False), served("namespaces", namespaced=False))


def declare(
    recording: Recording,
    mode: InstallMode = InstallMode.SINGLE_NAMESPACE,
    namespaces: tuple[str, ...] = ("default",),
    *,
    owns: tuple[str, ...] = ("configmaps",),
    **more: Any,
) -> None:
    recording.target(scope=Scope(mode=mode, namespaces=namespaces, owns=owns), **more)
    record(recording, AccessSnapshot(served=ALL))


def judged(recording: Recording, check: str = "SCO-101") -> CheckOutcome:
    return judge(check, recording.evidence, None)


def titles(recording: Recording, check: str = "SCO-101") -> list[str]:
    return [finding.title for finding in judged(recording, check).findings]


def test_requests_in_the_served_namespaces_pass(recording: Recording) -> None:
    declare(recording, InstallMode.MULTI_NAMESPACE, ("default", "b"))
    recording.call(2, "update", "configmaps", "page", namespace="b")

    assert judged(recording).status is Status.PASS


def test_an_allowed_request_elsewhere_is_a_finding_whatever_became_of_it(
    recording: Recording,
) -> None:
    declare(recording)
    recording.call(2, "get", "configmaps", "page", namespace="b", code=404)
    recording.call(3, "get", "configmaps", "other", namespace="c")

    (finding,) = judged(recording).findings

    assert finding.severity is Severity.MAJOR
    assert (
        finding.title == "The operator sent get configmaps 2 times outside its namespaces, to b, c"
    )
    assert "Declared: SingleNamespace (default)" in finding.detail
    assert [ref.line for ref in finding.evidence] == [2, 3]


def test_what_was_denied_is_another_checks_business(recording: Recording) -> None:
    declare(recording)
    recording.call(2, "get", "configmaps", "x", namespace="b", code=403, decision="forbid")

    assert judged(recording).status is Status.PASS


@pytest.mark.parametrize("verb", ["list", "watch", "deletecollection"])
def test_all_namespaces_at_once_is_too_much_for_a_namespaced_mode(
    recording: Recording, verb: str
) -> None:
    declare(recording)
    recording.call(2, verb, "configmaps", namespace="")

    assert titles(recording) == [
        f"The operator sent {verb} configmaps once for all namespaces at once"
    ]


def test_it_is_not_for_allnamespaces(recording: Recording) -> None:
    declare(recording, InstallMode.ALL_NAMESPACES, ())
    recording.call(2, "watch", "configmaps", namespace="")
    recording.call(2, "update", "configmaps", "page", namespace="anywhere")

    assert judged(recording).status is Status.PASS


def test_in_its_own_namespace_it_lives_and_serves_nothing(recording: Recording) -> None:
    declare(recording)
    recording.call(2, "update", "leases.coordination.k8s.io", "lock", namespace="books-system")
    recording.call(2, "get", "secrets", "certificate", namespace="books-system")
    assert judged(recording).status is Status.PASS

    recording.call(3, "update", BOOKS, "sample", namespace="books-system", subresource="status")
    assert titles(recording) == [
        f"The operator sent update {BOOKS}/status once outside its namespaces, to books-system"
    ]


def test_ownnamespace_is_where_it_lives(recording: Recording) -> None:
    declare(recording, InstallMode.OWN_NAMESPACE, ())
    assert len(titles(recording)) == 1, "the recording's first request goes to default"

    recording.call(2, "update", BOOKS, "sample", namespace="books-system")
    assert len(titles(recording)) == 1


def test_cluster_scoped_kinds_are_written_only_if_declared(recording: Recording) -> None:
    declare(recording, InstallMode.ALL_NAMESPACES, ())
    recording.call(2, "create", CLASSES, "high", namespace="", code=201)
    recording.call(2, "patch", "namespaces", "team", namespace="team")
    recording.call(2, "get", "nodes", "n", namespace="")
    assert titles(recording) == [
        f"The operator sent create {CLASSES} once, a cluster-scoped kind that it doesn't declare",
        "The operator sent patch namespaces once, a cluster-scoped kind that it doesn't declare",
    ]

    declare(recording, InstallMode.ALL_NAMESPACES, (), owns=(CLASSES, "namespaces"))
    assert judged(recording).status is Status.PASS


def test_reviews_and_its_own_webhooks_are_expected(recording: Recording) -> None:
    install = Install(
        manifests=Manifests(kustomize="/books/config"), webhooks=Webhooks.SELF_MANAGED
    )
    declare(recording, InstallMode.ALL_NAMESPACES, (), install=install)
    recording.call(2, "patch", HOOKS, "books", namespace="")
    recording.call(2, "create", "tokenreviews.authentication.k8s.io", namespace="", code=201)

    assert judged(recording).status is Status.PASS
    assert judged(recording, "SCO-105").status is Status.PASS


@pytest.mark.parametrize("check", ["SCO-101", "SCO-105"])
def test_without_whole_audit_evidence_nothing_is_verified(recording: Recording, check: str) -> None:
    declare(recording)
    recording.record(GapRecord(span=span(3, 4), source="audit", reason="the log was cut"))

    outcome = judged(recording, check)

    assert outcome.status is Status.NOT_VERIFIED
    assert outcome.reason == "AUDIT EVIDENCE IS MISSING: the log was cut"


def test_a_written_kind_that_owns_lacks_is_a_minor_finding(recording: Recording) -> None:
    declare(recording)
    recording.call(2, "create", "configmaps", "page", code=201)
    recording.call(2, "update", BOOKS, "sample", subresource="status")
    recording.call(2, "create", "events", "sample.1", code=201)
    recording.call(2, "create", "secrets", "spare", code=409)
    assert judged(recording, "SCO-105").status is Status.PASS

    recording.call(3, "create", "secrets", "page", code=201)
    (finding,) = judged(recording, "SCO-105").findings

    assert finding.severity is Severity.MINOR
    assert finding.title == "The operator writes secrets, which scope.owns doesn't name"
    assert "Objects: default/page" in finding.detail


def test_without_audit_a_field_manager_can_show_it(recording: Recording) -> None:
    declare(recording)
    recording.record(GapRecord(span=span(3, 4), source="audit", reason="the log was cut"))
    managers = ("manager/Update/", "manager/Update/status")
    recording.event(2, "MODIFIED", book(), managers=managers)
    secret = {"kind": "Secret", "metadata": {"namespace": "default", "name": "page"}}
    recording.event(2, "ADDED", secret, resource="secrets", managers=("manager/Update/",))

    assert titles(recording, "SCO-105") == [
        "The operator's field manager stands in secrets, which scope.owns doesn't name"
    ]


def test_both_are_judged_in_every_run_whose_roles_are_known(recording: Recording) -> None:
    assert not {"SCO-101", "SCO-105"} & {item.check for item in judge_run(recording.evidence, ())}

    declare(recording)
    assert {"SCO-101", "SCO-105"} <= {item.check for item in judge_run(recording.evidence, ())}
