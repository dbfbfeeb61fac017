"""REC-002 and REC-004: what counts as a write, and what doesn't."""

from __future__ import annotations

import pytest

from harness.analysis import judge
from harness.model.findings import CheckOutcome, Severity, Status
from harness.model.records import GapRecord
from harness.tests.analysis.recording import BOOK, BOOKS, HARNESS, Recording, book, child, span


def at_rest(recording: Recording, *, end: float = 20) -> CheckOutcome:
    recording.call(end + 1, "list", "pods", user=HARNESS)
    phase = recording.phase(10, end, "REC-002", name="sample/silence", subject="sample")
    return judge("REC-002", recording.evidence, phase)


def watched(recording: Recording, *stamps: float) -> None:
    body = {"metadata": {"namespace": "default", "name": "page", "uid": "page"}}
    recording.event(1, "ADDED", body, resource="configmaps")
    for stamp in stamps:
        recording.event(stamp, "MODIFIED", body, resource="configmaps")


def test_an_operator_that_only_reads_is_silent(recording: Recording) -> None:
    recording.call(12, "get", "configmaps", "page")
    recording.call(13, "watch", BOOKS)

    assert at_rest(recording).status is Status.PASS


def test_writes_fail_with_verbs_resources_names_counts_and_rate(recording: Recording) -> None:
    for second in range(11, 20):
        recording.call(second, "update", "configmaps", "page")
    recording.call(15.5, "patch", "services", "web", subresource="status")

    outcome = at_rest(recording)

    assert outcome.status is Status.FAIL
    (finding,) = outcome.findings
    assert finding.severity is Severity.BLOCKER
    assert finding.title == (
        "The operator wrote 10 times in 10 s at rest: "
        "update configmaps page, patch services/status web"
    )
    assert finding.subject == "sample"
    assert "9 x update configmaps default/page (0.90/s, first 1.0 s into the window)" in (
        finding.detail
    )
    assert "Seen: 1.00 writes/s" in finding.detail
    assert finding.evidence[0].file == "evidence/audit.log"
    assert finding.evidence[0].line == 2
    assert finding.evidence[0].excerpt.startswith("update /apis/")
    assert finding.window == "sample/silence"


def test_what_the_last_write_changed_is_shown(recording: Recording) -> None:
    for second in (9, 11, 12):
        body = child("ConfigMap", "page", annotations={"touched.example/at": str(second)})
        recording.event(second + 0.01, "MODIFIED", body, resource="configmaps")
        recording.call(second, "update", "configmaps", "page")

    (finding,) = at_rest(recording).findings

    assert finding.subject == "configmaps default/page"
    assert finding.title.endswith(": update ConfigMap page")
    assert (
        "What the last write to configmaps default/page changed:\n"
        '  metadata.annotations["touched.example/at"]: "11" -> "12"'
    ) in finding.detail


def test_one_write_is_told_as_once(recording: Recording) -> None:
    recording.call(11, "deletecollection", "configmaps", code=200)

    assert at_rest(recording).findings[0].title.startswith("The operator wrote once in 10 s")


@pytest.mark.parametrize(
    ("verb", "resource", "changes"),
    [
        ("update", "leases.coordination.k8s.io", {}),
        ("create", "events", {"code": 201}),
        ("patch", "events.events.k8s.io", {}),
        ("create", "subjectaccessreviews.authorization.k8s.io", {"code": 201}),
        ("create", "selfsubjectaccessreviews.authorization.k8s.io", {"code": 201}),
        ("create", "tokenreviews.authentication.k8s.io", {"code": 201}),
        ("create", "serviceaccounts", {"code": 201, "subresource": "token"}),
        ("update", "configmaps", {"code": 409}),
        ("update", "configmaps", {"code": 403, "decision": "forbid"}),
        ("update", "configmaps", {"decision": "forbid"}),
        ("update", "configmaps", {"uri": "/api/v1/configmaps/page?dryRun=All"}),
        ("update", "configmaps", {"user": HARNESS}),
        ("update", "configmaps", {"user": "system:serviceaccount:other:manager"}),
    ],
)
def test_what_is_no_write_of_the_operator_does_not_count(
    recording: Recording, verb: str, resource: str, changes: dict[str, object]
) -> None:
    recording.call(15, verb, resource, "page", **changes)  # type: ignore[arg-type]  # one case each

    assert at_rest(recording).status is Status.PASS


def test_writes_outside_the_window_do_not_count(recording: Recording) -> None:
    recording.call(9.99, "update", "configmaps", "page")
    recording.call(20.01, "update", "configmaps", "page")

    assert at_rest(recording).status is Status.PASS


def test_a_write_under_impersonation_counts(recording: Recording) -> None:
    recording.call(15, "update", "configmaps", "p", impersonatedUser={"username": "someone"})

    assert at_rest(recording).status is Status.FAIL


def test_writes_that_change_nothing_are_only_a_minor_finding(recording: Recording) -> None:
    watched(recording)
    recording.call(12, "update", "configmaps", "page")
    recording.call(13, "update", "configmaps", "page")

    outcome = at_rest(recording)

    (finding,) = outcome.findings
    assert outcome.status is Status.FAIL
    assert finding.severity is Severity.MINOR
    assert finding.title.startswith("The operator sent 2 writes that changed nothing in 10 s")


def test_writes_that_change_something_are_told_apart_from_those_that_do_not(
    recording: Recording,
) -> None:
    watched(recording, 12.02)
    recording.call(12, "update", "configmaps", "page")
    recording.call(18.5, "update", "configmaps", "page")

    (finding,) = at_rest(recording).findings

    assert finding.severity is Severity.BLOCKER
    assert "wrote once" in finding.title
    assert "writes that changed nothing (no watch event followed)" in finding.detail


def test_one_idle_write_is_told_in_the_singular(recording: Recording) -> None:
    watched(recording)
    recording.call(12, "update", "configmaps", "page")

    (finding,) = at_rest(recording).findings

    assert finding.title.startswith("The operator sent one write that changed nothing in 10 s")


class TestAnIdleWrite:
    """Isn't excused by an event that somebody else's write has caused."""

    def idle(self, recording: Recording, *, end: float = 20) -> bool:
        (finding,) = at_rest(recording, end=end).findings
        return finding.severity is Severity.MINOR

    def test_before_a_deletion_that_follows_the_window(self, recording: Recording) -> None:
        watched(recording)
        recording.call(17, "update", "configmaps", "page")
        gone = {"metadata": {"namespace": "default", "name": "page", "uid": "page"}}
        recording.event(20.5, "DELETED", gone, resource="configmaps")

        assert self.idle(recording)

    def test_before_a_change_of_the_suite(self, recording: Recording) -> None:
        watched(recording, 20.51)
        recording.call(17, "update", "configmaps", "page")
        recording.call(20.5, "patch", "configmaps", "page", user=HARNESS)

        assert self.idle(recording)

    def test_before_a_write_of_the_operator_after_the_window(self, recording: Recording) -> None:
        watched(recording, 20.51)
        recording.call(17, "update", "configmaps", "page")
        recording.call(20.5, "update", "configmaps", "page")

        assert self.idle(recording)

    def test_is_told_from_an_effective_one_beside_a_controllers(self, recording: Recording) -> None:
        watched(recording, 12.01, 12.03)
        recording.call(12, "update", "configmaps", "page")
        recording.call(12.02, "update", "configmaps", "page", user=HARNESS)
        recording.call(15, "update", "configmaps", "page")

        (finding,) = at_rest(recording).findings

        assert "wrote once" in finding.title
        assert "first 5.0 s into the window" in finding.detail


def test_a_write_whose_event_overtakes_that_of_another_is_effective(recording: Recording) -> None:
    watched(recording, 12.3, 12.31)
    recording.call(12, "update", "configmaps", "page")
    recording.call(12.1, "update", "configmaps", "page", user=HARNESS)

    assert at_rest(recording).findings[0].severity is Severity.BLOCKER


def test_the_removal_of_the_last_finalizer_is_effective(recording: Recording) -> None:
    watched(recording)
    recording.call(12, "patch", "configmaps", "page")
    going = {"namespace": "default", "name": "page", "uid": "page", "deletionTimestamp": "now"}
    recording.event(12.01, "DELETED", {"metadata": going}, resource="configmaps")

    assert at_rest(recording).findings[0].severity is Severity.BLOCKER


def test_a_write_to_an_object_that_nobody_watched_counts_as_effective(recording: Recording) -> None:
    watched(recording)
    recording.call(12, "update", "configmaps", "other")

    assert at_rest(recording).findings[0].severity is Severity.BLOCKER


def test_a_write_while_the_watch_was_relisted_counts_as_effective(recording: Recording) -> None:
    watched(recording)
    recording.call(12, "update", "configmaps", "page")
    recording.event(12.5, "GAP", {}, resource="configmaps")

    assert at_rest(recording).findings[0].severity is Severity.BLOCKER


def test_a_write_while_the_watch_was_broken_counts_as_effective(recording: Recording) -> None:
    watched(recording)
    recording.call(12, "update", "configmaps", "page")
    recording.record(
        GapRecord(span=span(11, 13), source="timeline/configmaps", reason="disconnected")
    )

    assert at_rest(recording).findings[0].severity is Severity.BLOCKER


def test_many_kinds_of_writes_are_cut_short(recording: Recording) -> None:
    for number in range(25):
        recording.call(11 + number / 10, "create", "configmaps", f"page-{number}", code=201)

    (finding,) = at_rest(recording).findings

    assert "and 23 more" in finding.title
    assert "and 5 more kinds of request" in finding.detail


class TestAuditEvidence:
    """Without it there is no pass."""

    def test_without_an_audit_log(self, recording: Recording) -> None:
        phase = recording.phase(10, 20, "REC-002")
        recording.run.audit_log.unlink()

        outcome = judge("REC-002", recording.evidence, phase)

        assert outcome.status is Status.NOT_VERIFIED
        assert "AUDIT EVIDENCE IS MISSING" in outcome.reason

    def test_without_any_request_of_the_operator(self, recording: Recording) -> None:
        recording.install(service_account="system:serviceaccount:elsewhere:manager")

        outcome = at_rest(recording)

        assert outcome.status is Status.NOT_VERIFIED
        assert "no request of system:serviceaccount:elsewhere:manager" in outcome.reason

    def test_of_a_log_that_ends_before_the_middle_of_the_window(self, recording: Recording) -> None:
        phase = recording.phase(10, 20, "REC-002")

        outcome = judge("REC-002", recording.evidence, phase)

        assert outcome.status is Status.NOT_VERIFIED
        assert "ends before the window does" in outcome.reason

    def test_of_a_torn_last_line(self, recording: Recording) -> None:
        recording.call(15, "update", "configmaps", "page")
        text = recording.run.audit_log.read_bytes()
        recording.run.audit_log.write_bytes(text[:-30])
        phase = recording.phase(10, 20, "REC-002")

        assert judge("REC-002", recording.evidence, phase).status is Status.NOT_VERIFIED

    def test_with_a_known_gap(self, recording: Recording) -> None:
        recording.record(GapRecord(span=span(12, 13), source="audit", reason="disk full"))

        outcome = at_rest(recording)

        assert outcome.reason == "AUDIT EVIDENCE IS MISSING: disk full"

    def test_with_a_gap_elsewhere_is_whole(self, recording: Recording) -> None:
        recording.record(GapRecord(span=span(1, 2), source="audit", reason="disk full"))

        assert at_rest(recording).status is Status.PASS

    def test_of_a_cluster_that_has_none(self, recording: Recording) -> None:
        recording.cluster(without=("audit",))

        outcome = at_rest(recording)

        assert outcome.status is Status.NOT_VERIFIED
        assert outcome.reason == "it needs audit, which this cluster (local) doesn't offer"

    def test_before_the_operator_was_installed(self, recording: Recording) -> None:
        recording.run.installation_file.unlink()

        assert "identity isn't known" in at_rest(recording).reason


class TestRestart:
    """REC-004."""

    def restarted(self, recording: Recording, **facts: object) -> CheckOutcome:
        recording.call(31, "list", "pods", user=HARNESS)
        phase = recording.phase(
            10, 30, "REC-004", subject="sample", objects=(BOOK,), facts={"ready": True, **facts}
        )
        return judge("REC-004", recording.evidence, phase)

    def test_that_writes_nothing_passes(self, recording: Recording) -> None:
        assert self.restarted(recording).status is Status.PASS

    def test_that_writes_fails(self, recording: Recording) -> None:
        recording.call(15, "update", "deployments.apps", "web")

        (finding,) = self.restarted(recording).findings

        assert finding.title.startswith("The operator wrote once in 20 s after its restart")

    def test_after_which_it_did_not_come_back_is_not_verified(self, recording: Recording) -> None:
        outcome = self.restarted(recording, ready=False)

        assert outcome.status is Status.NOT_VERIFIED
        assert "did not come back" in outcome.reason

    def test_that_keeps_children_passes(self, recording: Recording) -> None:
        for name in ("before", "after"):
            recording.snapshot(9, name, child("Deployment", "web", owner="book-1"))

        outcome = self.restarted(recording, before="before", after="after")

        assert outcome.status is Status.PASS

    def test_that_replaces_or_removes_children_fails(self, recording: Recording) -> None:
        recording.snapshot(
            9,
            "before",
            child("Deployment", "web", owner="book-1", uid="1"),
            child("ConfigMap", "page", owner="book-1"),
            child("ConfigMap", "strange"),
        )
        recording.snapshot(29, "after", child("Deployment", "web", owner="book-1", uid="2"))

        outcome = self.restarted(recording, before="before", after="after")

        titles = [finding.title for finding in outcome.findings]
        assert titles == [
            "Deployment web was deleted and made anew (another uid) when the operator restarted",
            "ConfigMap page was removed when the operator restarted",
        ]

    def test_replaced_children_fail_even_without_audit_evidence(self, recording: Recording) -> None:
        recording.snapshot(9, "before", child("Deployment", "web", owner="book-1", uid="1"))
        recording.snapshot(29, "after")
        recording.record(GapRecord(span=span(12, 13), source="audit", reason="disk full"))

        assert self.restarted(recording, before="before", after="after").status is Status.FAIL

    def test_without_audit_evidence_and_unchanged_children_is_not_verified(
        self, recording: Recording
    ) -> None:
        recording.record(GapRecord(span=span(12, 13), source="audit", reason="disk full"))
        recording.event(1, "ADDED", book())

        assert self.restarted(recording).status is Status.NOT_VERIFIED
