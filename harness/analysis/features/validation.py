"""Stage 5, API-011: what the schema forbids is refused, what it allows is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.features.answers import Json, refused, taken
from harness.analysis.static.rules import listed
from harness.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.analysis.case import WindowCase
    from harness.model.findings import CheckOutcome, Finding

__all__ = ["bounds_are_held"]


def bounds_are_held(case: WindowCase) -> CheckOutcome:
    """API-011: each attempt of the window's facts was answered as the schema says."""
    facts = case.phase.facts
    attempts: list[Json] = facts.get("attempts") or []
    untried: list[Json] = facts.get("untried") or []
    if not attempts and not untried:
        return case.inapplicable("the schema demands nothing of the sample's fields")
    judged = [item for item in attempts if taken(item) or refused(item)]
    if not judged:
        if attempts:
            return case.undecided(f"no attempt was judged: {attempts[0].get('message')}")
        return case.undecided(f"no value was found that breaks {untried[0].get('rule')}")
    return case.decided([*_accepted(case, judged), *_unnamed(case, judged), *_barred(case, judged)])


def _accepted(case: WindowCase, attempts: list[Json]) -> Iterator[Finding]:
    """What must be refused and was taken, a finding a field."""
    wrong = [item for item in attempts if item["refused"] and taken(item) and not _filled(item)]
    for path in dict.fromkeys(str(item["path"]) for item in wrong):
        found = [item for item in wrong if item["path"] == path]
        first = found[0]
        how = ", replaced silently" if first.get("changed") else ""
        yield case.finding(
            f"{case.phase.facts.get('kind')} takes {path or 'the object'} = {first['value']}"
            f"{how}, against {first['rule']}",
            subject=f"{case.subject}, {path}" if path else case.subject,
            detail=listed(
                [
                    f"{path} = {item['value']} must be refused by {item['rule']}; it was taken"
                    + (f" and became {item['got']}" if item.get("changed") else "")
                    for item in found
                ]
            ),
            severity=Severity.MINOR if all(map(_emptied, found)) else None,
        )


def _emptied(item: Json) -> bool:
    """Whether a zero or an empty text was replaced: a webhook in Go takes it for absent."""
    return bool(item.get("empty") and item.get("changed"))


def _filled(item: Json) -> bool:
    """Whether a required field was filled in by a mutating webhook, as one in Go does unasked."""
    return bool(item["rule"] == "required" and item.get("changed"))


def _unnamed(case: WindowCase, attempts: list[Json]) -> Iterator[Finding]:
    """What was refused without a word of the field."""
    silent = [
        item
        for item in attempts
        if item["refused"] and refused(item) and str(item["field"]) not in str(item["message"])
    ]
    if silent:
        first = silent[0]
        yield case.finding(
            f"{len(silent)} {'refusal does' if len(silent) == 1 else 'refusals do'} not say which "
            f"field of {case.phase.facts.get('kind')} is wrong",
            detail=listed(
                [f"{item['path']} = {item['value']}: {item['message']}" for item in silent]
            ),
            subject=f"{case.subject}, {first['path']}",
            severity=Severity.MINOR,
            remedy="Return field errors (field.Invalid with the path), which name the field.",
        )


def _barred(case: WindowCase, attempts: list[Json]) -> Iterator[Finding]:
    """What the schema allows and nothing takes."""
    wrong = [
        item
        for item in attempts
        if not item["refused"] and refused(item) and str(item["field"]) in str(item["message"])
    ]
    for item in wrong:
        yield case.finding(
            f"{case.phase.facts.get('kind')} refuses {item['path']} = {item['value']}, "
            f"which {item['rule']} allows",
            subject=f"{case.subject}, {item['path']}",
            detail=f"The answer was {item['status']}: {item['message']}",
            severity=Severity.MINOR,
            remedy="Let the schema say what is really allowed.",
        )
