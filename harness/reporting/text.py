"""Stage 7: words and numbers as every report writes them, and strings made safe to show.

Whatever an operator could have chosen (names, log lines, messages) passes `visible` before it
is written anywhere: control characters become escapes, so that no report, terminal or XML
parser ever interprets one.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness.model.access import ProofState
from harness.model.findings import Severity, Status
from harness.model.verdict import Verdict

if TYPE_CHECKING:
    from harness.model.measurement import Measurement
    from harness.model.result import RunInfo

__all__ = [
    "GATE_WORDS",
    "PROOF_WORDS",
    "SEVERITY_ORDER",
    "STATUS_WORDS",
    "VERDICT_WORDS",
    "count",
    "duration",
    "instant",
    "interval",
    "moment",
    "number",
    "one_line",
    "quantity",
    "suites",
    "target",
    "visible",
]

VERDICT_WORDS = {
    Verdict.PASS: "Pass",
    Verdict.FAIL: "Fail",
    Verdict.INTERRUPTED: "Interrupted",
    Verdict.ERROR: "Error",
    Verdict.INCONCLUSIVE: "Inconclusive",
}
STATUS_WORDS = {
    Status.PASS: "Pass",
    Status.FAIL: "Fail",
    Status.WAIVED: "Waived",
    Status.NOT_APPLICABLE: "Not applicable",
    Status.NOT_VERIFIED: "Not verified",
}
PROOF_WORDS = {
    ProofState.PROVEN: "Proven by removal",
    ProofState.REFUTED: "Refuted by removal",
    ProofState.NOT_VERIFIED: "Not verified",
}
GATE_WORDS = {True: "Met", False: "Not met", None: "Undecided"}
SEVERITY_ORDER = {severity: rank for rank, severity in enumerate(Severity)}

# C0 and C1 controls but tab and line feed, line and paragraph separators, marks that reorder
# or hide text, surrogates, and the two non-characters that XML 1.0 forbids.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff\ufffe\uffff]"
)
_LAST_BYTE = 0xFF
_MINUTE_S = 60
_HOUR_S = 3600


def visible(text: str) -> str:
    r"""Returns the text with each character that isn't plain text made visible.

    It becomes an escape as in Python, for example `\x1b` or `\u202e`; CR LF becomes one line feed.
    """
    return _UNSAFE.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= _LAST_BYTE else f"\\u{code:04x}"


def one_line(text: str) -> str:
    """Returns the text, made visible, with every stretch of white space as one space."""
    return " ".join(visible(text).split())


def number(value: float) -> str:
    """Returns a number with three significant digits, or whole with thousands separated."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    if value == int(value) or abs(value) >= 100:  # noqa: PLR2004 - three digits before the point
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    if digits > 6:  # noqa: PLR2004 - beyond that, zeros hide the number
        return f"{value:.2e}"
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".")


def quantity(value: float, unit: str) -> str:
    """Returns a number with its unit; the unit "1" isn't written."""
    return number(value) if unit in {"", "1"} else f"{number(value)} {unit}"


def interval(measurement: Measurement) -> str:
    """Returns the 95 % interval as "low to high" with its unit, or an empty string."""
    low, high = measurement.low, measurement.high
    if low is None and high is None:
        return ""
    if low is None or high is None:
        word, bound = ("at most", high) if low is None else ("at least", low)
        return f"{word} {quantity(bound or 0.0, measurement.unit)}"
    return f"{number(low)} to {quantity(high, measurement.unit)}"


def duration(seconds: float) -> str:
    """Returns "850 ms", "41.2 s", "3 min 12 s" or "1 h 4 min"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    if seconds < _HOUR_S:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


def instant(started: str) -> datetime | None:
    """Returns an ISO 8601 stamp as an aware datetime in UTC; None where it isn't one."""
    try:
        parsed = datetime.fromisoformat(started)
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def moment(started: str) -> str:
    """Returns "2026-11-20 02:14:33 UTC"; what isn't a stamp is returned as it is."""
    parsed = instant(started)
    return one_line(started) if parsed is None else f"{parsed:%Y-%m-%d %H:%M:%S} UTC"


def count(amount: int, noun: str, plural: str = "") -> str:
    """Returns "1 check" or "2 checks"."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def suites(run: RunInfo) -> str:
    """Returns the names of the run's suites, joined by "+"; "run" where there is none."""
    return "+".join(one_line(name) for name in run.suites) or "run"


def target(run: RunInfo) -> str:
    """Returns the target's name with its faulty twin, if one is switched on."""
    name = one_line(run.target) or "unknown target"
    return f"{name} (twin {one_line(run.twin)})" if run.twin else name
