"""Barriers: a window isn't judged before its evidence is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from harness.clock import SYSTEM_CLOCK, FakeClock
from harness.errors import EvidenceError
from harness.evidence.ndjson import NdjsonWriter
from harness.kube.client import KubeClient
from harness.kube.connection import Connection, Credentials
from harness.model.records import TimelineEvent
from harness.model.resource import ObjectKey
from harness.probes.barrier import audit_barrier, timeline_barrier
from harness.tests.kube.scripted import ScriptedServer, answer, item, status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.evidence.folder import RunFolder

KEY = ObjectKey(resource="configmaps", namespace="ns", name="a", uid="u-a")
CORE = answer(
    {
        "kind": "APIGroupDiscoveryList",
        "items": [
            {
                "versions": [
                    {
                        "version": "v1",
                        "resources": [
                            {"resource": "configmaps", "responseKind": {"kind": "ConfigMap"}}
                        ],
                    }
                ]
            }
        ],
    }
)
REST = answer({"kind": "APIGroupDiscoveryList"})


class Meanwhile(FakeClock):
    """Does something each time it is slept on."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._act()


def write(run: RunFolder, kind: str, version: str = "", key: ObjectKey = KEY) -> None:
    writer = NdjsonWriter(run.timeline / "configmaps.ndjson")
    writer.write(
        TimelineEvent(stamp=SYSTEM_CLOCK.now(), type=kind, key=key, resource_version=version)
    )
    writer.close()


class TestAudit:
    """audit_barrier."""

    def test_it_ends_when_its_own_request_is_in_the_log(self, tmp_path: Path) -> None:
        log = tmp_path / "audit.log"
        log.write_text("old\n")
        with ScriptedServer(status(404)) as server:

            def logs() -> None:
                for stage in ("RequestReceived", "ResponseComplete"):
                    line = {"stage": stage, "requestURI": server.requests[0].path}
                    with log.open("a") as file:
                        file.write(json.dumps(line, separators=(",", ":")) + "\n")

            connection = Connection(Credentials(server.url))
            audit_barrier(connection, log, timeout=5, clock=Meanwhile(logs))
            connection.close()
        (asked,) = server.requests
        assert asked.method == "GET"
        assert asked.path.startswith("/api/v1/namespaces/default/configmaps/harness-barrier-")

    def test_a_log_that_stays_silent_is_an_error_of_ours(self, tmp_path: Path) -> None:
        with ScriptedServer(status(404)) as server:
            connection = Connection(Credentials(server.url))
            with pytest.raises(EvidenceError, match="audit log"):
                audit_barrier(connection, tmp_path / "audit.log", timeout=1, clock=FakeClock())
            connection.close()


class TestTimeline:
    """timeline_barrier."""

    @staticmethod
    def wait(run: RunFolder, found: object, act: Callable[[], None] = lambda: None) -> None:
        present = answer(found) if found else status(404)
        with ScriptedServer(CORE, REST, present) as server:
            connection = Connection(Credentials(server.url))
            try:
                timeline_barrier(
                    KubeClient(connection), run, [KEY], timeout=1, clock=Meanwhile(act)
                )
            finally:
                connection.close()

    def test_a_version_that_is_there_already_is_enough(self, run: RunFolder) -> None:
        write(run, "ADDED", "5")
        self.wait(run, item("a", "5"))

    def test_a_later_version_is_enough_too(self, run: RunFolder) -> None:
        write(run, "LISTED", "10")
        self.wait(run, item("a", "9"))

    def test_a_version_is_awaited(self, run: RunFolder) -> None:
        write(run, "ADDED", "5")
        self.wait(run, item("a", "6"), lambda: write(run, "MODIFIED", "6"))

    def test_another_objects_events_do_not_count(self, run: RunFolder) -> None:
        write(run, "ADDED", "6", ObjectKey(resource="configmaps", namespace="x", name="a"))
        write(run, "ADDED", "6", ObjectKey(resource="configmaps", namespace="ns", name="b"))
        with pytest.raises(EvidenceError, match="at version 6"):
            self.wait(run, item("a", "6"))

    def test_the_deletion_is_awaited_where_the_object_is_gone(self, run: RunFolder) -> None:
        write(run, "ADDED", "5")
        self.wait(run, None, lambda: write(run, "DELETED", "6"))

    def test_a_deletion_that_does_not_come_is_told(self, run: RunFolder) -> None:
        write(run, "ADDED", "5")
        with pytest.raises(EvidenceError, match="deleted"):
            self.wait(run, None)

    def test_an_object_whose_name_another_has_taken_is_gone(self, run: RunFolder) -> None:
        write(run, "ADDED", "5")
        taken = {"metadata": {"name": "a", "uid": "u-other", "resourceVersion": "9"}}
        self.wait(run, taken, lambda: write(run, "DELETED", "6"))

    def test_what_never_was_needs_no_event(self, run: RunFolder) -> None:
        self.wait(run, None)

    def test_a_deletion_inside_a_gap_is_known_from_the_new_list(self, run: RunFolder) -> None:
        write(run, "ADDED", "5")
        write(run, "GAP", key=ObjectKey(resource="configmaps", name=""))
        self.wait(run, None)
