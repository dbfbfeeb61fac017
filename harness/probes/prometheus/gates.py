"""Bounds on PromQL expressions, evaluated while the suite runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.model.target import Gate
    from harness.probes.prometheus.queries import Promql

__all__ = ["PromqlGates", "require_gates"]

_EVERY_S = 5.0
_JOIN_S = 30.0


def require_gates(promql: Promql, gates: Sequence[Gate]) -> None:
    """Refuses gates that could never be decided, before anything is measured.

    Args:
        promql: Whom to ask.
        gates: Those without a PromQL expression aren't looked at.

    Raises:
        UsageError: Names the first.
    """
    for gate in gates:
        why = promql.refused(gate.promql) if gate.promql else ""
        if why:
            raise UsageError(
                f"The gate {gate.measurement} can't be evaluated: Prometheus says of "
                f"{gate.promql}: {why}",
                hint=f"Mend gates.{gate.measurement}.promql in target.yaml.",
            )


class PromqlGates:
    """Asks for each PromQL gate's value again and again; use as a context manager.

    A thread of its own: a slow Prometheus delays no load. The answers are evidence; whether they
    hold is the verdict's.

    Args:
        promql: Whom to ask.
        gates: Those without a PromQL expression aren't asked for.
        phase: Returns the name of the phase of the moment; empty where nothing is measured, and
            then nothing is asked.
        every_s: Seconds between evaluations.
    """

    def __init__(
        self,
        promql: Promql,
        gates: Sequence[Gate],
        *,
        phase: Callable[[], str],
        every_s: float = _EVERY_S,
    ) -> None:
        self._promql = promql
        self._gates = tuple(gate for gate in gates if gate.promql)
        self._phase = phase
        self._every_s = every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="promql-gates", daemon=True)

    def evaluate(self) -> None:
        """Asks once for each, where something is measured."""
        phase = self._phase()
        for gate in self._gates if phase else ():
            self._promql.instant(gate.promql, gate=gate.measurement, phase=phase)

    def __enter__(self) -> Self:
        if self._gates:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            self.evaluate()
