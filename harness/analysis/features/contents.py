"""Stage 5, API-018 and API-019: defaults appear, unknown fields go or stay as declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.analysis.features.answers import Json, shown, taken
from harness.analysis.static.rules import listed

if TYPE_CHECKING:
    from harness.analysis.case import WindowCase
    from harness.model.findings import CheckOutcome

__all__ = ["defaults_appear", "unknown_fields_are_pruned"]


def defaults_appear(case: WindowCase) -> CheckOutcome:
    """API-018: a field that is left out comes back with the schema's default."""
    fields: list[Json] = case.phase.facts.get("fields") or []
    if not fields:
        return case.inapplicable("no field of the sample's objects has a default")
    judged = [item for item in fields if taken(item)]
    if not judged:
        return case.undecided(
            f"the sample is refused without {fields[0]['path']}: {fields[0]['message']}"
        )
    return case.decided(
        [
            case.finding(
                f"{case.phase.facts.get('kind')} without {item['path']} gets "
                f"{shown(item['got'])}, though its default is {shown(item['default'])}",
                subject=f"{case.subject}, {item['path']}",
                detail=f"The schema says default: {shown(item['default'])}. A dry run of the "
                f"sample without {item['path']} came back with {shown(item['got'])}: "
                "a mutating webhook or a conversion has replaced it.",
            )
            for item in judged
            if not _holds(item["default"], item["got"])
        ]
    )


def _holds(default: Any, got: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether a default is there; defaults of its own fields may have been added to it."""
    if isinstance(default, dict) and isinstance(got, dict):
        return all(_holds(value, got.get(name)) for name, value in default.items())
    return bool(default == got)


def unknown_fields_are_pruned(case: WindowCase) -> CheckOutcome:
    """API-019: dropped where nothing is said, kept where the schema says so."""
    places: list[Json] = case.phase.facts.get("places") or []
    judged = [item for item in places if taken(item)]
    if not judged:
        if not places:
            return case.inapplicable("the sample has no object that could hold an unknown field")
        return case.undecided(f"the dry runs were refused: {places[0]['message']}")
    kind = case.phase.facts.get("kind")
    lost = [item["path"] for item in judged if item["preserved"] and not item["kept"]]
    kept = [item["path"] for item in judged if not item["preserved"] and item["kept"]]
    silent = [
        item["path"]
        for item in judged
        if not item["preserved"] and taken({"status": item["strict"]})
    ]
    findings = [
        case.finding(
            f"{kind} loses unknown fields of {paths[0]}, which are to be preserved"
            if paths is lost
            else f"{kind} {words} {paths[0]}, which nothing declares",
            subject=f"{case.subject}, {paths[0]}",
            detail=listed([f"{path}.harnessUnknownField {end}" for path in paths]),
        )
        for paths, words, end in (
            (lost, "", "was sent and didn't come back, though preserve-unknown-fields is set"),
            (kept, "keeps unknown fields of", "was kept, though nothing declares it"),
            (silent, "takes unknown fields of", "was taken by fieldValidation=Strict"),
        )
        if paths
    ]
    return case.decided(findings)
