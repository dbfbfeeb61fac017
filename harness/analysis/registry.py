"""Stage 5: which function judges which check; the one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from harness.analysis.admission import sample_is_accepted
from harness.analysis.case import Case, WindowCase
from harness.analysis.convergence import converges, generation_is_observed
from harness.analysis.install import became_ready, becomes_ready, installs, stays_up
from harness.analysis.lifecycle import delete_leaves_nothing
from harness.analysis.observability import log_is_sane, metrics_parse
from harness.analysis.own_tests import assertions_hold
from harness.analysis.permissions import nothing_denied
from harness.analysis.rbac.dangers import DANGERS, judge_danger
from harness.analysis.silence import restart_writes_nothing, silent_at_rest
from harness.analysis.uninstall import uninstall_leaves_nothing
from harness.model.findings import CheckOutcome

__all__ = ["RUN_CHECKS", "WINDOWLESS", "WINDOW_CHECKS"]

RUN_CHECKS: Mapping[str, Callable[[Case], CheckOutcome]] = MappingProxyType(
    {
        "INS-001": installs,
        "INS-003": stays_up,
        "LIF-009": uninstall_leaves_nothing,
        "RBA-004": nothing_denied,
        "OBS-006": log_is_sane,
        "SUI-001": assertions_hold,
        **dict.fromkeys(DANGERS, judge_danger),
    }
)
"""Judged on the whole run, also where a window names them."""

WINDOW_CHECKS: Mapping[str, Callable[[WindowCase], CheckOutcome]] = MappingProxyType(
    {
        "INS-002": becomes_ready,
        "API-010": sample_is_accepted,
        "REC-001": converges,
        "STA-002": generation_is_observed,
        "REC-002": silent_at_rest,
        "REC-004": restart_writes_nothing,
        "LIF-001": delete_leaves_nothing,
        "OBS-001": metrics_parse,
    }
)
"""Judged on each window that names them."""

WINDOWLESS: Mapping[str, Callable[[Case], CheckOutcome | None]] = MappingProxyType(
    {"INS-002": became_ready}
)
"""Checks of windows that other evidence can answer where no window was opened; None if not."""
