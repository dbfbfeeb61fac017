"""Stage 5: judges and measures; pure functions of evidence, touches no cluster.

judge         the one judge: a check, evidence and a window in; a CheckOutcome out
registry      which function judges which check
case          what a check function is given, and how it answers
install admission convergence silence lifecycle permissions observability own_tests static
              the check functions, by family
rbac/         permissions: granted, used, dangerous
writes changes objects logs metrics
              how evidence is understood: writes of the operator and what they changed, states of
              objects, levels of log lines, metrics pages
loaded load/  under load: checks, and the analysis of its stamps
soaked soak/  leak, no leak larger than X, or inconclusive
compared      two builds in turn, or a run beside a baseline
latency usage measurements
              numbers: convergences, series and phase bands, summary figures
"""

from harness.analysis.compared import comparison_questions, comparisons
from harness.analysis.judge import judge, judge_run
from harness.analysis.latency import convergences
from harness.analysis.loaded import load_faults, load_questions, load_result
from harness.analysis.measurements import measure
from harness.analysis.promql import unanswered
from harness.analysis.rbac.minimal import smallest_access
from harness.analysis.rbac.report import permissions
from harness.analysis.soaked import soak_questions, soak_result
from harness.analysis.usage import bands, series
from harness.catalogue import load_catalogue

__all__ = [
    "bands",
    "comparison_questions",
    "comparisons",
    "convergences",
    "judge",
    "judge_run",
    "load_catalogue",
    "load_faults",
    "load_questions",
    "load_result",
    "measure",
    "permissions",
    "series",
    "smallest_access",
    "soak_questions",
    "soak_result",
    "unanswered",
]
