"""The only place that knows the order of the stages.

prepare   1   target and suites loaded, binaries found, operator built, manifests rendered,
              tests collected: whatever is wrong here is exit 4 or 3, and nothing has run
execute   2-4 cluster, install, probes, suites; writes evidence only
conclude  5-7 judge, verdict, reports; reads evidence only, also for `harness report`
"""

from harness.runner.conclude import conclude
from harness.runner.execute import execute
from harness.runner.prepare import Prepared, RunRequest, prepare
from harness.runner.progress import Progress, Silent
from harness.runner.suites import available_suites, load_suite

__all__ = [
    "Prepared",
    "Progress",
    "RunRequest",
    "Silent",
    "available_suites",
    "conclude",
    "execute",
    "load_suite",
    "prepare",
]
