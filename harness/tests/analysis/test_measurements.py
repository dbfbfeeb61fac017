"""Numbers: convergences, series, phase bands and the summary figures."""

from __future__ import annotations

from typing import Any

import pytest

from harness.analysis import bands, convergences, measure, series
from harness.evidence.ndjson import NdjsonWriter
from harness.model.installation import MetricsEndpoint
from harness.model.measurement import Measurement
from harness.model.records import Action
from harness.model.resource import ObjectKey
from harness.model.soak import Disturbance, Plateau
from harness.model.target import Readiness
from harness.tests.analysis.recording import (
    BOOK,
    BOOKS,
    CONTROLLERS,
    Recording,
    at,
    book,
    child,
    span,
)


def figures(recording: Recording) -> dict[str, Measurement]:
    return {item.name: item for item in measure(recording.evidence)}


def owned(kind: str, name: str, **more: Any) -> dict[str, Any]:
    status = more.pop("status", {})
    body = child(kind, name, owner="book-1", **more)
    return body | {"status": status}


class TestConvergence:
    def test_is_from_the_send_to_the_first_ready_event(self, recording: Recording) -> None:
        recording.stimulus(10, Action.CREATE, generation=1, status=201, took=0.02)
        recording.event(10.03, "ADDED", book())
        recording.event(10.25, "MODIFIED", book(observed=1, ready="True"))
        recording.event(10.9, "MODIFIED", book(observed=1, ready="True"))

        (item,) = convergences(recording.evidence)

        assert item.action == "create"
        assert item.latency_ms == pytest.approx(250)
        assert item.acknowledged_ms == pytest.approx(20)
        assert item.echoed_ms == pytest.approx(30)
        assert [(mark.ms, mark.label, mark.lane) for mark in item.marks] == [
            (0, "create sent", "stimulus"),
            (20, "accepted", "stimulus"),
            (30, "seen by the watch", "custom resource"),
            (250, "observedGeneration 1", "custom resource"),
            (250, "Ready=True", "custom resource"),
            (250, "ready", "custom resource"),
        ]

    def test_of_an_update_ignores_states_of_the_generation_before(
        self, recording: Recording
    ) -> None:
        recording.stimulus(10, Action.UPDATE, generation=2)
        recording.event(10.01, "MODIFIED", book(observed=1, ready="True"))
        recording.event(10.02, "MODIFIED", book(generation=2, observed=1, ready="True"))
        recording.event(10.5, "MODIFIED", book(generation=2, observed=2, ready="True"))

        (item,) = convergences(recording.evidence)

        assert item.latency_ms == pytest.approx(500)
        assert item.echoed_ms == pytest.approx(20)

    def test_that_never_came_has_no_latency(self, recording: Recording) -> None:
        recording.stimulus(10, Action.CREATE, generation=1, status=201)
        recording.event(10.01, "ADDED", book())
        recording.event(30, "DELETED", book(observed=1, ready="True"))

        (item,) = convergences(recording.evidence)

        assert item.latency_ms is None
        assert "convergence_latency_max" not in figures(recording)

    def test_of_an_object_that_nobody_saw_has_only_the_answer(self, recording: Recording) -> None:
        recording.stimulus(10, Action.CREATE, generation=1, status=201)

        (item,) = convergences(recording.evidence)

        assert item.echoed_ms is None
        assert item.acknowledged_ms == pytest.approx(10)

    def test_ends_at_the_next_stimulus_or_the_end_of_its_window(self, recording: Recording) -> None:
        recording.stimulus(10, Action.UPDATE, generation=2)
        recording.stimulus(11, Action.UPDATE, generation=3)
        recording.stimulus(20, Action.UPDATE, generation=4)
        recording.stimulus(
            10.5, Action.UPDATE, ObjectKey(resource="x", name="y", namespace="default")
        )
        recording.phase(19, 25)
        recording.event(12, "MODIFIED", book(generation=3, observed=3, ready="True"))
        recording.event(26, "MODIFIED", book(generation=4, observed=4, ready="True"))

        latencies = [item.latency_ms for item in convergences(recording.evidence)]

        assert latencies == [None, pytest.approx(1000), None]

    def test_is_measured_only_where_a_new_generation_was_accepted(
        self, recording: Recording
    ) -> None:
        recording.stimulus(10, Action.UPDATE, generation=2)
        recording.stimulus(11, Action.UPDATE, generation=2)  # nothing changed
        recording.stimulus(12, Action.UPDATE, generation=3, status=409)
        recording.stimulus(13, Action.DELETE)
        recording.stimulus(14, Action.RESTART, None)
        recording.stimulus(15, Action.CREATE, ObjectKey(resource="configmaps", name="x"))
        recording.stimulus(16, Action.CREATE, generation=0)

        assert len(convergences(recording.evidence)) == 1

    def test_by_settling_is_the_last_state_of_its_window(self, recording: Recording) -> None:
        recording.target(ready=Readiness(writes="settled"))
        recording.stimulus(10, Action.CREATE, generation=1, status=201)
        recording.phase(9, 20)
        for second in (10.1, 11, 12):
            recording.event(second, "MODIFIED", book())

        assert convergences(recording.evidence)[0].latency_ms == pytest.approx(2000)

    def test_shows_what_became_of_the_children(self, recording: Recording) -> None:
        recording.stimulus(10, Action.CREATE, BOOK, generation=1, status=201)
        recording.event(10.01, "ADDED", book())
        recording.event(11, "MODIFIED", book(observed=1, ready="True"))
        for second, kind, body in (
            (10.1, "ADDED", owned("Deployment", "web", uid="d", generation=1)),
            (
                10.2,
                "MODIFIED",
                owned(
                    "Deployment",
                    "web",
                    uid="d",
                    generation=2,
                    status={"conditions": [{"type": "Available", "status": "True"}]},
                ),
            ),
            (10.3, "MODIFIED", owned("Deployment", "web", uid="d", generation=2)),
            (10.4, "DELETED", owned("Deployment", "web", uid="d")),
            (12, "ADDED", owned("Deployment", "late", uid="l")),
            (10.5, "ADDED", child("Deployment", "strange", uid="s")),
        ):
            recording.event(second, kind, body, resource="deployments.apps")
        recording.event(10.6, "ADDED", child("ReplicaSet", "r", owner="d"), resource="replicasets")

        marks = convergences(recording.evidence)[0].marks

        assert [
            (m.label, m.lane) for m in marks if m.lane not in {"stimulus", "custom resource"}
        ] == [
            ("created", "Deployment web"),
            ("changed (generation 2)", "Deployment web"),
            ("Available=True", "Deployment web"),
            ("deleted", "Deployment web"),
            ("created", "ReplicaSet r"),
        ]

    def test_finds_children_by_the_uid_that_the_watch_saw(self, recording: Recording) -> None:
        key = ObjectKey(resource=BOOKS, namespace="default", name="sample")
        recording.stimulus(10, Action.CREATE, key, generation=1, status=201)
        recording.event(10.01, "ADDED", book())
        recording.event(10.1, "ADDED", owned("ConfigMap", "page"), resource="configmaps")
        recording.event(11, "MODIFIED", book(ready="True"))

        lanes = [mark.lane for mark in convergences(recording.evidence)[0].marks]

        assert "ConfigMap page" in lanes


class TestLatencySummary:
    def run_of(self, recording: Recording, count: int) -> None:
        for number in range(count):
            action = Action.UPDATE if number else Action.CREATE
            start, generation = 10 * (number + 1), number + 1
            recording.stimulus(start, action, generation=generation, status=200)
            body = book(generation=generation, observed=generation, ready="True")
            recording.event(start + 0.1 * (number + 1) / count, "MODIFIED", body)

    def test_has_median_and_maximum_by_action(self, recording: Recording) -> None:
        self.run_of(recording, 4)

        found = figures(recording)

        assert found["convergence_latency_median"].value == pytest.approx(62.5)
        assert found["convergence_latency_create_max"].value == pytest.approx(25)
        assert found["convergence_latency_update_median"].value == pytest.approx(75)
        assert found["convergence_latency_update_max"].n == 3
        assert found["convergence_latency_max"].unit == "ms"
        assert "watch event" in found["convergence_latency_max"].method
        assert "convergence_latency_p99" not in found

    def test_has_a_p99_where_there_are_enough(self, recording: Recording) -> None:
        self.run_of(recording, 100)

        found = figures(recording)

        assert found["convergence_latency_p99"].value == pytest.approx(99)
        assert "convergence_latency_update_p99" not in found


class TestUse:
    def test_cpu_survives_a_restart_of_the_process(self, recording: Recording) -> None:
        recording.samples(
            (1, 42, 0.5, 30), (2, 42, 1.0, 50), (3, 43, 0.1, 20), (5, 43, 0.5, 20), (5, 43, 0.5, 1)
        )

        cpu, memory = series(recording.evidence)
        found = figures(recording)

        assert (cpu.name, cpu.unit, cpu.subject) == ("cpu", "cores", "manager")
        assert list(cpu.seconds) == [2, 5]
        assert cpu.values == pytest.approx((0.5, 0.2))
        assert list(memory.seconds) == [1, 2, 3, 5, 5]
        assert list(memory.values) == [30, 50, 20, 20, 1]
        assert found["operator_cpu"].value == pytest.approx(1.5)
        assert found["operator_memory_peak"].value == 50
        assert found["operator_memory_peak"].unit == "MiB"

    def test_of_a_sum_that_falls_is_never_negative(self, recording: Recording) -> None:
        recording.samples((1, 42, 1.0, 1), (2, 42, 0.4, 1), (3, 42, 0.6, 1))

        assert series(recording.evidence)[0].values == pytest.approx((0, 0.2))
        assert figures(recording)["operator_cpu"].value == pytest.approx(1.2)

    def test_of_other_processes_is_drawn_and_not_counted(self, recording: Recording) -> None:
        recording.samples((1, 7, 1.0, 1), (2, 7, 2.0, 1), process="etcd")
        recording.samples(process="manager")

        assert [item.subject for item in series(recording.evidence)] == ["etcd", "etcd"]
        assert "operator_cpu" not in figures(recording)

    def test_without_installation_has_no_figures(self, recording: Recording) -> None:
        recording.samples((1, 42, 0.5, 30))
        recording.run.installation_file.unlink()

        assert figures(recording) == {}

    def test_ignores_columns_of_another_kind(self, recording: Recording) -> None:
        recording.samples((1, 42, 0.5, 30))
        for ending in ("", ".json"):
            file = recording.run.samples / f"process-manager.i64{ending}"
            file.rename(recording.run.samples / f"latency.i64{ending}")

        assert series(recording.evidence) == ()


PAGE = """# TYPE controller_runtime_reconcile_total counter
controller_runtime_reconcile_total{{controller="book",result="success"}} {success}
controller_runtime_reconcile_total{{controller="book",result="error"}} {error}
# TYPE workqueue_adds_total counter
workqueue_adds_total{{name="book"}} {adds}
"""


class TestCounters:
    def test_survive_a_restart_and_pages_that_cannot_be_read(self, recording: Recording) -> None:
        recording.page(1, PAGE.format(success=2, error=0, adds=3))
        recording.page(2, "<html>")
        recording.page(3, "", status=500)
        recording.page(4, PAGE.format(success=5, error=1, adds=9))
        recording.page(5, PAGE.format(success=1, error=0, adds=2))

        found = figures(recording)

        assert found["reconciles"].value == 7
        assert found["reconciles_success"].value == 6
        assert found["reconciles_error"].value == 1
        assert found["workqueue_adds"].value == 11

    def test_of_another_dialect_are_not_read(self, recording: Recording) -> None:
        recording.page(1, PAGE.format(success=2, error=0, adds=3))
        recording.install(metrics=None)

        assert "reconciles" not in figures(recording)

    def test_under_names_of_its_own_are_read_as_those_that_its_target_says(
        self, recording: Recording
    ) -> None:
        recording.page(1, 'my_reconciles{controller="book"} 4\nmy_adds{name="book"} 6\n')
        names = {"controller_runtime_reconcile_total": "my_reconciles"}
        names["workqueue_adds_total"] = "my_adds"
        recording.install(metrics=MetricsEndpoint(url="x", dialect="plain", names=names))

        found = figures(recording)

        assert (found["reconciles"].value, found["workqueue_adds"].value) == (4, 6)
        assert not [name for name in found if name.startswith("reconciles_")], "it doesn't say how"

    def test_that_are_missing_are_not_zero(self, recording: Recording) -> None:
        recording.page(1, "up 1\n")

        assert "workqueue_adds" not in figures(recording)


def test_api_calls_are_counted_by_verb(recording: Recording) -> None:
    recording.call(2, "get", "configmaps", "page")
    recording.call(3, "get", "configmaps", "page", user=CONTROLLERS)

    found = figures(recording)

    assert found["api_calls"].value == 2
    assert found["api_calls_get"].value == 1
    assert found["api_calls_list"].value == 1


def test_bands_are_the_windows_on_the_runs_axis(recording: Recording) -> None:
    recording.phase(10, 12.5, name="silence")

    (band,) = bands(recording.evidence)

    assert (band.name, band.start_s, band.end_s) == ("silence", 10, 12.5)


def test_disturbances_of_a_soak_are_bands(recording: Recording) -> None:
    writer = NdjsonWriter(recording.run.disturbances_file)
    for tried in (True, False):
        writer.write(Disturbance(name="token", span=span(20, 25), after_cycle=3, tried=tried))
    writer.close()
    assert [(band.name, band.start_s, band.end_s) for band in bands(recording.evidence)] == [
        ("disturbance: token", 20, 25)
    ]


def test_cycles_of_a_soak_are_bands_that_stand_for_their_parts(recording: Recording) -> None:
    writer = NdjsonWriter(recording.run.plateaus_file)
    for cycle, second in enumerate((20, 30)):
        for workload in ("a", "b"):
            writer.write(
                Plateau(
                    cycle=cycle, workload=workload, stamp=at(second), pid=1, values={}, cpu_s=0.0
                )
            )
    writer.close()

    found = bands(recording.evidence)

    assert [(band.name, band.end_s, band.whole) for band in found] == [
        ("cycle 1", 20, True),
        ("cycle 2", 30, True),
    ]
    assert found[1].start_s == 20
