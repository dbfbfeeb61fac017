"""What was awaited beside what was seen, as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.readiness.fields import as_generation, conditions, integer, mapping, text
from harness.readiness.judgement import State
from harness.readiness.rules import judge

if TYPE_CHECKING:
    from harness.model.target import Readiness

__all__ = ["difference"]

_CELL = 48
_HEAD = ("condition", "status", "reason", "observedGeneration")


def difference(last: dict[str, Any] | None, rule: Readiness, generation: int | None) -> str:
    """Returns several lines: "- " what was awaited, "+ " what was seen, then the conditions.

    Args:
        last: The last object that was seen; None where there was none.
        rule: By which it was awaited.
        generation: That was awaited; None for the object's own.
    """
    awaited = f"- awaited: {_rule(rule)}{f', generation {generation}' if generation else ''}"
    if last is None:
        return f"{awaited}\n+ seen: the object isn't there"
    verdict = judge(last, rule, generation=generation)
    word = "" if verdict.state is State.IN_PROGRESS else f"{verdict.state.value}, "
    lines = [awaited, f"+ seen: {word}{verdict.reason}", f"  object: {_name(last)}"]
    lines.append(f"  generation: {_generations(last)}")
    lines += [f"  {line}" for line in _table(last)]
    return "\n".join(lines)


def _rule(rule: Readiness) -> str:
    if rule.condition is not None:
        return f"condition {rule.condition} is True"
    if rule.cel is not None:
        return f"CEL {rule.cel!r} is true"
    if rule.writes is not None:
        return "the operator has stopped writing to it"
    return "current by the rules of kstatus"


def _name(obj: dict[str, Any]) -> str:
    namespace, name = text(obj, "metadata", "namespace"), text(obj, "metadata", "name")
    place = f"{namespace}/{name}" if namespace else name
    deleted = text(obj, "metadata", "deletionTimestamp")
    return f"{text(obj, 'kind')} {place}" + (f", being deleted since {deleted}" if deleted else "")


def _generations(obj: dict[str, Any]) -> str:
    own = integer(obj, "metadata", "generation")
    seen = as_generation(mapping(obj, "status").get("observedGeneration"))
    observed = "no status.observedGeneration" if seen is None else f"observed {seen}"
    return f"{'none' if own is None else own}, {observed}"


def _table(obj: dict[str, Any]) -> list[str]:
    found = conditions(obj)
    if not found:
        return ["conditions: none"]
    rows = [_HEAD] + [
        (
            _cell(c.get("type")),
            _cell(c.get("status")),
            _cell(c.get("reason")),
            _cell(c.get("observedGeneration")),
        )
        for c in found
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    messages = [
        f"{_cell(c.get('type'))}: {' '.join(text(c, 'message').split())[:240]}"
        for c in found
        if c.get("status") != "True" and text(c, "message")
    ]
    return [line.rstrip() for line in lines] + messages


def _cell(value: object) -> str:
    words = "-" if value is None else " ".join(str(value).split())
    return words if len(words) <= _CELL else words[: _CELL - 1] + "…"
