"""Tokens by which metrics are read: each is a secret that the guard has to know for good."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.model.time import Stamp
from harness.pytest_plugin.scraping import Metrics

MINUTE_NS = 60 * 10**9


class World:
    """As much of a run's context as tokens need; counts them, and what is redacted."""

    def __init__(self) -> None:
        self.mono_ns = 0
        self.made = 0
        self.redacted: list[str] = []
        self.clock = SimpleNamespace(now=lambda: Stamp(mono_ns=self.mono_ns, wall_ns=0))
        self.client = SimpleNamespace(apply=lambda _: None, token=self._token)
        self.guard = SimpleNamespace(redact=self.redacted.extend)
        self.installation = SimpleNamespace(namespace="x")
        self.run = SimpleNamespace(id="run-1")

    def _token(self, *_: str) -> object:
        self.made += 1
        return SimpleNamespace(value=f"token-{self.made}")


@pytest.fixture
def world() -> World:
    return World()


def test_the_valid_token_is_the_same_for_half_an_hour(world: World) -> None:
    context: Any = world
    metrics = Metrics(context)
    first = metrics.valid_token
    world.mono_ns = 29 * MINUTE_NS
    assert metrics.valid_token == first
    world.mono_ns = 31 * MINUTE_NS
    assert metrics.valid_token != first
    assert world.redacted == ["token-1", "token-2"]


def test_a_new_token_can_be_had_at_any_time(world: World) -> None:
    context: Any = world
    metrics = Metrics(context)
    assert metrics.token() != metrics.token()
    assert world.redacted == ["token-1", "token-2"]
