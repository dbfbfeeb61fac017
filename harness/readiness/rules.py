"""Which rule decides, and the rules that a target can name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.readiness import kstatus
from harness.readiness.expression import Expression
from harness.readiness.fields import as_generation, condition, integer, lag, mapping, text
from harness.readiness.judgement import Judgement, in_progress, ready

if TYPE_CHECKING:
    from harness.model.target import Readiness

__all__ = ["judge"]


def judge(obj: dict[str, Any], rule: Readiness, *, generation: int | None = None) -> Judgement:
    """Returns whether an object is ready, and what is missing.

    Args:
        obj: The object, as the API server gave it.
        rule: From the target; with no field set, the rules of kstatus decide.
        generation: Which generation must have been reached; None for the object's own.

    Raises:
        ExpressionError: `rule.cel` doesn't compile. (Loading a target checks this.)
    """
    own = integer(obj, "metadata", "generation")
    if generation is not None and own is not None and own < generation:
        return in_progress(f"the object is at generation {own}, generation {generation} is awaited")
    awaited = own if generation is None else generation
    if rule.condition is not None:
        return _by_condition(obj, rule.condition, awaited)
    if rule.cel is not None:
        return _by_expression(obj, rule.cel)
    if rule.writes is not None:
        return _by_silence(obj, awaited)
    return kstatus.judge(obj, awaited)


def _by_condition(obj: dict[str, Any], kind: str, awaited: int | None) -> Judgement:
    found = condition(obj, kind)
    if found is None:
        return in_progress(f"it has no condition {kind}")
    if found.get("status") != "True":
        return in_progress(kstatus.told(found))
    where = f"observedGeneration of condition {kind}"
    observed = as_generation(found.get("observedGeneration"))
    if observed is None:
        where, observed = "status.observedGeneration", _of_status(obj)
    stale = lag(observed, awaited, where=where)
    if stale:
        return in_progress(f"condition {kind} is True, but {stale}")
    return ready(f"condition {kind} is True")


def _by_expression(obj: dict[str, Any], source: str) -> Judgement:
    expression = Expression.of(source)
    holds, reason = expression.holds(obj)
    return ready(f"{expression} is true") if holds else in_progress(reason)


def _by_silence(obj: dict[str, Any], awaited: int | None) -> Judgement:
    """One object can't show silence; it can show that its operator isn't done."""
    if text(obj, "metadata", "deletionTimestamp"):
        return in_progress("it is being deleted")
    stale = lag(_of_status(obj), awaited, where="status.observedGeneration")
    return in_progress(stale) if stale else ready("nothing in the object says that work is left")


def _of_status(obj: dict[str, Any]) -> int | None:
    return as_generation(mapping(obj, "status").get("observedGeneration"))
