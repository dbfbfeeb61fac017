"""When the operator is looked into while there is load."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, cast

import pytest

from harness.clock import SYSTEM_CLOCK
from harness.errors import HarnessError
from harness.model.load import PhaseRole
from harness.model.promql import (
    QUEUE_DEPTH,
    QUEUE_WAIT,
    PromqlAnswer,
    PromqlSeries,
    growth,
    queue_depth,
)
from harness.pytest_plugin.load.beside import Beside, Observed
from harness.tests.analysis.load.recording import phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.model.time import Span, Stamp
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


class _Promql:
    """Answers with native histograms, or with nothing."""

    def __init__(self, *, native: bool) -> None:
        self._series = (PromqlSeries(buckets=((0.0, 1.0, 5.0),) if native else ()),)
        self.asked: list[tuple[str, str, int]] = []

    def instant(self, query: str, *, phase: str, at: Stamp) -> PromqlAnswer:
        self.asked.append((phase, query, at.mono_ns))
        return PromqlAnswer(query=query, stamp=at, series=self._series)

    def over(self, query: str, span: Span, *, step_s: float) -> None:
        """Depths, of which other tests tell."""


class _Gates:
    """A white box that remembers how the phase is asked for; its Prometheus is a test's."""

    def __init__(self) -> None:
        self.phase: Callable[[], str] = str
        self.promql: _Promql | None = None
        self.depths = "max(depth)"

    def gates(self, phase: Callable[[], str]) -> PromqlGates:
        self.phase = phase
        return cast("PromqlGates", nullcontext())

    def unrecorded(self) -> _Promql | None:
        return self.promql


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


@pytest.mark.parametrize(("native", "asked"), [(True, 4), (False, 1)])
def test_native_histograms_are_asked_for_at_the_end_of_each_measured_phase(
    scene: Scene, *, native: bool, asked: int
) -> None:
    promql = scene.gates.promql = _Promql(native=native)
    scene.load.phases = [
        phase(0, name="warm-up", role=PhaseRole.WARM_UP),
        phase(1, name="steady", start=5, end=17),
        phase(2, name="drain", role=PhaseRole.DRAIN, arrivals=0),
        phase(3, name="bracket-1", start=20, end=24, role=PhaseRole.SEARCH),
    ]
    with scene.observed:
        pass
    assert len(promql.asked) == asked, "once none are offered, no more"
    name, query, at_ns = promql.asked[0]
    assert (name, at_ns) == ("steady", 18 * 10**9)
    assert query == growth(QUEUE_WAIT, 14), "from before the phase until a scrape after it"
    assert {item[0] for item in promql.asked} <= {"steady", "bracket-1"}


def test_depths_are_asked_for_under_names_of_the_operators_own_too() -> None:
    assert queue_depth([]) == QUEUE_DEPTH
    asked = queue_depth([("my_depth", "queue"), ("my_depth", "queue")])
    assert asked == f'{QUEUE_DEPTH} or sum by (workload, queue) (my_depth{{job="operator"}})'
