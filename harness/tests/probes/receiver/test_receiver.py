"""From a server's bytes to rows, and the process around it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml

from harness import command
from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ApiError, UsageError
from harness.evidence.columns import Columns, read_columns
from harness.model.load import EVENT_COLUMNS, EventType, uid_hash
from harness.model.resource import Resource
from harness.model.target import Readiness
from harness.probes.receiver.plan import (
    FOOTPRINT_COLUMNS,
    ReceiverPlan,
    ReceiverState,
    read_plan,
)
from harness.probes.receiver.receiver import Receiver
from harness.tests.kube.scripted import HANG, ScriptedServer, listing, status, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.tests.kube.scripted import Answer

TASKS = Resource(group="example.org", version="v1", plural="tasks", kind="Task", namespaced=True)


def metadata(index: int, version: int, generation: int) -> dict[str, Any]:
    return {
        "name": f"load-2af3-{index:07d}",
        "uid": f"{index:08x}-0000-4000-8000-000000000000",
        "resourceVersion": str(version),
        "generation": generation,
        "managedFields": [{"manager": "operator-harness-load", "time": "t"}],
    }


def uid(index: int) -> int:
    return uid_hash(f"{index:08x}-0000-4000-8000-000000000000")


def task(index: int, version: int, *, generation: int = 1, observed: int = 0) -> dict[str, Any]:
    condition = {"type": "Ready", "status": "True", "observedGeneration": observed}
    found: dict[str, Any] = {"metadata": metadata(index, version, generation)}
    if observed:
        found["status"] = {"observedGeneration": observed, "conditions": [condition]}
    return found


def event(kind: str, *args: int, **more: int) -> bytes:
    obj = {"apiVersion": "example.org/v1", "kind": "Task", **task(*args, **more)}
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def mark(version: int) -> bytes:
    obj = {"kind": "Task", "metadata": {"resourceVersion": str(version)}}
    return json.dumps({"type": "BOOKMARK", "object": obj}).encode() + b"\n"


GONE = json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": 410}}).encode() + b"\n"


class Receiving:
    """A receiver in this process, against a server that plays."""

    def __init__(self, folder: Path, *answers: Answer, **more: Any) -> None:
        self.server = ScriptedServer(*answers)
        self.plan = plan(folder, self.server.url, **more)
        self.receiver = Receiver(self.plan)
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.receiver.run()
        except ApiError as error:
            self.error = error

    def rows(self, count: int) -> list[dict[str, int]]:
        """Waits until there are so many, ends the receiver, and returns all."""
        events = Path(self.plan.folder, "events.i64")
        deadline = Deadline(10)
        while len(read_columns(events)) < count:
            assert deadline.remaining > 0, f"only {len(read_columns(events))} rows came"
            SYSTEM_CLOCK.sleep(0.002)
        self.close()
        found = read_columns(events)
        return [dict(zip(found.names, row, strict=True)) for row in found.rows]

    def close(self) -> None:
        self.receiver.stop()
        self._thread.join(10)
        self.server.__exit__()

    def footprint(self) -> Columns:
        return read_columns(Path(self.plan.folder, "receiver.i64"))

    def state(self) -> ReceiverState:
        return msgspec.json.decode(Path(self.plan.state).read_bytes(), type=ReceiverState)


def plan(folder: Path, url: str, **more: Any) -> ReceiverPlan:
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig))
    path.chmod(0o600)
    settings: dict[str, Any] = {
        "kubeconfig": str(path),
        "resource": TASKS,
        "ready": Readiness(condition="Ready"),
        "name_prefix": "load-2af3-",
        "folder": str(folder / "load"),
        "state": str(folder / "state.json"),
    }
    return ReceiverPlan(**(settings | more))


@pytest.fixture
def receive(tmp_path: Path) -> Iterator[Any]:
    running: list[Receiving] = []

    def start(*answers: Answer, **more: Any) -> Receiving:
        running.append(Receiving(tmp_path, *answers, **more))
        return running[-1]

    yield start
    for each in running:
        each.close()


def brief(rows: list[dict[str, int]]) -> list[tuple[int, ...]]:
    return [
        (row["type"], row["object"], row["generation"], row["observed"], row["done"])
        for row in rows
    ]


def test_each_event_is_a_row(receive: Any) -> None:
    running = receive(
        listing("5", task(1, 4, observed=1)),
        stream(
            event("ADDED", 2, 6),
            event("MODIFIED", 2, 7, observed=1) + event("MODIFIED", 2, 8, generation=2, observed=1),
            mark(9),
            event("DELETED", 2, 10, generation=2, observed=1),
            HANG,
        ),
    )
    rows = running.rows(7)
    assert brief(rows) == [
        (EventType.ADDED, 1, 1, 1, 1),
        (EventType.BOOKMARK, -1, 0, -1, 0),
        (EventType.ADDED, 2, 1, -1, 0),
        (EventType.MODIFIED, 2, 1, 1, 1),
        (EventType.MODIFIED, 2, 2, 1, 0),
        (EventType.BOOKMARK, -1, 0, -1, 0),
        (EventType.DELETED, 2, 2, 1, 0),
    ]
    assert tuple(rows[0]) == EVENT_COLUMNS
    assert [row["uid"] for row in rows] == [uid(1), 0, uid(2), uid(2), uid(2), 0, uid(2)]
    assert [row["writer"] for row in rows] == [0, 0, 0, 1, 0, 0, 0]
    stamps = [row["received_ns"] for row in rows]
    assert stamps == sorted(stamps)
    assert stamps[3] == stamps[4], "they came in one piece"


def test_a_relist_marks_a_gap_and_tells_what_was_deleted_in_it(receive: Any) -> None:
    running = receive(
        listing("5", task(1, 4), task(2, 5)),
        stream(GONE),
        listing("9", task(2, 5), task(3, 8)),
        stream(HANG),
    )
    rows = running.rows(8)
    assert brief(rows) == [
        (EventType.ADDED, 1, 1, -1, 0),
        (EventType.ADDED, 2, 1, -1, 0),
        (EventType.BOOKMARK, -1, 0, -1, 0),
        (EventType.GAP, -1, 0, -1, 0),
        (EventType.ADDED, 2, 1, -1, 0),
        (EventType.ADDED, 3, 1, -1, 0),
        (EventType.DELETED, 1, 0, -1, 0),
        (EventType.BOOKMARK, -1, 0, -1, 0),
    ]
    assert rows[6]["uid"] == uid(1)
    assert running.footprint()["gaps"][-1] == 1


def test_each_namespace_has_its_watch_and_all_must_be_listed(receive: Any) -> None:
    both = threading.Event()  # the first list is answered when the second has been asked for
    page = listing("5")
    page = page._replace(steps=(both, *page.steps))
    running = receive(page, page, stream(HANG), stream(HANG), namespaces=("a", "b"), labels="x=y")
    running.server.await_requests(2)
    both.set()
    rows = running.rows(2)
    assert {row["type"] for row in rows} == {EventType.BOOKMARK}
    paths = {request.path for request in running.server.requests}
    assert paths == {f"/apis/example.org/v1/namespaces/{name}/tasks" for name in "ab"}
    assert all(request.query["labelSelector"] == "x=y" for request in running.server.requests)
    state = running.state()
    assert state.pid == os.getpid()
    assert state.listed_ns == max(row["received_ns"] for row in rows)


def test_its_own_cost_is_told(receive: Any) -> None:
    running = receive(listing("5", task(1, 4), task(2, 5)), stream(HANG))
    running.rows(3)
    footprint = running.footprint()
    assert footprint.names == FOOTPRINT_COLUMNS
    *_, last = footprint.rows
    found = dict(zip(footprint.names, last, strict=True))
    assert (found["events"], found["objects"], found["gaps"]) == (3, 2, 0)
    assert found["cpu_ns"] > 0
    assert found["rss_bytes"] == -1 or found["rss_bytes"] > 1_000_000


def test_a_server_that_refuses_is_told_and_ends_it(receive: Any) -> None:
    running = receive(status(403, "Forbidden", "tasks is forbidden"))
    running._thread.join(10)
    assert isinstance(running.error, ApiError)
    assert "forbidden" in running.state().error
    assert running.state().listed_ns == 0


class TestProcess:
    def start(
        self, folder: Path, *, lifeline: bool = False
    ) -> tuple[ScriptedServer, command.Spawned, int]:
        """Starts the program; returns its server, itself, and our end of its lifeline."""
        server = ScriptedServer(listing("5", task(1, 4)), stream(HANG))
        theirs, ours = os.pipe()
        told = plan(folder, server.url, lifeline=theirs if lifeline else -1)
        file = folder / "plan.json"
        file.write_bytes(msgspec.json.encode(told))
        process = command.spawn(
            (sys.executable, "-P", "-m", "harness.probes.receiver", str(file)),
            env=command.environment({"PYTHONPATH": os.pathsep.join(sys.path)}),
            pass_fds=(theirs,),
        )
        os.close(theirs)
        server.await_requests(2)  # it lists, and then watches
        return server, process, ours

    def test_it_ends_on_a_signal(self, tmp_path: Path) -> None:
        server, process, ours = self.start(tmp_path)
        with server:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            os.close(ours)
        assert len(read_columns(tmp_path / "load" / "events.i64")) == 2

    def test_it_ends_with_its_lifeline(self, tmp_path: Path) -> None:
        server, process, ours = self.start(tmp_path, lifeline=True)
        with server:
            os.close(ours)
            assert process.wait(10) == 0

    def test_a_kill_loses_nothing_that_was_received(self, tmp_path: Path) -> None:
        server, process, ours = self.start(tmp_path)
        with server:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            os.close(ours)
        assert len(read_columns(tmp_path / "load" / "events.i64")) == 2


def test_a_plan_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(UsageError, match=r"plan\.json"):
        read_plan(tmp_path / "plan.json")
