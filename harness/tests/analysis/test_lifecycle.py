"""LIF-001: what is left after a deletion, and how it is known to belong to it."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.analysis import judge
from harness.model.findings import CheckOutcome, Severity, Status
from harness.model.records import Action, GapRecord
from harness.model.resource import ObjectKey
from harness.tests.analysis.recording import (
    BOOK,
    BOOKS,
    CONTROLLERS,
    HARNESS,
    Recording,
    book,
    child,
    span,
)

OTHER = ObjectKey(resource=BOOKS, namespace="default", name="second", uid="book-2")


def deleted(
    recording: Recording, *left: dict[str, Any], objects: tuple[ObjectKey, ...] = (BOOK,)
) -> CheckOutcome:
    """A custom resource that lived from second 1 to its deletion in second 20."""
    recording.stimulus(1, Action.CREATE, generation=1, status=201)
    recording.event(1.1, "ADDED", book())
    recording.stimulus(20.1, Action.DELETE)
    recording.snapshot(29, "after", *left)
    recording.call(31, "list", "pods", user=HARNESS)
    phase = recording.phase(20, 30, "LIF-001", objects=objects, facts={"after": "after"})
    return judge("LIF-001", recording.evidence, phase)


def test_nothing_left_passes(recording: Recording) -> None:
    recording.call(2, "create", "configmaps", "page", code=201)

    assert deleted(recording).status is Status.PASS


def test_what_others_made_is_no_survivor(recording: Recording) -> None:
    recording.call(2, "create", "configmaps", "root-ca", code=201, user=CONTROLLERS, agent="kcm/1")
    recording.call(2, "create", "configmaps", "mine", code=201, user=HARNESS, agent="h/1")
    recording.call(0.7, "create", "configmaps", "settings", code=201)  # before there was a book

    outcome = deleted(
        recording,
        child("ConfigMap", "root-ca", managers=("kcm",)),
        child("ConfigMap", "mine", managers=("h", "manager")),
        child("ConfigMap", "settings", created=0.7, managers=("manager",)),
        child("Event", "e", owner="book-1"),
        child("Lease", "l", owner="book-1"),
    )

    assert outcome.status is Status.PASS


def test_orphans_of_a_cluster_scoped_resource_are_found_anywhere(recording: Recording) -> None:
    tenant = ObjectKey(resource="tenants.example.com", name="blue", uid="tenant-1")
    card = child("ConfigMap", "card", namespace="elsewhere", managers=("manager",))
    role = child("ClusterRole", "blue", managers=("manager",), namespace=None)
    recording.stimulus(1, Action.CREATE, tenant, generation=1, status=201)
    recording.call(2, "create", "configmaps", "card", code=201, namespace="elsewhere")
    recording.call(2, "create", "clusterroles", "blue", code=201, namespace="")
    recording.stimulus(20.1, Action.DELETE, tenant)
    recording.snapshot(29, "after", card, role)
    recording.call(31, "list", "pods", user=HARNESS)
    phase = recording.phase(20, 30, "LIF-001", objects=(tenant,), facts={"after": "after"})

    outcome = judge("LIF-001", recording.evidence, phase)

    assert [finding.subject for finding in outcome.findings] == [
        *("configmaps elsewhere/card", "clusterroles blue"),
    ]


def test_an_orphan_that_the_audit_log_attributes_fails(recording: Recording) -> None:
    recording.call(2, "create", "configmaps", "entry", code=201)

    (finding,) = deleted(recording, child("ConfigMap", "entry")).findings

    assert finding.severity is Severity.BLOCKER
    assert finding.title == "Deleting Guestbook sample left ConfigMap entry behind"
    assert finding.subject == "configmaps default/entry"
    assert "by the audit log: system:serviceaccount:books-system:manager sent create" in (
        finding.detail
    )
    assert "(line 2)" in finding.detail
    assert [ref.file for ref in finding.evidence] == [
        "evidence/audit.log",
        "evidence/suite.ndjson",
    ]


def test_an_object_made_by_server_side_apply_or_put_is_attributed(recording: Recording) -> None:
    recording.call(2, "patch", "configmaps", "applied", code=201)
    recording.call(2, "update", "configmaps", "put", code=201)
    recording.call(2, "patch", "configmaps", "patched", code=200)
    recording.call(2, "create", "pods", "web", code=201, subresource="eviction")

    outcome = deleted(
        recording,
        *(child("ConfigMap", name) for name in ("applied", "put", "patched")),
        child("Pod", "web"),
    )

    assert {f.subject for f in outcome.findings} == {
        "configmaps default/applied",
        "configmaps default/put",
    }


def test_dry_runs_and_refused_creates_attribute_nothing(recording: Recording) -> None:
    recording.call(2, "create", "configmaps", "a", code=201, uri="/api/v1/configmaps?dryRun=All")
    recording.call(2, "create", "configmaps", "b", code=409)

    outcome = deleted(recording, child("ConfigMap", "a"), child("ConfigMap", "b"))

    assert outcome.status is Status.PASS


def test_owned_objects_are_survivors_and_named_by_the_topmost(recording: Recording) -> None:
    outcome = deleted(
        recording,
        child("Deployment", "web", uid="d", owner="book-1", finalizers=["example.com/hold"]),
        child("ReplicaSet", "web-1", uid="r", owner="d", deletionTimestamp="2027-01-15T08:00:00Z"),
    )

    (finding,) = outcome.findings
    assert finding.subject == "deployments.apps default/web"
    assert "It keeps these alive:\n  replicasets.apps default/web-1" in finding.detail
    assert "finalizers: example.com/hold" in finding.detail


def test_an_object_whose_owner_went_before_it_is_a_survivor(recording: Recording) -> None:
    owned = child("Deployment", "web", uid="d", owner="book-1")
    recording.event(2, "ADDED", owned, resource="deployments.apps")
    replica_set = child("ReplicaSet", "web-1", owner="d", deletionTimestamp="2027-01-15T08:00:00Z")

    (finding,) = deleted(recording, replica_set).findings

    assert finding.subject == "replicasets.apps default/web-1"
    assert "by its ownerReferences" in finding.detail
    assert "being deleted since 2027-01-15T08:00:00Z" in finding.detail


def test_an_object_of_the_family_named_by_the_window_is_a_survivor(recording: Recording) -> None:
    relative = ObjectKey(resource="configmaps", namespace="default", name="page", uid="page-uid")

    outcome = deleted(
        recording, child("ConfigMap", "page", uid="page-uid"), objects=(BOOK, relative)
    )

    assert outcome.findings[0].subject == "configmaps default/page"


def test_field_managers_attribute_what_no_create_was_seen_of(recording: Recording) -> None:
    recording.call(2, "update", "services", "web", uri="/api/v1/services/web?fieldManager=books")

    (finding,) = deleted(
        recording, child("ConfigMap", "generated-x7f2", managers=("books/Update/",))
    ).findings

    assert "by its field manager books, which only the operator uses" in finding.detail


def test_a_manager_that_others_use_too_attributes_nothing(recording: Recording) -> None:
    recording.call(2, "update", "services", "web")
    recording.call(2, "update", "services", "web", user=CONTROLLERS)

    body = child("ConfigMap", "generated", managers=("manager",))
    body["metadata"]["managedFields"] = [{"manager": "manager"}]

    assert deleted(recording, body).status is Status.PASS


def test_an_object_that_something_else_owns_is_no_survivor(recording: Recording) -> None:
    recording.call(2, "create", "configmaps", "page", code=201)

    assert deleted(recording, child("ConfigMap", "page", owner="else")).status is Status.PASS


def test_what_speaks_of_another_living_custom_resource_is_no_survivor(
    recording: Recording,
) -> None:
    recording.stimulus(2, Action.CREATE, OTHER, generation=1, status=201)
    third = msgspec.structs.replace(OTHER, name="third", uid="book-3")
    recording.stimulus(2.5, Action.CREATE, third, generation=1, status=201)
    recording.stimulus(2.6, Action.DELETE, third)
    recording.stimulus(2.7, Action.UPDATE, OTHER, generation=2)
    recording.stimulus(40, Action.DELETE, OTHER)
    for name in ("entry-second", "entry-x", "entry-sample", "entry-third"):
        recording.call(3, "create", "configmaps", name, code=201)

    outcome = deleted(
        recording,
        child("ConfigMap", "entry-second"),
        child("ConfigMap", "entry-x", labels={"of": "book-2"}),
        child("ConfigMap", "entry-sample"),
        child("ConfigMap", "entry-third"),
    )

    assert {f.subject for f in outcome.findings} == {
        "configmaps default/entry-sample",
        "configmaps default/entry-third",
    }


def test_many_orphans_are_cut_short(recording: Recording) -> None:
    names = [f"page-{number:02}" for number in range(22)]
    for name in names:
        recording.call(2, "create", "configmaps", name, code=201)

    findings = deleted(recording, *(child("ConfigMap", name) for name in names)).findings

    assert len(findings) == 21
    assert findings[-1].title == "2 more objects were left behind"


def test_a_stuck_finalizer_is_named(recording: Recording) -> None:
    recording.log(22, "cannot reach the database")

    (finding,) = deleted(
        recording,
        child("Guestbook", "sample", uid="book-1", finalizers=["example.com/cleanup"]),
        child("ConfigMap", "page", owner="book-1"),
    ).findings

    assert finding.title == (
        "Guestbook sample is still there 10 s after its deletion: the finalizer "
        "example.com/cleanup was not removed"
    )
    assert "  configmaps default/page (by its ownerReferences)" in finding.detail
    assert "cannot reach the database" in finding.detail
    assert finding.evidence[0].file == f"evidence/timeline/{BOOKS}.ndjson"


def test_an_object_that_stays_without_finalizer_fails_too(recording: Recording) -> None:
    (finding,) = deleted(recording, child("Guestbook", "sample", uid="book-1")).findings

    assert finding.title.endswith("without a finalizer")


def test_a_new_object_of_the_same_name_is_not_the_deleted_one(recording: Recording) -> None:
    assert deleted(recording, child("Guestbook", "sample", uid="book-9")).status is Status.PASS


def test_resources_are_guessed_where_a_snapshot_names_none(recording: Recording) -> None:
    bodies = []
    for kind, plural in (("Ingress", "ingresses"), ("NetworkPolicy", "networkpolicies")):
        recording.call(2, "create", f"{plural}.networking.k8s.io", "web", code=201)
        body = child("ConfigMap", "web") | {"apiVersion": "networking.k8s.io/v1", "kind": kind}
        del body["resource"]
        bodies.append(body)
    core = child("ConfigMap", "page", owner="book-1")
    del core["resource"]

    outcome = deleted(recording, *bodies, core)

    assert [f.subject for f in outcome.findings] == [
        "ingresses.networking.k8s.io default/web",
        "networkpolicies.networking.k8s.io default/web",
        "configmaps default/page",
    ]


class TestEvidence:
    def test_without_audit_leaves_it_open_unless_something_was_found(
        self, recording: Recording
    ) -> None:
        recording.record(GapRecord(span=span(21, 22), source="audit", reason="disk full"))

        outcome = deleted(recording)

        assert outcome.status is Status.NOT_VERIFIED
        assert outcome.reason == (
            "AUDIT EVIDENCE IS MISSING: disk full; what has ownerReferences is gone"
        )

    def test_without_audit_still_finds_what_is_owned(self, recording: Recording) -> None:
        recording.run.audit_log.unlink()

        assert deleted(recording, child("ConfigMap", "page", owner="book-1")).findings

    def test_without_installation_or_cluster_attributes_by_ownership_only(
        self, recording: Recording
    ) -> None:
        recording.run.installation_file.unlink()
        recording.call(2, "update", "services", "web")

        outcome = deleted(recording, child("ConfigMap", "page", managers=("manager",)))

        assert outcome.status is Status.NOT_VERIFIED

    def test_without_a_snapshot_decides_nothing(self, recording: Recording) -> None:
        recording.stimulus(20.1, Action.DELETE)
        for after in (None, "lost", ["lost"]):
            phase = recording.phase(20, 30, "LIF-001", objects=(BOOK,), facts={"after": after})
            outcome = judge("LIF-001", recording.evidence, phase)
            assert outcome.reason == "no snapshot was taken after the deletion"

    def test_without_a_deletion_decides_nothing(self, recording: Recording) -> None:
        recording.stimulus(12, Action.DELETE)  # before the window
        recording.stimulus(21, Action.UPDATE)
        recording.stimulus(22, Action.DELETE, OTHER)
        recording.stimulus(23, Action.RESTART, None)
        phase = recording.phase(20, 30, "LIF-001", objects=(BOOK,))

        outcome = judge("LIF-001", recording.evidence, phase)

        assert outcome.reason == "no deletion was asked for in its window"

    def test_of_a_cluster_without_garbage_collector_decides_nothing(
        self, recording: Recording
    ) -> None:
        recording.cluster(without=("gc",))

        assert "it needs gc" in deleted(recording).reason

    def test_without_any_trace_of_the_creation_trusts_ownership_only(
        self, recording: Recording
    ) -> None:
        recording.stimulus(20.1, Action.DELETE)
        recording.snapshot(29, "after", child("ConfigMap", "entry"))
        recording.call(2, "create", "configmaps", "entry", code=201)
        recording.call(31, "list", "pods", user=HARNESS)
        phase = recording.phase(20, 30, "LIF-001", objects=(BOOK,), facts={"after": ["after"]})

        assert judge("LIF-001", recording.evidence, phase).status is Status.PASS
