"""Evidence windows: a test opens one, acts, closes it, and the one judge decides."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.analysis import judge
from harness.errors import ApiError, NotVerified, OperatorFault
from harness.kube.webhooks import failed_conversion, failed_webhook
from harness.model.findings import CheckOutcome, Finding, Status
from harness.model.records import JudgedRecord, Phase
from harness.model.resource import ObjectKey
from harness.model.time import Span
from harness.probes.barrier import audit_barrier, timeline_barrier
from harness.pytest_plugin.waiting import Unmet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.pytest_plugin.context import Context

__all__ = ["WINDOWS", "OpenWindow", "Refused", "Windows"]

_BARRIER_SECONDS = 10.0
_REFUSALS = frozenset({400, 403, 422})


class Refused(AssertionError):
    """The API server, or a webhook that it asked, refused what the operator must take."""


class OpenWindow:
    """A window while it is open.

    Attributes:
        facts: What the judge must know and can't see in other evidence; any JSON.
        objects: The objects that it is about, the custom resource first.
    """

    def __init__(self, objects: Sequence[ObjectKey]) -> None:
        self.facts: dict[str, Any] = {}
        self.objects = list(objects)


class Windows:
    """Opens and closes windows and has them judged.

    Args:
        context: The suite's view of the run.
        test: Gives the node id of the running test.
    """

    def __init__(self, context: Context, *, test: Callable[[], str]) -> None:
        self._context = context
        self._test = test
        self.checks_of: dict[str, list[str]] = {}

    @contextmanager
    def __call__(
        self,
        name: str,
        *,
        checks: Sequence[str] = (),
        subject: str = "",
        objects: Sequence[ObjectKey] = (),
    ) -> Iterator[OpenWindow]:
        """Opens a window; leaving the block closes it and judges its checks.

        An `Unmet` wait inside the block doesn't end the test by itself: the judge decides. A
        request that is refused there is the operator's fault, whatever the judge finds.

        Args:
            name: Unique in the run together with `subject`, for example "silence".
            checks: Ids of the checks that are judged on it.
            subject: What it is about, for example a sample's name.
            objects: The objects that it is about, the custom resource first.

        Raises:
            OperatorFault: A check failed.
            NotVerified: No check failed, and one could not be decided.
            Refused: No check failed, and a request in the block was refused.
        """
        start = self._context.clock.now()
        opened = OpenWindow(objects)
        unmet: Unmet | Refused | None = None
        judged: tuple[str, ...] = ()  # nothing can be said of a window that broke half-way
        try:
            try:
                yield opened
            except Unmet as miss:
                unmet = miss
            except ApiError as error:
                if not _is_refusal(error):
                    raise
                unmet = Refused(str(error))
            # Before the end is stamped: another process stamps what this one has already seen.
            self.settle(opened.objects)
            judged = tuple(checks)
        finally:
            phase = Phase(
                name=f"{subject}/{name}" if subject else name,
                span=Span(start=start, end=self._context.clock.now()),
                checks=judged,
                subject=subject,
                objects=tuple(opened.objects),
                test=self._test(),
                facts=opened.facts,
            )
            self._context.record(phase)
        self._note(checks)
        self._raise(self._judged(checks, phase), unmet)

    def whole_run(self, *checks: str) -> None:
        """Judges checks on everything recorded since the run began.

        Raises:
            OperatorFault: A check failed.
            NotVerified: No check failed, and one could not be decided.
        """
        self._note(checks)
        self.settle(())
        self._raise(self._judged(checks, None), None)

    def settle(self, objects: Sequence[ObjectKey]) -> None:
        """Waits until evidence holds all that happened up to now."""
        audit_log = self._context.cluster.audit_log
        if audit_log:
            audit_barrier(
                self._context.client.connection, Path(audit_log), timeout=_BARRIER_SECONDS
            )
        try:
            timeline_barrier(
                self._context.client,
                self._context.run,
                tuple(key for key in objects if self._is_recorded(key)),
                timeout=_BARRIER_SECONDS,
            )
        except ApiError as error:
            if not failed_conversion(str(error)):
                raise  # what can't be read can't be awaited, and the judge says so

    def _is_recorded(self, key: ObjectKey) -> bool:
        """Whether the recorder watches this resource; what it doesn't watch has no timeline."""
        return (self._context.run.timeline / f"{key.resource}.ndjson").exists()

    def _note(self, checks: Sequence[str]) -> None:
        self.checks_of.setdefault(self._test(), []).extend(checks)

    def _judged(self, checks: Sequence[str], phase: Phase | None) -> list[CheckOutcome]:
        """Judges all checks of a window on the same evidence, read once."""
        evidence = self._context.evidence
        outcomes = []
        for check in checks:
            outcomes.append(judge(check, evidence, phase))
            name = phase.name if phase else ""
            self._context.record(JudgedRecord(phase=name, outcome=outcomes[-1]))
        return outcomes

    def _raise(self, outcomes: Sequence[CheckOutcome], unmet: Unmet | Refused | None) -> None:
        findings: list[Finding] = [item for outcome in outcomes for item in outcome.findings]
        if findings:
            raise OperatorFault(findings)
        if unmet is not None and (not outcomes or isinstance(unmet, Refused)):
            raise unmet
        open_questions = [o for o in outcomes if o.status is Status.NOT_VERIFIED]
        if open_questions:
            reasons = "; ".join(f"{o.check} not verified: {o.reason}" for o in open_questions)
            raise NotVerified(reasons)
        if unmet is not None:
            raise unmet


def _is_refusal(error: ApiError) -> bool:
    return error.status in _REFUSALS or bool(failed_webhook(str(error)))


WINDOWS = pytest.StashKey[Windows]()
