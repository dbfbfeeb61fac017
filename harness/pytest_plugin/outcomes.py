"""Writes pytest's own outcome of each test as evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.model.records import TestOutcome
from harness.model.time import Span, Stamp

if TYPE_CHECKING:
    from collections.abc import Generator

    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.windows import Windows

__all__ = ["Outcomes"]


class Outcomes:
    """A pytest plugin object: follows each test from set-up to tear-down.

    Args:
        context: The suite's view of the run.
        windows: Knows which checks a test asked for.
    """

    def __init__(self, context: Context, windows: Windows) -> None:
        self._context = context
        self._windows = windows
        self._start: dict[str, Stamp] = {}
        self.current = ""

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Notes when a test begins and which one runs."""
        self.current = nodeid
        now = self._context.clock.now()
        self._start[nodeid] = now
        self._context.record(
            TestOutcome(test=nodeid, outcome="started", span=Span(start=now, end=now))
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self,
        item: pytest.Item,
        call: pytest.CallInfo[None],
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Writes one record for each test, and one more for a tear-down that broke."""
        report = yield
        decided = report.when == "call" or not report.passed
        if decided and not (report.when == "teardown" and report.passed):
            self._context.record(self._outcome(item.nodeid, report, call))
        return report

    def _outcome(
        self, nodeid: str, report: pytest.TestReport, call: pytest.CallInfo[None]
    ) -> TestOutcome:
        error = call.excinfo.value if call.excinfo else None
        return TestOutcome(
            test=nodeid,
            outcome=_word(report, error),
            span=Span(start=self._start[nodeid], end=self._context.clock.now()),
            message=_message(report, error),
            traceback=report.longreprtext if report.failed else "",
            checks=tuple(dict.fromkeys(self._windows.checks_of.get(nodeid, ()))),
        )


def _word(report: pytest.TestReport, error: BaseException | None) -> str:
    if report.passed:
        return "passed"
    if report.skipped:
        return "skipped"
    # An assertion in the test itself speaks of the operator; anything else broke the test.
    return "failed" if report.when == "call" and isinstance(error, AssertionError) else "broken"


def _message(report: pytest.TestReport, error: BaseException | None) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(error) if error is not None else ""
