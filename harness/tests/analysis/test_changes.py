"""What writes changed, a field a line."""

from __future__ import annotations

from harness.analysis.changes import changed_fields, last_change
from harness.model.resource import ObjectKey
from harness.tests.analysis.recording import Recording, child, span

PAGE = ObjectKey(resource="configmaps", namespace="default", name="page")


def test_fields_are_named_by_their_path() -> None:
    before = {"spec": {"size": 1, "names": ["a", "b"], "ports": [1]}, "same": 1}
    after = {"spec": {"size": 2, "names": ["a", "c"], "ports": [1, 2]}, "same": 1, "new": "x" * 99}

    assert changed_fields(before, after) == (
        "spec.size: 1 -> 2",
        'spec.names[1]: "b" -> "c"',
        "spec.ports: [1] -> [1, 2]",
        f'new: nothing -> "{"x" * 58}…',
    )


def test_bookkeeping_of_the_api_server_is_no_change() -> None:
    before = {"metadata": {"resourceVersion": "1", "generation": 1}}
    after = {"metadata": {"resourceVersion": "2", "generation": 2}}

    assert changed_fields(before, after) == ()


def test_many_fields_are_cut_short() -> None:
    rows = changed_fields({}, {f"field{number}": number for number in range(12)})

    assert len(rows) == 9
    assert rows[-1] == "and 4 more fields"


def test_a_change_needs_two_states_and_one_in_the_window(recording: Recording) -> None:
    assert last_change(recording.evidence, PAGE, span(10, 20)) == ()
    recording.event(5, "ADDED", child("ConfigMap", "page"), resource="configmaps")
    recording.event(
        6, "MODIFIED", child("ConfigMap", "page", labels={"a": "b"}), resource="configmaps"
    )

    assert last_change(recording.evidence, PAGE, span(10, 20)) == ()
    assert last_change(recording.evidence, PAGE, span(1, 20)) == (
        "metadata.labels: nothing -> {'a': 'b'}",
    )
