"""Stage 7: `junit.xml` for Jenkins, GitLab and whatever else reads JUnit's format.

One testsuite for the run, one testcase for each check (not for each of its windows: names must
be the same in every run, so that a CI system can follow a check through its history):

    classname            name            red when
    <suites>.<CHECK-ID>  the title       the check failed with a severity that turns the verdict
    <suites>.gate        the gate        it isn't met
    <suites>.harness     what broke      always: the harness's fault is an <error>, not a <failure>
    <suites>.verdict     "verdict"       the verdict isn't pass and no other testcase is red

What is not verified, not applicable, undecided or waived is skipped with its reason, and so is
a failed check that doesn't turn the verdict (minor, info): nothing but a pass looks like one,
and the file is green exactly where the exit code is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from harness.model.findings import ChecklistItem, Finding, Severity, Status
from harness.model.verdict import Verdict
from harness.reporting.digest import (
    Numbered,
    Place,
    findings_of,
    is_red,
    places,
    unlisted,
    worst,
)
from harness.reporting.text import STATUS_WORDS, instant, one_line, suites, target, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.measurement import GateResult
    from harness.model.result import ErrorNote, RunResult

__all__ = ["render_junit"]


def render_junit(result: RunResult) -> str:
    """Returns the XML document."""
    prefix = suites(result.run)
    cases = [_check_case(result, item, prefix) for item in result.checks]
    cases += [_finding_case(result, entry, prefix) for entry in unlisted(result)]
    cases += [_gate_case(gate, prefix) for gate in result.gates]
    cases += [_error_case(note, prefix) for note in result.errors]
    cases.append(_verdict_case(result, cases, prefix))
    root = ET.Element("testsuites")
    suite = ET.SubElement(root, "testsuite", _suite_attributes(result, cases, prefix))
    suite.append(_properties(result))
    suite.extend(cases)
    for element in (root, suite):
        for name in ("tests", "failures", "errors", "time"):
            element.set(name, suite.get(name, "0"))
    if result.waived:
        ET.SubElement(suite, "system-out").text = "\n\n".join(
            f"Waived: {_prose(finding)}" for finding in result.waived
        )
    if result.tail:
        tail = "\n".join(visible(line) for line in result.tail)
        ET.SubElement(suite, "system-err").text = f"The operator's last log lines:\n{tail}"
    ET.indent(root)
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite_attributes(
    result: RunResult, cases: Sequence[ET.Element], prefix: str
) -> dict[str, str]:
    amounts = {
        name: str(sum(1 for case in cases if case.find(child) is not None))
        for name, child in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    }
    started = instant(result.run.started)
    return {
        "name": prefix,
        "tests": str(len(cases)),
        **amounts,
        "time": f"{result.run.duration_s:.3f}",
        **({"timestamp": f"{started:%Y-%m-%dT%H:%M:%S}"} if started else {}),
    }


def _properties(result: RunResult) -> ET.Element:
    run = result.run
    element = ET.Element("properties")
    for name, value in (
        ("verdict", result.verdict.value),
        ("sentence", result.sentence),
        ("exit_code", str(result.exit_code)),
        ("target", target(run)),
        ("suite", suites(run)),
        ("cluster", run.cluster_provider),
        ("run", run.id),
        ("seed", str(run.seed)),
        ("harness", run.harness_version),
    ):
        ET.SubElement(element, "property", name=name, value=one_line(value))
    return element


def _case(prefix: str, group: str, name: str) -> ET.Element:
    return ET.Element(
        "testcase", classname=f"{prefix}.{one_line(group)}", name=one_line(name), time="0"
    )


def _child(case: ET.Element, tag: str, kind: str, message: str, text: str = "") -> None:
    child = ET.SubElement(case, tag, type=one_line(kind), message=one_line(message))
    if text:
        child.text = visible(text)


def _check_case(result: RunResult, item: ChecklistItem, prefix: str) -> ET.Element:
    case = _case(prefix, item.check.id, item.check.title)
    found = [entry.finding for entry in findings_of(result, item)]
    if item.status is Status.FAIL:
        severity = worst(result, item)
        _failure(case, item.check.id, severity, found, red=is_red(result, severity))
    elif item.status is not Status.PASS:
        reason = item.reason or "No reason was given."
        _child(case, "skipped", item.status.value, f"{STATUS_WORDS[item.status]}: {reason}")
    return case


def _finding_case(result: RunResult, entry: Numbered, prefix: str) -> ET.Element:
    finding = entry.finding
    case = _case(prefix, finding.check, finding.title)
    red = is_red(result, finding.severity)
    _failure(case, finding.check, finding.severity, [finding], red=red)
    return case


def _failure(
    case: ET.Element, check: str, severity: Severity, found: Sequence[Finding], *, red: bool
) -> None:
    message = "; ".join(finding.title for finding in found) or "The check failed."
    text = "\n\n".join(_prose(finding) for finding in found)
    if red:
        _child(case, "failure", check, message, text)
    else:
        _child(
            case, "skipped", check, f"Failed, but {severity} doesn't turn the verdict: {message}"
        )
        ET.SubElement(case, "system-out").text = visible(text)


def _prose(finding: Finding) -> str:
    head = f"{finding.check} ({finding.severity}): {one_line(finding.title)}"
    parts = [
        head,
        f"Subject: {one_line(finding.subject)}" if finding.subject else "",
        f"Window: {one_line(finding.window)}" if finding.window else "",
        visible(finding.detail),
        f"Remedy: {visible(finding.remedy)}" if finding.remedy else "",
        visible(finding.snippet),
        *(f"Evidence: {_spots(place)}" for place in places(finding)),
    ]
    return "\n".join(part for part in parts if part)


def _spots(place: Place) -> str:
    more = f" and {place.more} more" if place.more else ""
    return f"{', '.join(map(one_line, place.spots))}{more}"


def _gate_case(result: GateResult, prefix: str) -> ET.Element:
    gate = result.gate
    case = _case(prefix, "gate", f"{gate.measurement} {gate.operator} {gate.bound:g} {gate.unit}")
    if result.met is None:
        _child(case, "skipped", "undecided", f"Undecided: {result.reason}")
    elif not result.met:
        _child(case, "failure", "gate", result.reason)
    return case


def _error_case(note: ErrorNote, prefix: str) -> ET.Element:
    case = _case(prefix, "harness", note.where or "harness")
    text = f"{note.message}\n{note.hint}".strip()
    _child(case, "error", "harness", note.message, text)
    return case


def _verdict_case(result: RunResult, cases: Sequence[ET.Element], prefix: str) -> ET.Element:
    case = _case(prefix, "verdict", "verdict")
    red = any(case.find(tag) is not None for case in cases for tag in ("failure", "error"))
    if result.verdict is Verdict.FAIL and not red:
        _child(case, "failure", "verdict", result.sentence)
    elif result.verdict in {Verdict.ERROR, Verdict.INTERRUPTED, Verdict.INCONCLUSIVE} and not red:
        _child(case, "error", result.verdict.value, f"{result.verdict}: {result.sentence}")
    elif result.verdict is not Verdict.PASS:
        _child(case, "skipped", result.verdict.value, f"{result.verdict}: {result.sentence}")
    return case
