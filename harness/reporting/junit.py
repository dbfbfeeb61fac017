"""Stage 7: `junit.xml` for Jenkins, GitLab and whatever else reads JUnit's format.

One testsuite for the run, with the cases of `harness.reporting.cases`. A case's classname is its
suites and its group, for example "smoke.REC-002"; what failed is a <failure>, what is broken an
<error>, and what is skipped says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from harness.reporting.cases import Case, State, cases, prose
from harness.reporting.text import instant, one_line, suites, target, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.result import RunResult

__all__ = ["render_junit"]

_TAGS = {State.FAILED: "failure", State.BROKEN: "error", State.SKIPPED: "skipped"}


def render_junit(result: RunResult) -> str:
    """Returns the XML document."""
    prefix = suites(result.run)
    held = cases(result)
    root = ET.Element("testsuites")
    suite = ET.SubElement(root, "testsuite", _suite_attributes(result, held, prefix))
    suite.append(_properties(result))
    suite.extend(_case(case, prefix) for case in held)
    for element in (root, suite):
        for name in ("tests", "failures", "errors", "time"):
            element.set(name, suite.get(name, "0"))
    if result.waived:
        ET.SubElement(suite, "system-out").text = "\n\n".join(
            f"Waived: {prose(finding)}" for finding in result.waived
        )
    if result.tail:
        tail = "\n".join(visible(line) for line in result.tail)
        ET.SubElement(suite, "system-err").text = f"The operator's last log lines:\n{tail}"
    ET.indent(root)
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite_attributes(result: RunResult, held: Sequence[Case], prefix: str) -> dict[str, str]:
    amounts = {
        name: str(sum(case.state is state for case in held))
        for name, state in (
            ("failures", State.FAILED),
            ("errors", State.BROKEN),
            ("skipped", State.SKIPPED),
        )
    }
    started = instant(result.run.started)
    return {
        "name": prefix,
        "tests": str(len(held)),
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


def _case(case: Case, prefix: str) -> ET.Element:
    element = ET.Element(
        "testcase",
        classname=f"{prefix}.{one_line(case.group)}",
        name=one_line(case.name),
        time=f"{case.seconds:.3f}" if case.own else "0",
    )
    if case.state is State.PASSED:
        return element
    child = ET.SubElement(
        element, _TAGS[case.state], type=one_line(case.kind), message=one_line(case.message)
    )
    if case.text and case.state is not State.SKIPPED:
        child.text = visible(case.text)
    elif case.findings:
        ET.SubElement(element, "system-out").text = visible(case.text)
    return element
