"""Going back to a snapshot: in which order, and whose fault it is when it fails."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.clock import FakeClock
from harness.errors import ClusterError, NotVerified
from harness.model.cluster import Capability
from harness.model.records import Action, Stimulus
from harness.pytest_plugin.cluster_snapshots import ClusterSnapshots


class World:
    """A provider, an operator and a context that write down what is done to them."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.records: list[Any] = []
        self.state = {"ready": True, "reason": ""}
        self.clock = FakeClock()
        self.guard = None
        self.cluster = SimpleNamespace(provider="local", capabilities=(Capability.SNAPSHOT,))

    def record(self, record: Any) -> None:
        self.records.append(record)

    def snapshot(self, *_: object) -> None:
        self.done.append(f"snapshot {_[-1]}")

    def restore(self, *_: object) -> None:
        self.done.append(f"restore {_[-1]}")
        if _[-1] == "absent":
            raise ClusterError("absent")

    def stop(self) -> None:
        self.done.append("stop")

    def start(self) -> None:
        self.done.append("start")

    def readiness(self) -> dict[str, Any]:
        self.done.append("ready?")
        return self.state


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr("harness.pytest_plugin.cluster_snapshots.provider", lambda _: made)
    return made


def snapshots(world: World) -> ClusterSnapshots:
    return ClusterSnapshots(world, world)  # type: ignore[arg-type]  # as much of both as is used


def test_the_operator_is_down_while_the_cluster_goes_back(world: World) -> None:
    found = snapshots(world)
    found.take("clean")
    found.restore("clean")
    assert world.done == ["snapshot clean", "stop", "restore clean", "start", "ready?"]
    (stimulus,) = world.records
    assert isinstance(stimulus, Stimulus)
    assert (stimulus.action, stimulus.detail) == (Action.RESTORE, "clean")


def test_the_operator_is_started_also_where_the_restore_fails(world: World) -> None:
    with pytest.raises(ClusterError):
        snapshots(world).restore("absent")
    assert world.done == ["stop", "restore absent", "start"]
    assert world.records == []


def test_an_operator_that_does_not_come_back_is_at_fault(world: World) -> None:
    world.state = {"ready": False, "reason": "it ended"}
    with pytest.raises(AssertionError, match="it ended"):
        snapshots(world).restore()


def test_a_cluster_without_snapshots_is_not_judged(world: World) -> None:
    world.cluster.capabilities = ()
    with pytest.raises(NotVerified, match="no snapshots"):
        snapshots(world).take()
    with pytest.raises(NotVerified):
        snapshots(world).restore()
    assert world.done == []
