"""Stage 4b: when the operator's containers began and ended, and how, by a watch of its Pods."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from harness.errors import ApiError, EvidenceError
from harness.evidence.ndjson import NdjsonWriter
from harness.kube.pods import deployment_of
from harness.kube.watch import Watch
from harness.model.records import ProcessEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.kube.connection import Connection
    from harness.kube.watch import WatchEvent
    from harness.model.installation import Workload
    from harness.model.resource import Resource
    from harness.model.time import Stamp
    from harness.probes.notes import Notes
    from harness.probes.podlogs import Logs

__all__ = ["Containers", "PodWatch"]

Json = dict[str, Any]  # any JSON object

_JOIN_S = 5.0
_BEGIN_S = 10.0


class _Start(msgspec.Struct, frozen=True, kw_only=True):
    """One start of a container: how often it was restarted before, and how it ended, if so."""

    number: int
    ended: Json | None = None


class Containers:
    """Turns states of Pods into starts and ends; knows no cluster.

    Each start and each end is told once, in order. An end is asked for where its Pod was being
    deleted: by us, by a rollout or by an eviction; none of them is the operator's doing.

    Args:
        workloads: The operator's, with the names of their containers.
    """

    def __init__(self, workloads: Sequence[Workload]) -> None:
        self._containers = {(item.namespace, item.name): item.container for item in workloads}
        self._begun: dict[str, int] = {}  # the latest start, by the Pod's uid
        self._over: dict[str, int] = {}
        self.nodes: dict[str, str] = {}
        """Where each living Pod runs, by uid."""

    def container_of(self, pod: Json) -> str:
        """Returns the operator's container in a Pod; empty where it's none of its Pods."""
        place = (str(pod["metadata"].get("namespace")), deployment_of(pod))
        return self._containers.get(place, "")

    def take(self, pod: Json, stamp: Stamp, *, deleted: bool = False) -> list[ProcessEvent]:
        """Returns what a state of a Pod tells that wasn't told before.

        Args:
            pod: As a watch shows it.
            stamp: When.
            deleted: Whether it's the last state, of a Pod that is gone.
        """
        meta = pod["metadata"]
        name, uid = str(meta["name"]), str(meta["uid"])
        asked = deleted or bool(meta.get("deletionTimestamp"))
        node = str((pod.get("spec") or {}).get("nodeName") or "")
        if node and not deleted:
            self.nodes[uid] = node
        else:
            self.nodes.pop(uid, None)
        events: list[ProcessEvent] = []
        for start in _starts(pod, self.container_of(pod)):
            about = {"name": name, "pid": start.number, "stamp": stamp}
            if start.number > self._begun.get(uid, -1):
                self._begun[uid] = start.number
                events.append(ProcessEvent(event="started", **about))  # type: ignore[arg-type]  # one dict for both
            if start.ended is not None and start.number > self._over.get(uid, -1):
                self._over[uid] = start.number
                events.append(_end(start.ended, asked=asked, **about))  # type: ignore[arg-type]  # the same
        if deleted and self._begun.get(uid, -1) > self._over.get(uid, -1):
            self._over[uid] = self._begun[uid]
            events.append(
                ProcessEvent(
                    name=name, pid=self._begun[uid], event="ended", stamp=stamp, asked=True
                )
            )
        return events


def _starts(pod: Json, container: str) -> list[_Start]:
    """Returns the starts of a container that a Pod still knows of: the last, and the one before."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    status = next((item for item in statuses if item.get("name") == container), None)
    if status is None:
        return []
    number = int(status.get("restartCount", 0))
    state, before = status.get("state") or {}, status.get("lastState") or {}
    found: list[_Start] = []
    if before.get("terminated"):
        # Between two starts, while it waits, the count is still that of the one that ended.
        last = number if "waiting" in state else number - 1
        found.append(_Start(number=max(last, 0), ended=before["terminated"]))
    if "running" in state:
        found.append(_Start(number=number))
    elif state.get("terminated"):
        found.append(_Start(number=number, ended=state["terminated"]))
    return found


def _end(ended: Json, *, asked: bool, name: str, pid: int, stamp: Stamp) -> ProcessEvent:
    reason = str(ended.get("reason") or "")
    return ProcessEvent(
        name=name,
        pid=pid,
        event="ended",
        stamp=stamp,
        exit_code=ended.get("exitCode"),
        asked=asked,
        reason="" if reason in ("Error", "Completed") else reason,
    )


class PodWatch:
    """Watches the operator's Pods, writes evidence/containers.ndjson and has their logs followed.

    Args:
        run: The run folder.
        connection: Server and identity.
        pods: The resource.
        workloads: The operator's.
        logs: Follows what containers print.
        notes: Where gaps are told.
        clock: Gives the stamps.
    """

    def __init__(
        self,
        *,
        run: RunFolder,
        connection: Connection,
        pods: Resource,
        workloads: Sequence[Workload],
        logs: Logs,
        notes: Notes,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._resource = pods
        self._logs = logs
        self._notes = notes
        self._clock = clock
        self._containers = Containers(workloads)
        self._writer = NdjsonWriter(run.containers_file)
        self._lock = threading.Lock()
        self._watches = [
            Watch(connection, pods, namespace=namespace, clock=clock)
            for namespace in dict.fromkeys(item.namespace for item in workloads)
        ]
        self._listed = [threading.Event() for _ in self._watches]
        self._threads = [
            threading.Thread(target=self._run, args=pair, name="pod-watch", daemon=True)
            for pair in zip(self._watches, self._listed, strict=True)
        ]

    def nodes(self) -> tuple[str, ...]:
        """Returns the nodes on which Pods of the operator run."""
        with self._lock:
            return tuple(dict.fromkeys(self._containers.nodes.values()))

    def start(self) -> None:
        """Begins; returns when the Pods that are there have been listed."""
        for thread in self._threads:
            thread.start()
        for listed in self._listed:
            listed.wait(_BEGIN_S)

    def stop(self) -> None:
        """Ends the watches and the logs."""
        for watch in self._watches:
            watch.close()
        for thread in self._threads:
            thread.join(_JOIN_S)
        self._logs.stop()
        self._writer.close()

    def _run(self, watch: Watch, listed: threading.Event) -> None:
        begun = self._clock.now()
        try:
            for event in watch.events():
                if event.type == "BOOKMARK":
                    listed.set()
                elif event.type != "GAP":
                    self._take(event)
        except (ApiError, EvidenceError) as error:
            with suppress(EvidenceError):  # a full disk is told by those who can still tell
                reason = f"{type(error).__name__}: {error}"
                self._notes.gap("containers", reason, start=begun, end=self._clock.now())
        finally:
            listed.set()

    def _take(self, event: WatchEvent) -> None:
        pod = event.object
        container = self._containers.container_of(pod)
        if not container:
            return
        with self._lock:
            told = self._containers.take(pod, event.stamp, deleted=event.type == "DELETED")
        latest = max((item.pid for item in told if item.event == "started"), default=-1)
        for item in told:
            self._writer.write(item)
            if item.event == "started":
                meta = pod["metadata"]
                self._logs.follow(
                    meta["namespace"],
                    item.name,
                    container,
                    start=item.pid,
                    previous=item.pid < latest,
                )
