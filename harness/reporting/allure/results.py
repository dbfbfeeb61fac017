"""One result for each case of a run, with what a reader needs to understand it."""

from __future__ import annotations

import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.catalogue.families import family
from harness.catalogue.sources import source_address
from harness.model.findings import Finding, Severity
from harness.reporting.allure.layout import (
    Attachment,
    Details,
    Label,
    Link,
    Parameter,
    RawResult,
    Result,
    Step,
)
from harness.reporting.cases import GATE, HARNESS, RED, VERDICT, Case, State, cases, prose
from harness.reporting.summary import escaped
from harness.reporting.text import instant, one_line, suites, target, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model.result import RunResult, TestResult
    from harness.reporting.allure.raw import RawTests

__all__ = ["Folder", "render_results"]

_NAMESPACE = uuid.UUID("5e0f1c8c-5b0b-5d2f-9d3a-6f2b8c1d7a40")  # ours; any would do
_SEVERITIES = {
    Severity.BLOCKER: "blocker",
    Severity.MAJOR: "critical",  # it turns the verdict, too; Allure's "normal" wouldn't say so
    Severity.MINOR: "minor",
    Severity.INFO: "trivial",
}
_FAMILIES = {GATE: "Gates", HARNESS: "Harness and environment", VERDICT: "Verdict"}
_ABOUT = {
    GATE: "A bound of the target definition, held against what the run measured.",
    HARNESS: "Something of the harness or its environment broke; it says nothing of the operator.",
    VERDICT: "Whether the run as a whole is a pass; red by itself only where no other case is.",
}
_OWN_TESTS = "SUI-001"
_TEXT = "text/plain"


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    """What `allure-results/` holds beside the files about the run.

    Attributes:
        results: In the order of the cases.
        texts: Contents of our own attachments, by file name.
        copies: Files of the suite's authors, by file name.
    """

    results: list[Result] = []
    texts: dict[str, str] = {}
    copies: dict[str, Path] = {}


def render_results(result: RunResult, raw: RawTests) -> Folder:
    """Returns the results of a run; the same run gives the same files.

    Args:
        result: As every report renders it.
        raw: Steps and attachments of the suite's tests.
    """
    return _Writer(result, raw).render()


class _Writer:
    """Makes the results of one run."""

    def __init__(self, result: RunResult, raw: RawTests) -> None:
        self._result = result
        self._raw = raw
        self._folder = Folder()
        self._suites = suites(result.run)
        self._seen: Counter[str] = Counter()
        started = instant(result.run.started)
        self._start = int(started.timestamp() * 1000) if started else 0
        self._parameters = tuple(
            Parameter(name=name, value=one_line(value))
            for name, value in (
                ("target", target(result.run)),
                ("cluster", result.run.cluster_provider),
            )
        )

    def render(self) -> Folder:
        tests = self._tests()
        shown: set[int] = set()
        for case in cases(self._result):
            own = [n for n, (test, _) in enumerate(tests) if _belongs(test, case)]
            shown.update(own)
            if case.group == VERDICT:  # no test is left out, whatever it judges
                own += [n for n in range(len(tests)) if n not in shown]
            self._folder.results.append(self._one(case, [tests[n] for n in own]))
        return self._folder

    def _tests(self) -> list[tuple[TestResult, RawResult | None]]:
        """Pairs each test with what allure-pytest wrote of it."""
        places: Counter[str] = Counter()
        pairs = []
        for test in self._result.tests:
            pairs.append((test, self._raw.of(test, place=places[test.test])))
            places[test.test] += 1
        return pairs

    def _one(self, case: Case, tests: list[tuple[TestResult, RawResult | None]]) -> Result:
        full_name = self._full_name(case)
        test_case = uuid.uuid5(_NAMESPACE, full_name).hex
        told = "\0".join(f"{each.name}={each.value}" for each in self._parameters)
        own = str(uuid.uuid5(_NAMESPACE, f"{self._result.run.id}\0{full_name}\0{told}"))
        steps = tuple(self._step(case, test, raw) for test, raw in tests)
        start, stop = self._span(case, steps)
        group = _FAMILIES.get(case.group, "") or one_line(family(case.group))
        return Result(
            uuid=own,
            history_id=uuid.uuid5(_NAMESPACE, f"{full_name}\0{told}").hex,
            test_case_id=test_case,
            full_name=full_name,
            name=one_line(case.name),
            status=case.state.value,
            stage="finished",
            status_details=Details(message=one_line(case.message), trace=visible(case.text)),
            description=_description(case),
            start=start,
            stop=stop,
            title_path=(one_line(self._result.run.target) or "target", self._suites, group),
            labels=tuple(self._labels(case, group)),
            links=tuple(_links(case)),
            parameters=self._parameters,
            steps=steps,
            attachments=tuple(self._attachments(case, own)),
        )

    def _full_name(self, case: Case) -> str:
        """Returns what a case is called in every run: no number that a run may change is in it."""
        detail = ""
        if case.group == GATE:
            detail = "." + " ".join(case.name.split()[:2])  # another bound is the same gate
        elif case.group == HARNESS:
            detail = f".{case.name}"
        elif case.own:
            detail = f".{case.own}"
        name = one_line(f"{self._suites}.{case.group}{detail}")
        self._seen[name] += 1
        again = self._seen[name]
        return name if again == 1 else f"{name} #{again}"

    def _labels(self, case: Case, group: str) -> Iterator[Label]:
        run = self._result.run
        severity = _SEVERITIES[case.check.severity] if case.check else _severity(case)
        for name, value in (
            ("epic", group),
            ("feature", case.group),
            ("parentSuite", target(run)),
            ("suite", self._suites),
            ("subSuite", group),
            ("severity", severity),
            ("package", f"{self._suites}.{case.group}"),
            ("framework", "operator-harness"),
            ("host", f"{run.cluster_provider or 'no'} cluster"),
            ("thread", self._suites),
            ("tag", case.kind),
        ):
            if value:
                yield Label(name=name, value=one_line(value))

    def _span(self, case: Case, steps: tuple[Step, ...]) -> tuple[int, int]:
        if case.group == VERDICT:
            return self._start, self._start + int(self._result.run.duration_s * 1000)
        begun = [step.start for step in steps if step.start]
        if not begun:
            return self._start, self._start + int(case.seconds * 1000)
        return min(begun), max(step.stop for step in steps)

    def _step(self, case: Case, test: TestResult, raw: RawResult | None) -> Step:
        """A test as a step of its case."""
        start = raw.start if raw else self._start
        state = _corrected(test.outcome, case)
        red = state in RED
        return Step(
            name=one_line(test.test),
            status=state,
            status_details=Details(
                message=one_line(test.message) if state != State.PASSED else "",
                trace=visible(test.traceback) if red else "",
            ),
            start=start,
            stop=raw.stop if raw else start + int(test.duration_s * 1000),
            steps=tuple(self._authored(step, case) for step in raw.steps) if raw else (),
            attachments=tuple(self._copied(raw.attachments)) if raw else (),
        )

    def _authored(self, step: Step, case: Case) -> Step:
        """A step of a suite's author; its parameters, which nobody chose to show, aren't taken."""
        return Step(
            name=one_line(step.name),
            status=_corrected(step.status, case),
            start=step.start,
            stop=step.stop,
            steps=tuple(self._authored(inner, case) for inner in step.steps),
            attachments=tuple(self._copied(step.attachments)),
        )

    def _copied(self, attachments: tuple[Attachment, ...]) -> Iterator[Attachment]:
        for attachment in attachments:
            file = self._raw.file(attachment)
            if file is None:
                continue
            self._folder.copies[file.name] = file
            yield Attachment(
                name=one_line(attachment.name), source=file.name, type=one_line(attachment.type)
            )

    def _attachments(self, case: Case, owner: str) -> Iterator[Attachment]:
        for name, kind, text in self._texts(case):
            ending = ".yaml" if kind == "application/yaml" else ".txt"
            number = uuid.uuid5(_NAMESPACE, f"{owner}\0{len(self._folder.texts)}")
            source = f"{number}-attachment{ending}"
            self._folder.texts[source] = visible(text)
            yield Attachment(name=one_line(name), source=source, type=kind)

    def _texts(self, case: Case) -> Iterator[tuple[str, str, str]]:
        """Yields name, media type and text of what belongs to a case."""
        for finding in case.findings:
            excerpts = _excerpts(finding)
            if excerpts:
                yield f"Evidence: {finding.title}", _TEXT, excerpts
            if finding.snippet:
                yield "Remedy, ready to be pasted", "application/yaml", finding.snippet
        if case.group != VERDICT:
            return
        if self._result.waived:
            yield "Waived findings", _TEXT, "\n\n".join(map(prose, self._result.waived))
        if self._result.tail:
            yield "The operator's last log lines", _TEXT, "\n".join(self._result.tail)


def _belongs(test: TestResult, case: Case) -> bool:
    """Whether a test is a step of a case."""
    if case.group == HARNESS:
        return test.test == case.name
    if case.own:
        return False
    if case.group == _OWN_TESTS:
        blamed = any(finding.subject == test.test for finding in case.findings)
        return blamed or not test.checks
    return case.group in test.checks


def _corrected(outcome: str, case: Case) -> str:
    """Returns the state of a test inside a case: red only where, and as, the case was judged."""
    return outcome if outcome in {State.PASSED, State.SKIPPED} else case.state.value


def _severity(case: Case) -> str:
    if case.findings:
        return _SEVERITIES[min((each.severity for each in case.findings), key=_rank)]
    return {GATE: "critical", VERDICT: "blocker"}.get(case.group, "normal")


def _rank(severity: Severity) -> int:
    return list(Severity).index(severity)


def _excerpts(finding: Finding) -> str:
    parts = [
        f"{ref.file}{f':{ref.line}' if ref.line else ''}\n{ref.excerpt}".rstrip()
        for ref in finding.evidence
    ]
    return "\n\n".join(parts)


def _description(case: Case) -> str:
    """Returns the check's documentation as Markdown."""
    if case.check is None:
        return _ABOUT.get(case.group, "")
    check = case.check
    parts = (
        ("Why", check.why),
        ("How it is tested", check.how),
        ("What it can't see", check.limits),
        ("How to mend it", check.remedy),
    )
    head = f"**{escaped(check.id)}**, {check.severity.value}: {escaped(check.title)}"
    return "\n\n".join([head, *(f"**{name}:** {escaped(text)}" for name, text in parts if text)])


def _links(case: Case) -> Iterator[Link]:
    """Yields where the check's rule comes from."""
    for ref in case.check.refs if case.check else ():
        address = source_address(ref)
        if address:
            yield Link(name=one_line(ref), url=address)
