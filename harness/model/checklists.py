"""Checklists: what is judged item by item, each with its holder, its evidence and its remedy."""

from __future__ import annotations

import msgspec

from harness.model.findings import EvidenceRef, Excuse, Holder, Severity, Status

__all__ = ["AccessChecklist", "AccessItem"]


class AccessItem(msgspec.Struct, frozen=True, kw_only=True):
    """One row: a check that holds or can't tell, or one thing that breaks it.

    Attributes:
        id: The check's, for example "RBA-103"; several rows may share it.
        title: What is owed; for what breaks it, what is wrong.
        controls: Where the rule comes from, for example "CIS 5.1.2".
        subject: What it is about, for example "ClusterRole manager-role".
        holder: Whose right it is, and by which rules; None where it isn't about one.
        reason: Why it is not verified or not applicable; empty otherwise.
        remediation: What mends it: words, and YAML or a marker to be pasted where there is some.
        waiver: What excuses it; None where nothing does.
    """

    id: str
    title: str
    state: Status
    severity: Severity
    controls: tuple[str, ...] = ()
    subject: str = ""
    holder: Holder | None = None
    reason: str = ""
    evidence: tuple[EvidenceRef, ...] = ()
    remediation: str = ""
    waiver: Excuse | None = None


class AccessChecklist(msgspec.Struct, frozen=True, kw_only=True):
    """All items of one subject.

    Attributes:
        name: "permissions" or "scope".
        gap: Why the evidence is incomplete, told before all else; empty where it isn't.
    """

    name: str
    title: str
    items: tuple[AccessItem, ...]
    gap: str = ""
