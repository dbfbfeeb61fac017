"""Who looks at the audit log again and again sees the whole of it, and reads each line once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.evidence.audit import audit_files, final_calls, read_audit
from harness.evidence.folder import RunFolder
from harness.evidence.follower import AuditFollower
from harness.evidence.reader import Evidence
from harness.tests.evidence.test_audit import line

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.records import ApiCall


class Growing:
    """A run whose audit log grows.

    Args:
        folder: Of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.run = RunFolder(folder)
        self.run.evidence.mkdir(parents=True)
        self.follower = AuditFollower(self.run)

    def write(self, *lines: bytes) -> None:
        """Appends lines."""
        with self.run.audit_log.open("ab") as file:
            file.write(b"".join(lines))

    @property
    def size(self) -> int:
        """Bytes of the live log."""
        return self.run.audit_log.stat().st_size

    def anew(self) -> list[ApiCall]:
        """Returns what a reader sees that begins now."""
        return list(final_calls(read_audit(audit_files(self.run))))


@pytest.fixture
def log(tmp_path: Path) -> Growing:
    return Growing(tmp_path / "run")


def test_each_line_is_read_once_however_often_windows_close(log: Growing) -> None:
    for window in range(20):
        log.write(*(line(f"{window}-{number}") for number in range(50)))
        for _ in range(3):  # checks of the window
            evidence = Evidence(log.run, audit=log.follower)
            assert len(evidence.calls()) == 50 * (window + 1)
    assert log.follower.bytes_read == log.size


def test_what_it_sees_is_what_a_new_reader_sees(log: Growing) -> None:
    pieces = [
        (line("watch", "ResponseStarted"), line("1")),
        (line("2", "RequestReceived"),),
        (line("2"), line("1"), line("3", "RequestReceived", annotations={})),
        (line("3", "ResponseStarted"), b"no event\n", line("4")),
        (line("watch"),),
    ]
    for piece in pieces:
        log.write(*piece)
        assert list(log.follower.calls()) == log.anew()


def test_an_earlier_look_stays_as_it_was(log: Growing) -> None:
    log.write(line("1"), line("2", "RequestReceived"))
    before = log.follower.calls()
    log.write(line("2"), line("3"))
    log.follower.calls()
    assert [call.audit_id for call in before] == ["1", "2"]
    assert before[1].stage == "RequestReceived"


def test_a_line_that_is_half_written_is_read_when_it_is_whole(log: Growing) -> None:
    whole = line("1")
    log.write(whole[:40])
    assert not log.follower.calls()
    log.write(whole[40:])
    assert [call.line for call in log.follower.calls()] == [1]


def test_after_a_rotation_all_is_read_once_more(log: Growing) -> None:
    log.write(line("1"), line("2"))
    log.follower.calls()
    log.run.audit_log.rename(log.run.audit_log.with_name("audit-2026-01-02T03-04-05.log"))
    log.write(line("3"))
    found = log.follower.calls()
    assert list(found) == log.anew()
    assert [(call.file, call.line) for call in found] == [
        ("audit-2026-01-02T03-04-05.log", 1),
        ("audit-2026-01-02T03-04-05.log", 2),
        ("audit.log", 1),
    ]


def test_a_log_that_is_not_there_is_empty(log: Growing) -> None:
    assert not log.follower.calls()
    log.write(line("1"))
    assert len(log.follower.calls()) == 1
