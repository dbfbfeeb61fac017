"""After thousands of deletes, the next phase waits until the cluster has got over them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import msgspec

from harness.clock import FakeClock
from harness.errors import ApiError
from harness.model.resource import Resource
from harness.pytest_plugin.load.aftermath import await_calm, clear_up, count_objects, owned

if TYPE_CHECKING:
    from collections.abc import Callable

_HOME = ("load-0",)
_PODS = Resource(group="", version="v1", plural="pods", kind="Pod", namespaced=True)


class _Cluster:
    """A client of a cluster that holds so many Pods, by the seconds since the begin."""

    def __init__(
        self,
        clock: FakeClock,
        pods: Callable[[float], int],
        status: int = 200,
        path: str = "/api/v1/namespaces/load-0/pods",
    ) -> None:
        self._clock, self._pods, self._status, self._path = clock, pods, status, path
        self._begin = clock.now().mono_ns

    def resource(self, key: str) -> Resource:
        if key != "pods":
            raise ApiError(f"no {key}", status=404)
        return _PODS

    def raw(self, method: str, path: str, *, query: dict[str, str]) -> SimpleNamespace:
        assert (method, path, query) == ("GET", self._path, {"limit": "1"})
        count = self._pods((self._clock.now().mono_ns - self._begin) / 1e9)
        rest = {"remainingItemCount": count - 1} if count > 1 else {}
        body = {"items": [{}] * min(count, 1), "metadata": rest}
        return SimpleNamespace(status=self._status, body=msgspec.json.encode(body))


def waited(pods: Callable[[float], int], limit: float = 180) -> tuple[bool, float]:
    clock = FakeClock()
    begin = clock.now().mono_ns
    cluster = _Cluster(clock, pods)
    calm = await_calm(cluster, [_PODS], _HOME, limit=limit, clock=clock)  # type: ignore[arg-type]
    return calm, (clock.now().mono_ns - begin) / 1e9


def test_it_waits_until_nothing_goes_any_more() -> None:
    assert waited(lambda t: max(0, 3000 - int(100 * t))) == (True, 30)


def test_what_stays_is_not_waited_for() -> None:
    assert waited(lambda _: 40) == (True, 3)


def test_it_does_not_wait_for_ever() -> None:
    calm, seconds = waited(lambda t: 100_000 - int(t), limit=30)
    assert not calm
    assert 30 <= seconds <= 31


def test_a_server_that_is_too_busy_to_answer_is_not_at_rest() -> None:
    def pods(t: float) -> int:
        if t < 20:
            raise ApiError("no answer", status=0)
        return 3

    assert waited(pods) == (True, 23)


def test_kinds_that_are_not_there_or_may_not_be_listed_count_nothing() -> None:
    clock = FakeClock()
    cluster = _Cluster(clock, lambda _: 7)
    assert owned(cluster, ("gadgets.example.org", "pods")) == (_PODS,)  # type: ignore[arg-type]
    assert count_objects(cluster, [_PODS], _HOME) == 7  # type: ignore[arg-type]
    hidden = _Cluster(clock, lambda _: 7, status=403)
    assert count_objects(hidden, [_PODS], _HOME) == 0  # type: ignore[arg-type]


def cleared(
    cluster: _Cluster, clock: FakeClock, *, gone: bool, namespaces: tuple[str, ...]
) -> bool:
    load = SimpleNamespace(clear=lambda *_, **__: gone, plan=SimpleNamespace(namespaces=namespaces))
    target = SimpleNamespace(scope=SimpleNamespace(owns=()))
    context = SimpleNamespace(client=cluster, clock=clock, session=SimpleNamespace(target=target))
    return clear_up(load, context, name="x-clear", profile="x", limit=30)  # type: ignore[arg-type]


def test_custom_resources_that_stay_are_not_gone_though_they_own_nothing() -> None:
    clock = FakeClock()
    cluster = _Cluster(clock, lambda _: 0)
    assert cleared(cluster, clock, gone=True, namespaces=_HOME)
    assert not cleared(cluster, clock, gone=False, namespaces=_HOME)


def test_what_a_cluster_scoped_resource_owns_is_awaited_in_all_namespaces() -> None:
    clock = FakeClock()
    cluster = _Cluster(clock, lambda t: 100_000 - int(t), path="/api/v1/pods")
    assert not cleared(cluster, clock, gone=True, namespaces=())
