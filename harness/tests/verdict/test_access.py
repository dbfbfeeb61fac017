"""The checklists of permissions and scope: one row for each thing that a reader has to act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.analysis import judge
from harness.catalogue import load_catalogue
from harness.model.access import RbacReport
from harness.model.findings import (
    CheckOutcome,
    EvidenceRef,
    Excuse,
    Finding,
    Holder,
    Severity,
    Status,
)
from harness.model.target import Waiver
from harness.tests.analysis.rbac.access import bound, record, rule
from harness.verdict import decide

if TYPE_CHECKING:
    from harness.model.checklists import AccessChecklist
    from harness.model.result import RunResult
    from harness.tests.analysis.recording import Recording

HOLDER = Holder(identity="sa", role="ClusterRole r", binding="ClusterRoleBinding b", rules=(1,))


def finding(subject: str, check: str = "RBA-103") -> Finding:
    return Finding(
        check=check,
        severity=Severity.MINOR,
        title=f"{subject} grants the operator get secrets",
        subject=subject,
        remedy="Read by\n  resourceNames.",
        snippet="- verbs: [get]",
        evidence=(EvidenceRef(file="evidence/audit.log", line=3),),
        holder=HOLDER,
    )


def failed(*findings: Finding) -> CheckOutcome:
    return CheckOutcome(check=findings[0].check, status=Status.FAIL, findings=findings)


def decided(recording: Recording, *outcomes: CheckOutcome, **more: Any) -> RunResult:
    return decide(
        evidence=recording.evidence, outcomes=outcomes, catalogue=load_catalogue(), **more
    )


def the_list(result: RunResult, name: str = "permissions") -> AccessChecklist:
    (found,) = [item for item in result.checklists if item.name == name]
    return found


def test_each_finding_is_a_row_with_all_that_mends_it(recording: Recording) -> None:
    outcome = failed(finding("ClusterRole a"), finding("Role ns/b"))
    rows = the_list(decided(recording, outcome)).items
    assert [(row.id, row.state, row.subject) for row in rows] == [
        ("RBA-103", Status.FAIL, "ClusterRole a"),
        ("RBA-103", Status.FAIL, "Role ns/b"),
    ]
    row = rows[0]
    assert row.holder == HOLDER
    assert "CIS 5.1.2" in row.controls
    assert row.evidence[0].line == 3
    assert row.remediation == "Read by resourceNames.\n- verbs: [get]"
    assert row.waiver is None


def test_a_waived_finding_is_a_waived_row_with_reason_day_and_link(recording: Recording) -> None:
    waiver = Waiver(
        check="RBA-103",
        match="ClusterRole a",
        reason="the scaffold's",
        expires="2027-06-01",
        link="https://example.com/1",
    )
    recording.target(waivers=(waiver,))
    outcome = failed(finding("ClusterRole a"), finding("Role ns/b"))
    rows = {row.subject: row for row in the_list(decided(recording, outcome)).items}
    assert rows["ClusterRole a"].state is Status.WAIVED
    assert rows["ClusterRole a"].waiver == Excuse(
        reason="the scaffold's", expires="2027-06-01", link="https://example.com/1"
    )
    assert rows["Role ns/b"].state is Status.FAIL


def test_a_check_without_findings_is_one_row_with_its_reason(recording: Recording) -> None:
    rows = the_list(
        decided(
            recording,
            CheckOutcome(check="RBA-102", status=Status.PASS),
            CheckOutcome(check="RBA-004", status=Status.NOT_VERIFIED, reason="no audit log"),
        )
    ).items
    assert [(row.id, row.state, row.reason) for row in rows] == [
        ("RBA-102", Status.PASS, ""),
        ("RBA-004", Status.NOT_VERIFIED, "no audit log"),
    ]


def test_scope_is_a_list_of_its_own_and_other_families_are_in_none(recording: Recording) -> None:
    scope = next(check for check in load_catalogue() if check.startswith("SCO-"))
    result = decided(
        recording,
        CheckOutcome(check=scope, status=Status.PASS),
        CheckOutcome(check="INS-001", status=Status.PASS),
    )
    assert [(item.name, len(item.items)) for item in result.checklists] == [("scope", 1)]


def test_a_gap_of_the_audit_evidence_stands_over_the_list(recording: Recording) -> None:
    outcome = CheckOutcome(check="RBA-102", status=Status.PASS)
    report = RbacReport(gap="AUDIT EVIDENCE IS MISSING: the audit log is absent or empty")
    assert the_list(decided(recording, outcome, permissions=report)).gap == report.gap
    assert the_list(decided(recording, outcome)).gap == ""


def test_a_check_that_lacks_audit_evidence_makes_a_gap_of_its_list(recording: Recording) -> None:
    reason = "AUDIT EVIDENCE IS MISSING: torn"
    outcome = CheckOutcome(check="RBA-004", status=Status.NOT_VERIFIED, reason=reason)
    assert the_list(decided(recording, outcome)).gap == reason


def test_a_dangerous_grant_names_its_holder_its_rule_and_its_first_use(
    recording: Recording,
) -> None:
    record(recording, bound(rule("create", "pods"), rule("get list watch", "secrets")))
    recording.call(2, "list", "secrets", namespace="a")
    (row,) = the_list(decided(recording, judge("RBA-103", recording.evidence, None))).items
    assert row.holder is not None
    assert (row.holder.role, row.holder.rules) == ("ClusterRole manager-role", (1,))
    assert [(ref.file, ref.line) for ref in row.evidence] == [
        ("evidence/access/1-installed.json", 0),
        ("evidence/audit.log", 2),
    ]
    assert 'resources: ["secrets"]' in row.remediation
    assert 'verbs: ["list"]' in row.remediation


def test_a_dangerous_grant_that_nothing_used_is_the_first_to_go(recording: Recording) -> None:
    record(recording, bound(rule("get list watch", "secrets")))
    (row,) = the_list(decided(recording, judge("RBA-103", recording.evidence, None))).items
    assert "Not seen in use" in row.remediation
    assert "get, list, watch secrets" in row.remediation
    assert [ref.line for ref in row.evidence] == [0]
