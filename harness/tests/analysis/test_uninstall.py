"""LIF-009: what an operator leaves behind when it is uninstalled, and what isn't its."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from harness.analysis import judge, judge_run
from harness.evidence.ndjson import NdjsonWriter, write_document
from harness.model.findings import CheckOutcome, Severity, Status
from harness.model.installation import InstallWay
from harness.model.inventory import Inventory, InventoryEntry, Stuck, Uninstalled
from harness.model.resource import ObjectKey
from harness.tests.analysis.recording import BOOK, BOOKS, OPERATOR, Recording, at, book

ROLES = "clusterroles.rbac.authorization.k8s.io"
LEASES = "leases.coordination.k8s.io"


def entry(resource: str, name: str, *, namespace: str = "", **more: Any) -> InventoryEntry:
    key = ObjectKey(resource=resource, namespace=namespace, name=name, uid=f"{resource}-{name}")
    kind = resource.partition(".")[0].removesuffix("s").capitalize()
    return InventoryEntry(key=key, kind=kind, **more)


THEIRS = entry("configmaps", "theirs", namespace="default")


def inventories(recording: Recording, *new: InventoryEntry, **after: Any) -> None:
    writer = NdjsonWriter(recording.run.inventory_file)
    writer.write(Inventory(name="before", stamp=at(0.1), entries=(THEIRS,)))
    writer.write(Inventory(name="after", stamp=at(90), entries=(THEIRS, *new), **after))
    writer.close()


def judged(recording: Recording) -> CheckOutcome:
    return judge("LIF-009", recording.evidence, None)


def installed(recording: Recording, **changes: Any) -> None:
    made = recording.evidence.installation
    assert made is not None
    write_document(recording.run.installation_file, msgspec.structs.replace(made, **changes))


def test_a_cluster_that_is_as_it_was_passes(recording: Recording) -> None:
    inventories(recording)
    assert judged(recording).status is Status.PASS


def test_what_the_audit_log_shows_to_be_the_operators_is_a_finding(recording: Recording) -> None:
    recording.call(2, "create", ROLES, "books-extra", namespace="", code=201)
    inventories(recording, entry(ROLES, "books-extra", created="2027-01-15T08:00:02Z"))

    (finding,) = judged(recording).findings

    assert finding.severity is Severity.MAJOR
    assert finding.title == "Clusterrole books-extra is left after the uninstall"
    assert f"{OPERATOR} sent create" in finding.detail
    assert "kubectl delete clusterroles.rbac.authorization.k8s.io books-extra" in finding.detail
    assert [ref.line for ref in finding.evidence] == [2, 0]


def test_what_others_made_meanwhile_is_passed_over(recording: Recording) -> None:
    recording.call(2, "create", "secrets", "token", user="somebody", code=201)
    inventories(
        recording,
        entry("secrets", "token", namespace="default", managers=("kubectl",)),
        entry("pods", "web-1", namespace="web", owners=("replicaset-of-web",)),
        entry(LEASES, "another", namespace="default"),
    )
    assert judged(recording).status is Status.PASS


def test_without_an_audit_log_ownership_tells(recording: Recording) -> None:
    recording.event(1, "ADDED", book())
    inventories(recording, entry("configmaps", "page", namespace="default", owners=("book-1",)))
    (finding,) = judged(recording).findings
    assert "its ownerReferences" in finding.detail
    assert finding.subject == "configmaps default/page"


@pytest.mark.parametrize(
    ("name", "managers", "status"),
    [
        ("sample-page", ("manager",), Status.FAIL),
        ("unrelated", ("manager",), Status.PASS),
        ("sample-page", ("kubectl",), Status.PASS),
    ],
)
def test_a_field_manager_tells_only_together_with_a_name(
    recording: Recording, name: str, managers: tuple[str, ...], status: Status
) -> None:
    recording.event(1, "ADDED", book(), managers=("manager/Update/status",))
    inventories(recording, entry("configmaps", name, namespace="x", managers=managers))
    assert judged(recording).status is status


def test_a_custom_resource_that_is_left_is_a_finding(recording: Recording) -> None:
    inventories(recording, entry(BOOKS, "sample", namespace="default"))
    (finding,) = judged(recording).findings
    assert "it is a custom resource of the operator" in finding.detail


def test_its_lease_is_a_minor_finding_with_a_remedy_of_its_own(recording: Recording) -> None:
    recording.install(leases=("books-system/lock",))
    inventories(recording, entry(LEASES, "lock", namespace="books-system"))
    (finding,) = judged(recording).findings
    assert finding.severity is Severity.MINOR
    assert "Lease" in finding.remedy


def test_a_finalizer_that_the_operator_kept_is_a_finding(recording: Recording) -> None:
    inventories(recording)
    held = Stuck(key=BOOK, finalizers=("books/clean-up",), seconds=60.0)
    write_document(recording.run.uninstall_file, Uninstalled(stuck=(held,)))
    (finding,) = judged(recording).findings
    assert finding.severity is Severity.MAJOR
    assert finding.title == (
        "guestbooks default/sample kept its finalizer books/clean-up for 60 s after its deletion"
    )


def test_what_the_harness_itself_left_is_not_blamed_on_the_operator(recording: Recording) -> None:
    inventories(
        recording,
        entry("configmaps", "x", namespace="default", managers=("operator-harness",)),
        entry("configmaps", "sample", namespace="harness-run-test-0", managers=("manager",)),
    )
    assert judged(recording).status is Status.PASS


def test_many_leftovers_are_summed_up(recording: Recording) -> None:
    recording.event(1, "ADDED", book())
    inventories(
        recording,
        *(entry("configmaps", f"n{n:02}", namespace="x", owners=("book-1",)) for n in range(23)),
    )
    findings = judged(recording).findings
    assert len(findings) == 21
    assert findings[-1].title == "3 more objects are left"


def test_what_may_not_be_listed_leaves_the_question_open(recording: Recording) -> None:
    inventories(recording, unlisted={"secrets": "Forbidden", ROLES: "Forbidden"})
    outcome = judged(recording)
    assert outcome.status is Status.NOT_VERIFIED
    assert outcome.reason == f"it may not be seen whether {ROLES}, secrets stay"


def test_without_the_second_inventory_it_is_not_verified(recording: Recording) -> None:
    writer = NdjsonWriter(recording.run.inventory_file)
    writer.write(Inventory(name="before", stamp=at(0.1), entries=(THEIRS,)))
    writer.close()
    assert judged(recording).reason == "the operator was not uninstalled"
    recording.stage("uninstall", 80, 90, outcome="failed")
    assert judged(recording).reason == "the uninstall did not come to its end"


def test_an_operator_that_was_there_before_is_not_asked(recording: Recording) -> None:
    installed(recording, way=InstallWay.PRESENT)
    inventories(recording)
    assert judged(recording).status is Status.NOT_APPLICABLE


def test_it_is_judged_only_where_somebody_looked(recording: Recording) -> None:
    assert "LIF-009" not in {item.check for item in judge_run(recording.evidence, ())}
    inventories(recording)
    assert "LIF-009" in {item.check for item in judge_run(recording.evidence, ())}


def test_sco_106_counts_the_same_objects_but_no_lease(recording: Recording) -> None:
    recording.call(2, "create", ROLES, "books-extra", namespace="", code=201)
    recording.call(2, "create", LEASES, "books-lock", code=201)
    inventories(
        recording,
        entry(ROLES, "books-extra", created="2027-01-15T08:00:02Z"),
        entry(LEASES, "books-lock", namespace="default", created="2027-01-15T08:00:02Z"),
    )

    (finding,) = judge("SCO-106", recording.evidence, None).findings

    assert finding.severity is Severity.MINOR
    assert finding.title == "Clusterrole books-extra is left after the uninstall"


def test_sco_106_is_not_verified_where_nothing_was_uninstalled(recording: Recording) -> None:
    outcome = judge("SCO-106", recording.evidence, None)
    assert outcome.status is Status.NOT_VERIFIED
    assert outcome.reason == "the operator was not uninstalled"
