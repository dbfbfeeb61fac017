"""What Allure shows around the results: environment, categories, executor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.reporting.cases import State
from harness.reporting.text import (
    STATUS_WORDS,
    VERDICT_WORDS,
    instant,
    one_line,
    suites,
    target,
)

if TYPE_CHECKING:
    from harness.model.result import RunResult

__all__ = ["categories", "executor", "properties"]

_ASCII_END = 0x7F
_PLANE_END = 0xFFFF


def properties(result: RunResult) -> str:
    """Returns environment.properties: what ran where, in the syntax of Java's properties.

    Facts of one name become one line.
    """
    run = result.run
    facts: dict[str, list[str]] = {}
    for name, value in (
        ("Verdict", VERDICT_WORDS[result.verdict]),
        ("Sentence", result.sentence),
        ("Target", target(run)),
        ("Suites", suites(run)),
        ("Seed", str(run.seed)),
        ("Command", run.command),
        *((fact.name, fact.value) for fact in result.environment),
    ):
        if value:
            facts.setdefault(one_line(name), []).append(one_line(value))
    return "".join(
        f"{_escaped(name, ' :=#!')} = {_escaped('; '.join(values))}\n"
        for name, values in facts.items()
    )


def _escaped(text: str, special: str = "") -> str:
    return "".join(_character(char, special) for char in text)


def _character(char: str, special: str) -> str:
    if char == "\\" or char in special:
        return f"\\{char}"
    code = ord(char)
    if code < _ASCII_END:
        return char
    if code <= _PLANE_END:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def categories() -> list[dict[str, Any]]:  # any JSON
    """Returns categories.json: whose fault it is, and why something wasn't judged."""
    undecided = ("inconclusive", "interrupted")
    others = "|".join(f"{word}: " for word in undecided)
    return [
        _category("The operator's fault", State.FAILED),
        _category("The harness or its environment broke", State.BROKEN, f"(?!{others}).*"),
        *(_category(word.capitalize(), State.BROKEN, f"{word}: .*") for word in undecided),
        *(
            _category(STATUS_WORDS[status], State.SKIPPED, f"{STATUS_WORDS[status]}: .*")
            for status in STATUS_WORDS
            if status.value in {"not_verified", "not_applicable", "waived"}
        ),
        _category("Gate undecided", State.SKIPPED, "Undecided: .*"),
        _category("Failed, but not so that it turns the verdict", State.SKIPPED, "Failed, but .*"),
    ]


def _category(name: str, state: State, message: str = "") -> dict[str, Any]:
    pattern = {"messageRegex": message} if message else {}
    return {"name": name, "matchedStatuses": [state.value], **pattern}


def executor(result: RunResult) -> dict[str, Any]:  # any JSON
    """Returns executor.json; the build's order is the run's start in seconds since 1970."""
    run = result.run
    started = instant(run.started)
    version = f" {one_line(run.harness_version)}" if run.harness_version else ""
    return {
        "name": f"operator-harness{version}",
        "type": "operator-harness",
        "buildName": one_line(run.id),
        "buildOrder": int(started.timestamp()) if started else 0,
        "reportName": f"{target(run)}, {suites(run)}: {VERDICT_WORDS[result.verdict]}",
    }
