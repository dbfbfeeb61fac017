"""When the operator is looked into while there is load."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, cast

import pytest

from harness.clock import SYSTEM_CLOCK
from harness.errors import HarnessError
from harness.model.load import PhaseRole
from harness.pytest_plugin.load.beside import Beside, Observed

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.probes.prometheus import PromqlGates
    from harness.pytest_plugin.load.driver import Load
    from harness.pytest_plugin.scraping import Metrics
    from harness.pytest_plugin.whitebox import WhiteBox


class _Load:
    """Where `Observed` hooks in."""

    def __init__(self) -> None:
        self.beside = Beside()
        self.phases: list[object] = []


class _Metrics:
    """Counts scrapes."""

    def __init__(self) -> None:
        self.scrapes = 0
        self.broken = False

    def scrape(self) -> None:
        if self.broken:
            raise HarnessError("the API server makes no token")
        self.scrapes += 1


class _Gates:
    """A white box without a Prometheus, that remembers how the phase is asked for."""

    promql = None

    def __init__(self) -> None:
        self.phase: Callable[[], str] = str

    def gates(self, phase: Callable[[], str]) -> PromqlGates:
        self.phase = phase
        return cast("PromqlGates", nullcontext())

    def unrecorded(self) -> None:
        return None


class Scene:
    """A load that is watched."""

    def __init__(self) -> None:
        self.load, self.metrics, self.gates = _Load(), _Metrics(), _Gates()
        self.observed = Observed(
            cast("Load", self.load),
            cast("WhiteBox", self.gates),
            cast("Metrics", self.metrics),
            SYSTEM_CLOCK,
        )


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_pages_are_scraped_at_both_bounds_and_once_nothing_is_open(scene: Scene) -> None:
    with scene.observed as observed:
        first = scene.metrics.scrapes
        observed.begins("steady", PhaseRole.MEASURE)
        assert scene.metrics.scrapes == first + 1
        observed.ends()
        assert scene.metrics.scrapes == first + 1, "it may have been interrupted"
        observed.answered()
        assert scene.metrics.scrapes == first + 2
        observed.rests()
        assert scene.metrics.scrapes == first + 3
        observed.rests()
        assert scene.metrics.scrapes == first + 3, "nothing happened since"


def test_cycles_of_a_soak_are_scraped_by_the_soak_itself(scene: Scene) -> None:
    with scene.observed as observed:
        first = scene.metrics.scrapes
        for role in (PhaseRole.CYCLE, PhaseRole.CLEAR):
            observed.begins("some", role)
            observed.ends()
            observed.answered()
            observed.rests()
        assert scene.metrics.scrapes == first


@pytest.mark.parametrize("role", list(PhaseRole))
def test_gates_are_asked_for_in_measured_phases_alone(scene: Scene, role: PhaseRole) -> None:
    with scene.observed as observed:
        assert not scene.gates.phase()
        observed.begins("some", role)
        measured = role in (PhaseRole.MEASURE, PhaseRole.CYCLE)
        assert scene.gates.phase() == ("some" if measured else "")
        observed.ends()
        assert not scene.gates.phase()


def test_a_scrape_that_fails_ends_no_load_but_none_begins_without_one(scene: Scene) -> None:
    with scene.observed as observed:
        scene.metrics.broken = True
        observed.begins("steady", PhaseRole.MEASURE)
        observed.rests()
    with pytest.raises(HarnessError), scene.observed:
        pass


def test_the_load_is_watched_while_it_is_entered(scene: Scene) -> None:
    with scene.observed as observed:
        assert scene.load.beside is observed
    assert scene.load.beside is not observed
