"""The matrix of permissions, as data and on the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import pytest
import yaml

from harness.evidence.folder import RunFolder
from harness.model.access import GrantState, RbacReport
from harness.reporting import render_html, render_summary, write_reports
from harness.reporting.access import access_matrix
from harness.tests.reporting.permissions import (
    IDENTITY,
    PERMISSIONS,
    USES,
    checklists,
    hostile_permissions,
)
from harness.tests.reporting.results import passing

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.result import RunResult


def result(permissions: RbacReport | None) -> RunResult:
    return msgspec.structs.replace(passing(), permissions=permissions)


def test_there_is_one_matrix_for_each_identity_with_the_verbs_that_are_granted() -> None:
    (matrix,) = access_matrix(PERMISSIONS)
    assert matrix.identity == IDENTITY
    assert matrix.columns == ("get", "list", "watch", "create", "update", "delete")
    assert [row.key for row in matrix.rows] == [
        "secrets",
        "deployments.apps",
        "books.example.com/finalizers",
    ]
    assert (matrix.granted, matrix.used, matrix.dangerous) == (6, 1, 4)


def test_of_a_bundle_of_reads_the_verb_that_was_seen_is_used_and_the_others_go_with_it() -> None:
    (matrix,) = access_matrix(PERMISSIONS)
    states = [cell.state if cell else None for cell in matrix.rows[0].cells]
    assert states == [
        GrantState.INDIRECT,
        GrantState.INDIRECT,
        GrantState.USED,
        None,
        None,
        GrantState.UNOBSERVED,
    ]


def test_a_cell_says_in_words_what_its_shape_shows() -> None:
    (matrix,) = access_matrix(PERMISSIONS)
    cell = matrix.rows[0].cells[2]
    assert cell is not None
    assert cell.words == "used, dangerous (RBA-103)"


def test_where_two_rules_grant_the_same_the_one_that_was_used_shows() -> None:
    unused = msgspec.structs.replace(USES[0], state=GrantState.UNOBSERVED, used_verbs=(), count=0)
    (matrix,) = access_matrix(RbacReport(uses=(unused, USES[0])))
    assert [cell.state for cell in matrix.rows[0].cells if cell][-1] is GrantState.USED


def test_nothing_is_shown_where_nothing_is_known() -> None:
    assert access_matrix(None) == ()
    assert 'id="permissions"' not in render_html(result(None))


def test_the_page_shows_the_matrix_its_evidence_and_the_smallest_roles() -> None:
    page = render_html(result(PERMISSIONS))
    assert 'id="permissions"' in page
    assert "evidence/audit.log:12" in page
    assert "rbac-minimal.yaml" in page
    assert PERMISSIONS.markers[0] in page


def test_a_gap_in_the_evidence_is_said_first() -> None:
    page = render_html(result(RbacReport(uses=USES, gap="the audit log is torn")))
    assert "Use is not verified: the audit log is torn." in page
    assert "rbac-minimal.yaml" not in page


def test_what_an_operator_wrote_is_escaped() -> None:
    assert "<script>alert" not in render_html(
        result(hostile_permissions("<script>alert(1)</script>"))
    )


def test_each_cell_of_the_matrix_leads_to_the_grant_behind_it() -> None:
    twice = msgspec.structs.replace(
        USES[0], state=GrantState.UNOBSERVED, used_verbs=(), count=0, line=0
    )
    page = render_html(result(msgspec.structs.replace(PERMISSIONS, uses=(twice, *USES))))
    cells = re.findall(r'<a href="#(grant-[-\d]+)" class="grant', page)
    (matrix,) = access_matrix(msgspec.structs.replace(PERMISSIONS, uses=(twice, *USES)))
    assert len(cells) == matrix.granted
    for cell in cells:
        assert page.count(f'id="{cell}"') == 1
    used = page.index(f'id="{cells[0]}"')
    assert "evidence/audit.log:12" in page[used : page.index("</li>", used)], "the used one"


def test_the_checklist_shows_state_source_holder_evidence_remedy_and_waiver() -> None:
    page = render_html(passing())
    part = page[page.index('id="checklist-permissions"') : page.index('id="permissions"')]
    for words in (
        "CIS 5.1.2",
        "rule 0, 2, by ClusterRole manager-role",
        IDENTITY,
        "evidence/audit.log:12",
        "Read by resourceNames.",
        "Waived until 2027-06-01",
        "https://example.com/1",
        "the audit log is torn",
    ):
        assert words in part
    assert re.findall(r'data-status="(\w+)"', part) == ["fail", "waived", "not_verified", "pass"]


def test_a_gap_stands_before_the_checklist_on_the_page_and_in_the_summary() -> None:
    held = msgspec.structs.replace(passing(), checklists=checklists("x", gap="nobody kept a log"))
    page, summary = render_html(held), render_summary(held)
    assert "must not be read as passed." in page
    assert page.index("Nobody kept a log.") < page.index('id="checklist-1"')
    assert "**Not verified: nobody kept a log.**" in summary
    assert "1 fail, 1 waived, 1 not verified, 1 pass" in summary


@pytest.mark.parametrize("minimal", ["", PERMISSIONS.minimal])
def test_the_roles_are_a_file_of_their_own(tmp_path: Path, minimal: str) -> None:
    (tmp_path / "run").mkdir()
    folder = RunFolder(tmp_path / "run")
    write_reports(result(msgspec.structs.replace(PERMISSIONS, minimal=minimal)), folder)
    file = folder.report("rbac-minimal.yaml")
    assert file.exists() is bool(minimal)
    assert not minimal or list(yaml.safe_load_all(file.read_text())) == [{"kind": "ClusterRole"}]
