"""Containers of the operator: their starts, ends, logs and use, from what a cluster tells."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec

from harness.clock import FakeClock
from harness.model.installation import Workload
from harness.model.records import ProcessEvent
from harness.model.time import Stamp
from harness.probes.kubelet import later_usage, usages
from harness.probes.podlogs import stamped
from harness.probes.pods import Containers

_WORKLOAD = Workload(
    name="op", namespace="ns", service_account="system:serviceaccount:ns:op", container="manager"
)
_NOW = Stamp(mono_ns=10_000_000_000, wall_ns=1_795_233_600_000_000_000)  # 2026-11-21T04:00:00Z

Json = dict[str, Any]


def _pod(
    state: Json, *, restarts: int = 0, before: Json | None = None, ending: bool = False
) -> Json:
    status = {
        "name": "manager",
        "restartCount": restarts,
        "state": state,
        "lastState": {"terminated": before} if before else {},
    }
    meta: Json = {
        "name": "op-5d9-x",
        "namespace": "ns",
        "uid": "u",
        "ownerReferences": [{"kind": "ReplicaSet", "name": "op-5d9", "controller": True}],
    }
    if ending:
        meta["deletionTimestamp"] = "2026-11-21T04:00:00Z"
    return {
        "metadata": meta,
        "spec": {"nodeName": "node-0"},
        "status": {"containerStatuses": [{"name": "proxy", "restartCount": 9}, status]},
    }


def _told(events: list[ProcessEvent]) -> list[tuple[str, int, int | None, bool, str]]:
    return [(item.event, item.pid, item.exit_code, item.asked, item.reason) for item in events]


_STARTED = ("started", 0, None, False, "")


def test_each_start_and_each_end_is_told_once() -> None:
    containers = Containers([_WORKLOAD])
    running = _pod({"running": {}})
    assert _told(containers.take(running, _NOW)) == [_STARTED]
    assert containers.take(running, _NOW) == []
    ended = _pod({"terminated": {"exitCode": 1, "reason": "Error"}})
    assert _told(containers.take(ended, _NOW)) == [("ended", 0, 1, False, "")]
    waits = _pod({"waiting": {"reason": "CrashLoopBackOff"}}, before={"exitCode": 1})
    assert containers.take(waits, _NOW) == []
    again = _pod({"running": {}}, restarts=1, before={"exitCode": 1})
    assert _told(containers.take(again, _NOW)) == [("started", 1, None, False, "")]


def test_a_restart_that_went_by_between_two_events_is_seen() -> None:
    containers = Containers([_WORKLOAD])
    containers.take(_pod({"running": {}}), _NOW)
    killed = {"exitCode": 137, "reason": "OOMKilled"}
    seen = containers.take(_pod({"running": {}}, restarts=1, before=killed), _NOW)
    assert _told(seen) == [
        ("ended", 0, 137, False, "OOMKilled"),
        ("started", 1, None, False, ""),
    ]


def test_what_ended_before_we_came_is_told_too() -> None:
    seen = Containers([_WORKLOAD]).take(
        _pod({"running": {}}, restarts=3, before={"exitCode": 2}), _NOW
    )
    assert _told(seen) == [
        ("started", 2, None, False, ""),
        ("ended", 2, 2, False, ""),
        ("started", 3, None, False, ""),
    ]


def test_the_end_of_a_pod_that_is_deleted_was_asked_for() -> None:
    containers = Containers([_WORKLOAD])
    containers.take(_pod({"running": {}}), _NOW)
    ended = _pod({"terminated": {"exitCode": 0, "reason": "Completed"}}, ending=True)
    assert _told(containers.take(ended, _NOW)) == [("ended", 0, 0, True, "")]
    assert containers.take(ended, _NOW, deleted=True) == []


def test_a_pod_that_vanishes_ends_its_container() -> None:
    containers = Containers([_WORKLOAD])
    running = _pod({"running": {}})
    containers.take(running, _NOW)
    assert set(containers.nodes.values()) == {"node-0"}
    assert _told(containers.take(running, _NOW, deleted=True)) == [("ended", 0, None, True, "")]
    assert not containers.nodes


def test_pods_of_others_are_not_the_operators() -> None:
    containers = Containers([_WORKLOAD])
    other = _pod({"running": {}})
    other["metadata"]["ownerReferences"][0]["name"] = "op-other-5d9"
    assert containers.container_of(other) == ""
    assert containers.container_of(_pod({"running": {}})) == "manager"


def test_a_line_is_of_when_it_was_printed() -> None:
    stamp, text = stamped("2026-11-21T03:59:58.500000001Z hello  there", now=_NOW)
    assert text == "hello  there"
    assert _NOW.mono_ns - stamp.mono_ns == 1_500_000_000
    assert _NOW.wall_ns - stamp.wall_ns == 1_500_000_000


def test_a_node_whose_clock_is_ahead_prints_now() -> None:
    assert stamped("2026-11-21T05:00:00Z hello", now=_NOW) == (_NOW, "hello")


def test_a_line_without_a_time_is_kept_whole() -> None:
    assert stamped("unable to read the log", now=_NOW) == (_NOW, "unable to read the log")


def _measured(time: str) -> Json:
    return {
        "name": "manager",
        "startTime": "2026-11-21T03:00:00Z",
        "cpu": {"time": time, "usageCoreNanoSeconds": 5},
        "memory": {"rssBytes": 7, "workingSetBytes": 9},
    }


class _Kubelet:
    """A client of a cluster whose kubelet measures every ten seconds, from four o'clock on."""

    def __init__(self, clock: FakeClock, *, dead: bool = False) -> None:
        self._clock = clock
        self._began = clock.now().mono_ns
        self._dead = dead

    def resource(self, _: str) -> None:
        return None

    def list(self, *_: object) -> SimpleNamespace:
        return SimpleNamespace(items=[_pod({"running": {}})])

    def raw(self, _: str, path: str, **__: object) -> SimpleNamespace:
        assert path == "/api/v1/nodes/node-0/proxy/stats/summary"
        age = 0 if self._dead else (self._clock.now().mono_ns - self._began) // 10**9
        measured = _measured(f"2026-11-21T04:00:{age // 10 * 10:02d}Z")
        place = {"name": "op-5d9-x", "namespace": "ns"}
        body = {"pods": [{"podRef": place, "containers": [measured]}]}
        return SimpleNamespace(status=200, body=msgspec.json.encode(body))


def test_at_rest_the_kubelets_next_measurement_is_awaited() -> None:
    clock = FakeClock(wall_ns=_NOW.wall_ns)
    usage = later_usage(_Kubelet(clock), _WORKLOAD, than=_NOW, clock=clock)  # type: ignore[arg-type]
    assert usage is not None
    assert usage.working_set_bytes == 9
    assert usage.time_ns == _NOW.wall_ns + 10 * 10**9


def test_a_kubelet_that_measures_no_more_is_not_awaited_for_ever() -> None:
    clock = FakeClock(wall_ns=_NOW.wall_ns)
    kubelet = _Kubelet(clock, dead=True)
    assert later_usage(kubelet, _WORKLOAD, than=_NOW, clock=clock) is None  # type: ignore[arg-type]


def test_the_kubelets_summary_tells_the_operators_container_only() -> None:
    measured = _measured("2026-11-21T03:59:59Z")
    summary = {
        "pods": [
            {"podRef": {"name": "op-5d9-x", "namespace": "other"}, "containers": [measured]},
            {
                "podRef": {"name": "op-5d9-x", "namespace": "ns"},
                "containers": [{**measured, "name": "proxy"}, measured, {"name": "manager"}],
            },
        ]
    }
    (usage,) = usages(summary, [_WORKLOAD])
    assert (usage.pod, usage.cpu_ns, usage.rss_bytes) == ("op-5d9-x", 5, 7)
    assert usage.started_s == 1_795_233_600 - 3600
