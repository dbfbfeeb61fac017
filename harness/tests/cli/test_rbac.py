"""`harness rbac`, on a run that has been judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from click.testing import CliRunner

from harness.cli.rbac import rbac
from harness.errors import UsageError
from harness.evidence.folder import RunFolder
from harness.model.access import RbacReport
from harness.reporting import write_reports
from harness.tests.reporting.permissions import PERMISSIONS
from harness.tests.reporting.results import passing

if TYPE_CHECKING:
    from pathlib import Path


def judged(folder: Path, permissions: RbacReport | None) -> str:
    run = folder / "run"
    run.mkdir()
    (run / "run.json").write_text("{}")
    write_reports(msgspec.structs.replace(passing(), permissions=permissions), RunFolder(run))
    return str(run)


def said(*words: str) -> str:
    done = CliRunner().invoke(rbac, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_explain_names_rule_use_and_evidence_of_each_grant(tmp_path: Path) -> None:
    output = said("explain", judged(tmp_path, PERMISSIONS), "secrets")
    assert "get, list, watch secrets in all namespaces: used" in output
    assert "ClusterRole manager-role, rule 0, bound by ClusterRoleBinding manager" in output
    assert "once: watch (cluster-wide)" in output
    assert "evidence/audit.log:12" in output
    assert "dangerous    RBA-103" in output
    assert "delete secrets in all namespaces: not observed" in output


def test_explain_of_what_is_not_granted_says_what_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'secret'") as error:
        said("explain", judged(tmp_path, PERMISSIONS), "secret")
    assert "secrets" in error.value.hint


@pytest.mark.parametrize("words", [("explain", "nowhere", "secrets"), ("minimal", "nowhere")])
def test_a_folder_that_is_no_run_is_wrong_usage(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="nowhere is no run folder") as error:
        said(*words)
    assert "harness runs list" in error.value.hint


def test_minimal_prints_the_roles_and_nothing_else(tmp_path: Path) -> None:
    assert said("minimal", judged(tmp_path, PERMISSIONS)) == PERMISSIONS.minimal


def test_minimal_is_also_a_diff_and_markers(tmp_path: Path) -> None:
    run = judged(tmp_path, PERMISSIONS)
    assert said("minimal", run, "--diff") == PERMISSIONS.diff
    assert said("minimal", run, "--markers").splitlines() == list(PERMISSIONS.markers)


def test_where_nothing_is_granted_in_vain_the_diff_says_so(tmp_path: Path) -> None:
    exact = msgspec.structs.replace(PERMISSIONS, diff="")
    assert said("minimal", judged(tmp_path, exact), "--diff").startswith("# Nothing is granted")


def test_minimal_of_a_run_with_a_gap_says_why_there_is_none(tmp_path: Path) -> None:
    torn = RbacReport(uses=PERMISSIONS.uses, gap="the audit log is torn")
    with pytest.raises(UsageError, match="torn"):
        said("minimal", judged(tmp_path, torn))


def test_a_run_without_permissions_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing about permissions") as error:
        said("explain", judged(tmp_path, None), "secrets")
    assert error.value.hint
