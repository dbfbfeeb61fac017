"""Readiness: the one predicate by which objects are both awaited and judged.

`judge` decides by a condition, a CEL expression, "settled", or, where the target says nothing,
by the rules of kstatus; `difference` tells what was awaited beside what was seen.
"""

from harness.readiness.difference import difference
from harness.readiness.expression import Expression, ExpressionError
from harness.readiness.fields import as_generation, observed_generation
from harness.readiness.judgement import Judgement, State
from harness.readiness.rules import judge

__all__ = [
    "Expression",
    "ExpressionError",
    "Judgement",
    "State",
    "as_generation",
    "difference",
    "judge",
    "observed_generation",
]
