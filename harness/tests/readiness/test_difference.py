"""The difference tells what was awaited and what the last object had."""

from __future__ import annotations

from harness.model.target import Readiness
from harness.readiness import difference

SEEN = {
    "kind": "Guestbook",
    "metadata": {"name": "sample", "namespace": "smoke", "generation": 2},
    "status": {
        "observedGeneration": 1,
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "reason": "PodsNotReady",
                "message": "0 of 1\n pods",
                "observedGeneration": 1,
            },
            {"type": "Synced", "status": "True"},
        ],
    },
}


def test_conditions_and_generations_are_shown_beside_what_was_awaited() -> None:
    assert difference(SEEN, Readiness(condition="Ready"), 2).splitlines() == [
        "- awaited: condition Ready is True, generation 2",
        "+ seen: condition Ready is False (PodsNotReady: 0 of 1 pods)",
        "  object: Guestbook smoke/sample",
        "  generation: 2, observed 1",
        "  condition  status  reason        observedGeneration",
        "  Ready      False   PodsNotReady  1",
        "  Synced     True    -             -",
        "  Ready: 0 of 1 pods",
    ]


def test_an_object_that_isnt_there_is_said() -> None:
    assert difference(None, Readiness(cel="self.a"), None) == (
        "- awaited: CEL 'self.a' is true\n+ seen: the object isn't there"
    )


def test_a_bare_object_has_no_table() -> None:
    seen = {"kind": "Widget", "metadata": {"name": "w", "deletionTimestamp": "12:00"}}
    assert difference(seen, Readiness(), None).splitlines() == [
        "- awaited: current by the rules of kstatus",
        "+ seen: it is being deleted",
        "  object: Widget w, being deleted since 12:00",
        "  generation: none, no status.observedGeneration",
        "  conditions: none",
    ]


def test_a_state_other_than_in_progress_is_named() -> None:
    seen = {"status": {"conditions": [{"type": "Stalled", "status": "True", "reason": "x" * 99}]}}
    text = difference(seen, Readiness(), None)
    assert "+ seen: failed, condition Stalled is True" in text
    assert f"{'x' * 47}…" in text
    settled = difference({}, Readiness(writes="settled"), None)
    assert settled.startswith("- awaited: the operator has stopped writing to it\n+ seen: ready, ")
