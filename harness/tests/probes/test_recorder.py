"""Timelines: every event as evidence, and what was missed told beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.evidence.ndjson import read_ndjson
from harness.evidence.tail import Tail
from harness.kube.connection import Connection, Credentials
from harness.model.records import GapRecord, TimelineEvent
from harness.probes.recorder import Recorder
from harness.tests.kube.scripted import (
    HANG,
    Answer,
    ScriptedServer,
    event,
    item,
    listing,
    status,
    stream,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.evidence.folder import RunFolder
    from harness.model.resource import Resource

    Play = Callable[..., Recorder]


@pytest.fixture
def play(run: RunFolder) -> Iterator[Play]:
    """Makes a recorder of a server that gives these answers."""
    servers: list[ScriptedServer] = []
    recorders: list[Recorder] = []

    def make(*answers: Answer, resources: tuple[Resource, ...]) -> Recorder:
        server = ScriptedServer(*answers)
        servers.append(server)
        recorder = Recorder(
            run=run,
            connection=Connection(Credentials(server.url)),
            resources=resources,
            processes=dict,
        )
        recorders.append(recorder)
        return recorder

    yield make
    for recorder in recorders:
        recorder.stop()
    for server in servers:
        server.__exit__()


def await_line(run: RunFolder, key: str, part: bytes) -> None:
    with Tail(run.timeline / f"{key}.ndjson") as tail:
        assert tail.wait_for(lambda line: part in line, timeout=5)


def timeline(run: RunFolder, key: str = "configmaps") -> list[TimelineEvent]:
    return list(read_ndjson(run.timeline / f"{key}.ndjson", TimelineEvent))


def notes(run: RunFolder) -> list[GapRecord]:
    return list(read_ndjson(run.evidence / "probes.ndjson", GapRecord))


def test_events_are_on_disk_as_they_come(run: RunFolder, play: Play, configmaps: Resource) -> None:
    fields = [{"manager": "op", "operation": "Update"}]
    metadata = {"name": "a", "namespace": "ns", "uid": "u", "managedFields": fields}
    changed = event("MODIFIED", "a", "11", metadata={**metadata, "resourceVersion": "11"})
    recorder = play(
        listing("10", item("a", "4")),
        stream(changed, event("BOOKMARK", "", "12"), HANG),
        resources=(configmaps,),
    )
    recorder.start()
    assert [one.type for one in timeline(run)][:1] == ["LISTED"]  # listed once `start` returns
    await_line(run, "configmaps", b'"11"')
    listed, modified = timeline(run)
    assert listed.object["kind"] == "ConfigMap"
    assert (modified.type, modified.resource_version) == ("MODIFIED", "11")
    assert str(modified.key) == "configmaps ns/a"
    assert modified.key.uid == "u"
    assert modified.managers == ("op/Update",)
    assert "managedFields" not in modified.object["metadata"]
    assert modified.stamp.mono_ns > listed.stamp.mono_ns
    recorder.stop()
    assert notes(run) == []


def test_secrets_are_hashed_before_they_are_written(
    run: RunFolder, play: Play, secrets: Resource
) -> None:
    play(listing("1", item("s", "1", data={"k": "Y2FuYXJ5"})), resources=(secrets,)).start()
    text = (run.timeline / "secrets.ndjson").read_text()
    assert "dataHash" in text
    assert "Y2FuYXJ5" not in text


def test_a_gap_is_in_the_timeline_and_in_the_notes(
    run: RunFolder, play: Play, configmaps: Resource
) -> None:
    recorder = play(
        listing("1", item("a", "1")),
        status(410),
        listing("9", item("a", "8")),
        resources=(configmaps,),
    )
    recorder.start()
    await_line(run, "configmaps", b'"8"')
    recorder.stop()
    assert [one.type for one in timeline(run)] == ["LISTED", "GAP", "LISTED"]
    (note,) = notes(run)
    assert note.source == "timeline/configmaps"
    assert note.span.end.mono_ns >= note.span.start.mono_ns


def test_a_resource_that_is_refused_is_told_and_ends_nothing(
    run: RunFolder, play: Play, configmaps: Resource
) -> None:
    recorder = play(status(403, "Forbidden", "not yours"), resources=(configmaps,))
    recorder.start()  # returns, though nothing was listed
    recorder.stop()
    (note,) = notes(run)
    assert "not yours" in note.reason


def test_a_resource_that_appears_later_is_recorded_from_then_on(
    run: RunFolder, play: Play, configmaps: Resource
) -> None:
    recorder = play(status(404, "NotFound"), listing("5", item("a", "5")), resources=(configmaps,))
    recorder.start()
    await_line(run, "configmaps", b'"5"')
    recorder.stop()
    (note,) = notes(run)
    assert "404" in note.reason


def test_resources_can_be_added_while_it_runs(
    run: RunFolder, configmaps: Resource, secrets: Resource
) -> None:
    with ScriptedServer(
        listing("1", item("a", "1")), stream(HANG), listing("2", item("s", "2"))
    ) as server:
        recorder = Recorder(
            run=run,
            connection=Connection(Credentials(server.url)),
            resources=[configmaps],
            processes=dict,
        )
        recorder.start()
        server.await_requests(2)  # the first resource's watch has taken its answer
        recorder.add([configmaps, secrets])
        assert recorder.recorded == ("configmaps", "secrets")
        assert len(timeline(run)) == len(timeline(run, "secrets")) == 1
        recorder.stop()
        recorder.add([configmaps])  # too late, and harmless


def test_a_full_disk_is_told_and_ends_only_its_timeline(
    run: RunFolder, play: Play, configmaps: Resource
) -> None:
    (run.timeline / "configmaps.ndjson").symlink_to("/dev/full")
    recorder = play(listing("1", item("a", "1")), resources=(configmaps,))
    recorder.start()
    recorder.stop()
    (note,) = notes(run)
    assert "No space left" in note.reason


def test_a_server_that_is_gone_at_the_end_is_told(run: RunFolder, configmaps: Resource) -> None:
    with ScriptedServer(listing("1"), stream(HANG)) as server:
        recorder = Recorder(
            run=run,
            connection=Connection(Credentials(server.url)),
            resources=[configmaps],
            processes=dict,
        )
        recorder.start()
        server.await_requests(2)
    _await_broken(recorder)
    recorder.stop()
    recorder.stop()
    (note,) = notes(run)
    assert "couldn't be reached" in note.reason


def _await_broken(recorder: Recorder) -> None:
    """Returns when the only watch has noticed that its server is gone."""
    (timeline,) = recorder._timelines.values()
    assert timeline._watch is not None
    for _ in range(500):
        if timeline._watch.broken:
            return
        timeline._stopped.wait(0.01)
    raise AssertionError("the watch didn't break")
