"""Evidence windows: what is recorded, who judges, and how a test ends."""

from typing import Any

import pytest

from harness.clock import FakeClock
from harness.errors import NotVerified, OperatorFault
from harness.model.findings import CheckOutcome, Finding, Severity, Status
from harness.model.records import JudgedRecord, Phase, Wait
from harness.model.resource import ObjectKey
from harness.model.time import Span, Stamp
from harness.pytest_plugin import windows as module
from harness.pytest_plugin.waiting import Unmet
from harness.pytest_plugin.windows import Windows

NOW = Stamp(mono_ns=0, wall_ns=0)
UNMET = Unmet(
    "not ready after 60 s",
    wait=Wait(
        awaited="ready",
        subject=ObjectKey(resource="guestbooks.example.org", name="a"),
        span=Span(start=NOW, end=NOW),
        met=False,
        timeout_s=60,
    ),
)
FINDING = Finding(check="REC-002", severity=Severity.BLOCKER, title="It wrote 9 times at rest.")


class Suite:
    """A suite's context without a cluster."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.records: list[Any] = []
        self.evidence = object()

    def record(self, record: Any) -> None:
        self.records.append(record)

    def phases(self) -> list[Phase]:
        return [record for record in self.records if isinstance(record, Phase)]


@pytest.fixture
def suite() -> Suite:
    return Suite()


@pytest.fixture
def window(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Windows:
    monkeypatch.setattr(Windows, "settle", lambda *_: None)
    return Windows(suite, test=lambda: "test_it")  # type: ignore[arg-type]


def says(monkeypatch: pytest.MonkeyPatch, status: Status, *findings: Finding) -> None:
    def judge(check: str, _evidence: object, _phase: object) -> CheckOutcome:
        reason = "no audit log" if status is Status.NOT_VERIFIED else ""
        return CheckOutcome(check=check, status=status, findings=findings, reason=reason)

    monkeypatch.setattr(module, "judge", judge)


def test_a_closed_window_is_recorded_with_its_checks_and_facts_and_judged(
    suite: Suite, window: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, Status.PASS)
    with window("silence", checks=["REC-002"], subject="sample") as seen:
        suite.clock.advance(10)
        seen.facts["seconds"] = 10
    (phase,) = suite.phases()
    assert (phase.name, phase.checks, phase.test) == ("sample/silence", ("REC-002",), "test_it")
    assert phase.span.seconds == 10
    assert phase.facts == {"seconds": 10}
    assert isinstance(suite.records[-1], JudgedRecord)
    assert window.checks_of == {"test_it": ["REC-002"]}


def test_a_failed_check_ends_the_test_with_its_finding(
    window: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, Status.FAIL, FINDING)
    with pytest.raises(OperatorFault, match="9 times") as caught, window("w", checks=["REC-002"]):
        pass
    assert caught.value.findings == (FINDING,)


def test_an_undecided_check_ends_the_test_as_not_verified_with_the_reason(
    window: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, Status.NOT_VERIFIED)
    with (
        pytest.raises(NotVerified, match="REC-002 not verified: no audit log"),
        window("w", checks=["REC-002"]),
    ):
        pass


def test_an_unmet_wait_leaves_the_verdict_to_the_judge(
    suite: Suite, window: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, Status.FAIL, FINDING)
    with pytest.raises(OperatorFault), window("w", checks=["REC-001"]):
        raise UNMET
    assert suite.phases()[0].checks == ("REC-001",)


def test_an_unmet_wait_that_no_check_explains_fails_the_test_itself(
    window: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, Status.PASS)
    with pytest.raises(Unmet), window("w", checks=["REC-001"]):
        raise UNMET
    with pytest.raises(Unmet), window("no checks"):
        raise UNMET


def test_a_window_that_broke_half_way_is_recorded_but_judged_by_nobody(
    suite: Suite, window: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, Status.PASS)
    with pytest.raises(KeyError), window("w", checks=["REC-001"]):
        raise KeyError("a bug of the test")
    assert suite.phases()[0].checks == ()
    assert not any(isinstance(record, JudgedRecord) for record in suite.records)


def test_the_whole_run_can_be_judged_without_a_window(
    suite: Suite, window: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, Status.FAIL, FINDING)
    with pytest.raises(OperatorFault):
        window.whole_run("RBA-004")
    assert suite.phases() == []


def test_a_window_ends_after_the_evidence_has_caught_up(
    suite: Suite, window: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process stamps what this one has already seen; a window must hold those stamps."""
    says(monkeypatch, Status.PASS)
    monkeypatch.setattr(Windows, "settle", lambda *_: suite.clock.advance(3))
    with window("create", checks=["REC-001"]):
        suite.clock.advance(1)
    assert suite.phases()[0].span.seconds == 4
