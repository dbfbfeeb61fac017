"""A check in full, for people: what, why, how it is tested, limits, how to mend and waive it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalogue.sources import source_address

if TYPE_CHECKING:
    from harness.model.findings import CheckInfo

__all__ = ["explain", "waiver"]

_UNWAIVABLE = "WAI-001"


def explain(check: CheckInfo) -> tuple[tuple[str, str], ...]:
    """Returns the parts of an explanation in the order of reading, as (title, text).

    Texts are one paragraph each, but for the last one, which ends with YAML to be pasted.
    """
    sources = "; ".join(
        f"{ref} ({address})" if (address := source_address(ref)) else ref for ref in check.refs
    )
    parts = (
        ("What", f"{check.title}. A finding of it is {check.severity.value}."),
        ("Why", check.why),
        ("How it is tested", check.how),
        ("What it needs", ", ".join(check.needs)),
        ("What it can't see", check.limits),
        ("How to mend it", check.remedy),
        ("Where it comes from", sources),
    )
    flat = tuple((title, " ".join(text.split())) for title, text in parts if text)
    return (*flat, ("How to waive it", waiver(check)))


def waiver(check: CheckInfo) -> str:
    """Returns how an exception is made, with what to paste into target.yaml."""
    if check.id == _UNWAIVABLE:
        return "It can't be waived: renew the waiver that expired, or remove it."
    return (
        "For a finding that is known and has to be lived with, in target.yaml; it ends by itself:\n"
        "\n"
        "waivers:\n"
        f"- check: {check.id}\n"
        "  match: manager-role      # part of the finding's subject or title; all without it\n"
        "  reason: why it has to be lived with, for whoever reads the report\n"
        "  expires: 2027-06-30      # the day after which it counts again\n"
        "  link: https://example.com/issues/1"
    )
