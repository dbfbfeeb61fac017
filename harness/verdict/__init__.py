"""Stage 6: decides; gates, waivers, checklist and the verdict. Reads no cluster.

decide     everything together: a RunResult
gates      bounds held against measurements
waivers    dated exceptions applied to findings
checklist  one row for each check over all its windows
sentence   why the verdict is what it is, in one sentence
facts      the run, its environment and its tests, as the reports show them
"""

from harness.verdict.decide import decide

__all__ = ["decide"]
