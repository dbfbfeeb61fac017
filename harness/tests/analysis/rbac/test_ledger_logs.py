"""The ledger counts each request once and by whom it was, whatever became of the log's files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from harness.analysis.rbac.ledger import ledger
from harness.model.access import GrantState, GrantUse
from harness.tests.analysis.rbac.access import bound, record, rule
from harness.tests.analysis.recording import HARNESS, Recording, at

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "system:serviceaccount:books-system:manager-metrics"


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    found = Recording(tmp_path)
    found.run.audit_log.unlink()  # each test writes its own log, from its first line on
    record(found, bound(rule("get", "configmaps"), rule("create", "configmaps")))
    return found


def used(recording: Recording, verb: str = "get") -> GrantUse:
    book = ledger(recording.evidence)
    assert book.gap == ""
    return next(use for use in book.uses if use.grant.verbs == (verb,))


def lines(recording: Recording) -> list[bytes]:
    return recording.run.audit_log.read_bytes().splitlines(keepends=True)


def test_a_line_that_was_cut_off_is_left_out_and_the_rest_counts(recording: Recording) -> None:
    for second in (1, 2, 3):
        recording.call(second, "get", "configmaps", f"c{second}")
    whole = recording.run.audit_log.read_bytes()
    recording.run.audit_log.write_bytes(whole[:-40])
    use = used(recording)
    assert (use.count, use.names) == (2, ("c1", "c2"))
    assert use.last_ns == at(2).wall_ns


def test_noise_between_lines_is_left_out_and_line_numbers_stay_true(recording: Recording) -> None:
    recording.call(1, "create", "configmaps", "x")
    with recording.run.audit_log.open("ab") as log:
        log.write(b"\x00\xff noise\n")
    recording.call(2, "get", "configmaps", "c")
    assert (used(recording).count, used(recording).line) == (1, 3)


def test_lines_out_of_order_give_the_same_first_and_last_moment(recording: Recording) -> None:
    for second in (3, 1, 2):
        recording.call(second, "get", "configmaps", f"c{second}")
    use = used(recording)
    assert (use.count, use.first_ns, use.last_ns) == (3, at(1).wall_ns, at(3).wall_ns)
    assert use.line == 2


def test_rotated_files_count_as_one_log_and_name_the_file_of_the_first_use(
    recording: Recording,
) -> None:
    recording.call(1, "get", "configmaps", "old")
    log = recording.run.audit_log
    rotated = log.rename(log.with_name(f"{log.stem}-2027-01-15T08-00-01.000.log"))
    recording.call(2, "get", "configmaps", "new")
    use = used(recording)
    assert (use.count, use.names) == (2, ("old", "new"))
    assert (use.file, use.line) == (rotated.name, 1)


def test_a_request_whose_stages_lie_in_two_files_counts_once(recording: Recording) -> None:
    recording.call(1, "get", "configmaps", "c", stage="ResponseStarted", auditID="same")
    log = recording.run.audit_log
    log.rename(log.with_name(f"{log.stem}-2027-01-15T08-00-01.000.log"))
    recording.call(1, "get", "configmaps", "c", auditID="same")
    assert used(recording).count == 1


def test_lines_that_repeat_count_once_even_a_whole_file_of_them(recording: Recording) -> None:
    for second in range(1, 50):
        recording.call(second, "get", "configmaps", f"c{second}")
    log = recording.run.audit_log
    log.with_name(f"{log.stem}-2027-01-15T08-00-01.000.log").write_bytes(log.read_bytes())
    log.write_bytes(b"".join(line * 2 for line in lines(recording)))
    assert used(recording).count == 49


def test_a_request_that_panicked_has_used_its_grant(recording: Recording) -> None:
    recording.call(1, "get", "configmaps", "c", stage="Panic", code=500)
    assert (used(recording).count, used(recording).state) == (1, GrantState.USED)


def test_a_panic_after_its_start_counts_once(recording: Recording) -> None:
    recording.call(1, "get", "configmaps", "c", stage="ResponseStarted", auditID="same")
    recording.call(1, "get", "configmaps", "c", stage="Panic", code=500, auditID="same")
    recording.call(1, "get", "configmaps", "c", stage="ResponseComplete", auditID="same")
    assert used(recording).count == 1


@pytest.mark.parametrize("stranger", [HARNESS, OTHER, "system:serviceaccount:other:manager"])
def test_other_identities_use_nothing_and_deny_nothing(recording: Recording, stranger: str) -> None:
    recording.call(1, "create", "configmaps", "mine")
    for second in range(2, 9):
        recording.call(second, "get", "configmaps", "c", user=stranger)
    assert used(recording).state is GrantState.UNOBSERVED
    assert used(recording, "create").count == 1


def test_a_request_as_somebody_else_is_that_ones_use(recording: Recording) -> None:
    recording.call(1, "create", "configmaps", "mine")
    recording.call(2, "get", "configmaps", "c", impersonatedUser={"username": OTHER})
    assert used(recording).state is GrantState.UNOBSERVED


def test_a_log_of_other_identities_alone_is_a_gap_told_loudly(recording: Recording) -> None:
    recording.call(1, "get", "configmaps", "c", user=OTHER)
    gap = ledger(recording.evidence).gap
    assert gap.startswith("AUDIT EVIDENCE IS MISSING")
    assert "books-system:manager" in gap


def test_a_log_of_torn_lines_alone_is_a_gap(recording: Recording) -> None:
    recording.run.audit_log.write_bytes(json.dumps({"kind": "Event"}).encode()[:10])
    assert ledger(recording.evidence).gap.startswith("AUDIT EVIDENCE IS MISSING")
