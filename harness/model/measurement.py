"""Numbers with their method, and the bounds they are held to."""

from __future__ import annotations

import msgspec

from harness.model.target import Gate

__all__ = ["GateResult", "Measurement", "Series"]


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """A number that a run produced.

    Attributes:
        name: For example "convergence_latency_p99".
        value: In `unit`.
        unit: "s", "ms", "1/s", "MiB", "1".
        n: How many samples it rests on.
        method: How it was measured, in one sentence.
        low: Lower end of the 95 % interval; None where none can be given.
        high: Upper end, likewise.
        subject: What it is about; empty for the whole run.
        headline: Whether reports show it first; the others stand folded below.
        direction: "lower" or "higher" is better; what a bare gate value means.
        at_least: The truth is `value` or more, and nobody knows how much more.
    """

    name: str
    value: float
    unit: str
    n: int
    method: str
    low: float | None = None
    high: float | None = None
    subject: str = ""
    direction: str = "lower"
    headline: bool = False
    at_least: bool = False


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Samples of one quantity over the run.

    Attributes:
        seconds: Since the start of the run, ascending.
        values: In `unit`, one for each of `seconds`.
    """

    name: str
    unit: str
    subject: str
    seconds: tuple[float, ...]
    values: tuple[float, ...]


class GateResult(msgspec.Struct, frozen=True, kw_only=True):
    """A gate held against its measurement.

    Attributes:
        met: None where evidence can't decide.
        measured: None where nothing was measured.
        reason: One sentence.
    """

    gate: Gate
    met: bool | None
    measured: Measurement | None
    reason: str
