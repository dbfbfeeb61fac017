"""Stage 7: `findings.sarif`, for code scanning (SARIF 2.1.0).

A rule is a check of the run, a result a finding; a waived one is a suppressed result, with the
waiver's reason. What was not verified, and what broke, are notifications of the run: silence about
them would read as a pass.

Every result has a place in the repository, since code scanning shows no other: the line of the
object in the operator's own files where that is known, else the target's definition. The object
itself is the logical location. Evidence lies in the run folder, outside of the repository; it's
named in the result's properties. No path of the machine gets in.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness.catalogue.families import family
from harness.catalogue.sources import source_address
from harness.model.findings import Severity, Status
from harness.model.verdict import Verdict
from harness.reporting.text import one_line, suites, target, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.model.findings import CheckInfo, Finding
    from harness.model.result import RunResult

__all__ = ["render_sarif"]

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {
    Severity.BLOCKER: "error",
    Severity.MAJOR: "error",
    Severity.MINOR: "warning",
    Severity.INFO: "note",
}
_SECURITY = frozenset({"RBA", "SCO", "SEC"})
_SECURITY_SEVERITY = {
    Severity.BLOCKER: "9.0",
    Severity.MAJOR: "7.0",
    Severity.MINOR: "4.0",
    Severity.INFO: "1.0",
}
"""What code scanning sorts security alerts by: critical, high, medium, low."""

# Names that a run makes up for itself; a fingerprint must outlive the run.
_OF_THE_RUN = re.compile(r"harness-[0-9a-f]{6}[-\w]*|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Absolute paths of a machine; addresses of the API server ("/apis/…") are none.
_MACHINE_PATH = re.compile(
    r"(?<![\w.:/])/(?:home|root|Users|tmp|var|opt|mnt|srv|builds?|github|workspaces?|work|private)"
    r"(?:/[^\s:;,'\"`()\[\]{}<>]*)+"
)

Json = dict[str, Any]  # any JSON object


def render_sarif(result: RunResult) -> str:
    """Returns the document, indented, with a final line feed."""
    found = [*result.findings, *result.waived]
    infos = {item.check.id: item.check for item in result.checks}
    rules = {check: number for number, check in enumerate(infos)}
    run = {
        "tool": {
            "driver": {
                "name": "operator-harness",
                "semanticVersion": _semantic(result.run.harness_version),
                "rules": [_rule(info) for info in infos.values()],
            }
        },
        "automationDetails": {"id": f"{suites(result.run)}/{target(result.run)}/{result.run.id}"},
        "invocations": [_invocation(result)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, rules, result.run.definition) for finding in found],
        "properties": {"verdict": result.verdict.value, "sentence": _text(result.sentence)},
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(info: CheckInfo) -> Json:
    parts = {
        "Why": info.why,
        "How it is tested": info.how,
        "What it can't see": info.limits,
        "How to mend it": info.remedy,
    }
    texts = {title: " ".join(text.split()) for title, text in parts.items() if text}
    address = next((found for ref in info.refs if (found := source_address(ref))), "")
    letters = info.id.partition("-")[0]
    security = letters in _SECURITY
    return {
        "id": info.id,
        "name": info.id.replace("-", ""),
        "shortDescription": {"text": info.title},
        "fullDescription": {"text": texts.get("Why") or info.title},
        **({"helpUri": address} if address else {}),
        "help": {
            "text": "\n\n".join(f"{title}: {text}" for title, text in texts.items()),
            "markdown": "\n\n".join(f"**{title}:** {text}" for title, text in texts.items()),
        },
        "defaultConfiguration": {"level": _LEVELS[info.severity]},
        "properties": {
            "tags": [*(["security"] if security else []), "kubernetes-operator", family(info.id)],
            "severity": info.severity.value,
            **({"security-severity": _SECURITY_SEVERITY[info.severity]} if security else {}),
        },
    }


def _result(finding: Finding, rules: Mapping[str, int], definition: str) -> Json:
    place = finding.source
    excuse = finding.waiver
    number = {"ruleIndex": rules[finding.check]} if finding.check in rules else {}
    location: Json = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(place.file if place else definition)},
            "region": {"startLine": max(place.line, 1) if place else 1},
        },
    }
    if finding.subject:
        location["logicalLocations"] = [
            {"fullyQualifiedName": _text(one_line(finding.subject)), "kind": "resource"}
        ]
    return {
        "ruleId": finding.check,
        **number,
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(finding)},
        "locations": [location],
        "partialFingerprints": {"checkAndSubject/v1": _fingerprint(finding)},
        "suppressions": [
            {
                "kind": "external",
                "status": "accepted",
                "justification": _text(
                    f"{excuse.reason} (until {excuse.expires}"
                    + (f", {excuse.link})" if excuse.link else ")")
                ),
            }
        ]
        if excuse
        else [],
        "properties": {
            "severity": finding.severity.value,
            "window": _text(finding.window),
            "evidence": [
                _text(f"{ref.file}:{ref.line}" if ref.line else ref.file)
                for ref in finding.evidence
            ],
        },
    }


def _message(finding: Finding) -> str:
    parts = [
        f"{finding.title.rstrip('.')}.",
        finding.detail,
        f"How to mend it: {' '.join(finding.remedy.split())}" if finding.remedy else "",
        finding.snippet,
    ]
    return _text("\n\n".join(part for part in parts if part))


def _fingerprint(finding: Finding) -> str:
    """The same for the same trouble in another run: titles hold numbers, names may be a run's."""
    subject = _OF_THE_RUN.sub("*", finding.subject)
    return hashlib.sha256(f"{finding.check}\n{subject}".encode()).hexdigest()[:32]


def _invocation(result: RunResult) -> Json:
    unverified = [
        _notification(
            f"{item.check.id} ({item.check.title}) was not verified: {item.reason}", "warning"
        )
        for item in result.checks
        if item.status is Status.NOT_VERIFIED
    ]
    broken = [
        _notification(f"{note.where}: {note.message} {note.hint}".rstrip(), "error")
        for note in result.errors
    ]
    return {
        "executionSuccessful": result.verdict not in (Verdict.ERROR, Verdict.INTERRUPTED),
        "exitCode": result.exit_code,
        "toolExecutionNotifications": [*broken, *unverified],
    }


def _notification(words: str, level: str) -> Json:
    return {"level": level, "message": {"text": _text(words)}}


def _semantic(version: str) -> str:
    """SARIF wants a semantic version; Python's own pre-releases aren't."""
    return version if re.fullmatch(r"\d+\.\d+\.\d+", version) else "0.0.0"


def _text(words: str) -> str:
    return _MACHINE_PATH.sub(
        lambda found: f"…/{found[0].rstrip('/').rpartition('/')[2]}", visible(words)
    )
