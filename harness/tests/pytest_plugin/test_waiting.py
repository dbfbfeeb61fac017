"""What can't be read isn't awaited in vain: the server's words are kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.clock import FakeClock
from harness.errors import ApiError
from harness.kube.watch import NotObserved
from harness.model.resource import ObjectKey, Resource
from harness.model.target import Readiness
from harness.pytest_plugin import waiting as module
from harness.pytest_plugin.waiting import Unmet, Waiter

THINGS = Resource(group="example.org", version="v2", plural="things", kind="Thing", namespaced=True)
KEY = ObjectKey(resource=THINGS.key, namespace="ns", name="a")
WORDS = "conversion webhook for example.org/v1, Kind=Thing failed: no such field"


class Server:
    """Has no events; reading the object raises what it is told to."""

    def __init__(self, error: ApiError | None) -> None:
        self.connection = None
        self._error = error

    def resource(self, key: str) -> str:
        return key

    def list(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(items=[])

    def find(self, *_: Any) -> None:
        if self._error is not None:
            raise self._error


def waits(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, *, reading: ApiError | None = None
) -> tuple[Waiter, list[Any]]:
    def watch(*_: Any, **__: Any) -> None:
        raise raised

    monkeypatch.setattr(module, "await_object", watch)
    records: list[Any] = []
    context = SimpleNamespace(client=Server(reading), clock=FakeClock(), record=records.append)
    return Waiter(context, log_tail=lambda: ()), records  # type: ignore[arg-type]


def ready(waiter: Waiter) -> None:
    waiter.for_ready(THINGS, KEY, Readiness(condition="Ready"), generation=1, limit=5)


def refusal() -> ApiError:
    return ApiError(WORDS, status=500, reason="InternalError")


def test_a_watch_that_a_failing_conversion_ends_is_recorded_with_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiter, records = waits(monkeypatch, refusal())
    with pytest.raises(Unmet, match="can't be read: conversion webhook"):
        ready(waiter)
    assert (records[0].met, records[0].refusal) == (False, WORDS)


def test_an_object_that_a_watch_never_showed_is_read_once_to_learn_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiter, records = waits(
        monkeypatch, NotObserved("late", last=None, seen=False), reading=refusal()
    )
    with pytest.raises(Unmet):
        ready(waiter)
    assert records[0].refusal == WORDS


def test_one_that_is_not_there_is_only_late(monkeypatch: pytest.MonkeyPatch) -> None:
    waiter, records = waits(monkeypatch, NotObserved("late", last=None, seen=False))
    with pytest.raises(Unmet, match="not ready for generation 1 after 5 s"):
        ready(waiter)
    assert records[0].refusal == ""


def test_an_api_server_that_breaks_is_not_the_operators_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = ApiError("etcdserver: request timed out", status=500)
    waiter, records = waits(monkeypatch, broken)
    with pytest.raises(ApiError):
        ready(waiter)
    assert records == []
