"""Judged facts (made by stage 5, completed by stage 6)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = [
    "CheckInfo",
    "CheckOutcome",
    "ChecklistItem",
    "EvidenceRef",
    "Excuse",
    "Finding",
    "Holder",
    "Severity",
    "SourceLine",
    "Status",
]


class Severity(StrEnum):
    """How bad a finding is; blocker and major make the verdict red."""

    BLOCKER = "blocker"
    MAJOR = "major"
    MINOR = "minor"
    INFO = "info"


class Status(StrEnum):
    """State of a check or of a checklist item."""

    PASS = "pass"  # noqa: S105 - a status, not a password
    FAIL = "fail"
    WAIVED = "waived"
    NOT_APPLICABLE = "not_applicable"
    NOT_VERIFIED = "not_verified"


class EvidenceRef(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the run folder something can be read again.

    Attributes:
        file: Path below the run folder.
        line: 1-based line; 0 for the whole file.
        excerpt: The few lines that matter, without secrets.
    """

    file: str
    line: int = 0
    excerpt: str = ""


class SourceLine(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the operator's own files what a finding is about stands.

    Attributes:
        file: Relative to the root of the repository, as code scanning wants it.
        line: 1-based.
    """

    file: str
    line: int


class Excuse(msgspec.Struct, frozen=True, kw_only=True):
    """The waiver that excuses a finding.

    Attributes:
        expires: ISO date.
        link: Where it is spoken of; may be empty.
    """

    reason: str
    expires: str
    link: str = ""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Whose right a finding is about, and where it comes from.

    Attributes:
        identity: User name.
        role, binding: As their objects print, for example "ClusterRole manager-role".
        rules: 0-based indices in the role.
    """

    identity: str
    role: str = ""
    binding: str = ""
    rules: tuple[int, ...] = ()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A judged fact about the operator.

    Attributes:
        check: Id, for example "REC-002".
        severity: How bad it is.
        title: One sentence that says what is wrong, with the numbers.
        subject: What it is about: an object, a sample, a workload.
        detail: What was seen and what was expected; plain text, several lines allowed.
        remedy: What the maintainer can do.
        evidence: Where to look.
        window: Name of the phase in which it was seen; empty for the whole run.
        snippet: YAML or commands that mend it, ready to be pasted; may be empty.
        source: Where its subject stands in the operator's own files; None where that isn't known.
        waiver: What excuses it; None where it counts.
        holder: Whose right it is about; None where it isn't about one.
    """

    check: str
    severity: Severity
    title: str
    subject: str = ""
    detail: str = ""
    remedy: str = ""
    evidence: tuple[EvidenceRef, ...] = ()
    window: str = ""
    snippet: str = ""
    source: SourceLine | None = None
    waiver: Excuse | None = None
    holder: Holder | None = None


class CheckInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A check as the catalogue describes it (`reports/checklists/catalogue.yaml`).

    Attributes:
        id: Stable, for example "REC-002".
        title: What an operator owes, as a statement that holds when the check passes.
        severity: Of its findings.
        why: Why it matters to the operator's users.
        how: How it is tested.
        limits: What it can't see, in one sentence.
        remedy: How to mend it.
        refs: Where the rule comes from.
        needs: Capabilities of the cluster without which it is not verified.
        shows: What an operator that passes does, as a verb phrase for the sentence of a passed
            run; empty where the check is left out of it.
    """

    id: str
    title: str
    severity: Severity
    why: str
    how: str
    limits: str
    remedy: str
    refs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    shows: str = ""


class CheckOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge decided about one check in one window.

    Attributes:
        window: Name of the phase; empty for the whole run.
        reason: Why it is not verified or not applicable; empty otherwise.
        findings: Empty unless `status` is fail.
    """

    check: str
    status: Status
    subject: str = ""
    window: str = ""
    reason: str = ""
    findings: tuple[Finding, ...] = ()


class ChecklistItem(msgspec.Struct, frozen=True, kw_only=True):
    """A check over a whole run: the row that a reader of the report sees.

    Attributes:
        outcomes: How many windows were judged.
        findings: Indices into `RunResult.findings`.
    """

    check: CheckInfo
    status: Status
    reason: str = ""
    outcomes: int = 0
    findings: tuple[int, ...] = ()
