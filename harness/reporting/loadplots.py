"""Stage 7: what was found under load, as charts: the knee, latencies as distributions, growth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.model.loadresult import KneeState, StepState
from harness.reporting.plots import Axis, Plot, Trace
from harness.reporting.text import count, number, one_line, quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.model.growth import Growth, Slope
    from harness.model.loadresult import Knee, LoadResult, PhaseResult, Sustainability

__all__ = ["STATES", "load_plots"]

STATES = {
    StepState.SUSTAINED: "sustained",
    StepState.FAILED: "not sustained",
    StepState.GENERATOR_LIMITED: "the generator was the limit",
}
_MARKS = {
    StepState.SUSTAINED: ("dot", 0),
    StepState.FAILED: ("cross", 1),
    StepState.GENERATOR_LIMITED: ("ring", 5),
}
_NONE = "-"
_MIB = float(1 << 20)
_KNEE = "knee"
_TOLD = (0.5, 0.9, 0.99, 0.999)
_NINES = ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9"), (0.9999, "p99.99"))
_CURVES = 6
_STEPS = 40  # of the line of a power law, which is straight on two logarithmic axes


def load_plots(load: LoadResult) -> tuple[Plot, ...]:
    """Returns the charts of the section on load, those without figures left out."""
    plots: list[Plot] = []
    if load.knee and load.knee.steps:
        plots += _knee(load.knee)
    told = [phase for phase in load.phases if phase.distribution]
    if told:
        plots.append(_distributions(told))
    plots += [_growth(place, found) for place, found in enumerate(load.growth, 1) if found.points]
    plots += [
        _slope(place, found) for place, found in enumerate(load.each_object, 1) if found.points
    ]
    return tuple(plots)


def _knee(knee: Knee) -> Iterator[Plot]:
    steps = sorted(knee.steps, key=lambda step: step.rate_per_s)
    top = max(step.rate_per_s for step in steps) * 1.05
    rates = Axis(title="arrivals a second", low=0.0, high=top)
    lines = _knee_lines(knee)
    heads = (
        "Arrivals",
        "Completions",
        "Share",
        "Backlog grew a second (95 % interval)",
        "p50",
        "p99",
        "Outcome",
        "Why",
    )
    rows = tuple(_step(step) for step in steps)
    yield Plot(
        id="knee-plot",
        title="Where it stops keeping up: completions by arrivals a second",
        sentence=_knee_sentence(knee, steps),
        x=rates,
        y=Axis(unit="/s", low=0.0),
        traces=(
            Trace(label="all completed", x=(0.0, top), y=(0.0, top), style="guide", colour=5),
            *_by_state(steps, lambda step: step.completed_per_s),
        ),
        group=_KNEE,
        lines=lines,
        heads=heads,
        rows=rows,
        caption="Steps of the search for the knee",
        height=220,
        aside="On the straight line all arrivals are completed.",
    )
    timed = [step for step in steps if step.p99_ms is not None and step.p99_ms > 0]
    if not timed:
        return
    yield Plot(
        id="knee-latency",
        title="What each rate costs: latency by arrivals a second, ms",
        sentence=_latency_sentence(timed),
        x=rates,
        y=Axis(unit="ms", scale="log"),
        traces=(
            *_medians(timed),
            *_by_state(timed, lambda step: step.p99_ms, prefix="p99, "),
        ),
        group=_KNEE,
        lines=tuple((at, "") for at, _ in lines),
        heads=heads[:1] + heads[4:],
        rows=tuple(row[:1] + row[4:] for row in rows),
        caption="Latency in the steps of the search for the knee",
        height=180,
    )


def _latency_sentence(timed: Sequence[Sustainability]) -> str:
    said = []
    for state, words in STATES.items():
        some = [step.p99_ms or 0.0 for step in timed if step.state is state]
        if some:
            said.append(f"{_range(some)} ms where {words}")
    return f"p99 of the steps' latency: {'; '.join(said)}."


def _knee_lines(knee: Knee) -> tuple[tuple[float, str], ...]:
    if knee.per_s is None:
        return ()
    word = "knee" if knee.state is KneeState.CONFIRMED else "highest sustained"
    return ((knee.per_s, f"{word} {number(knee.per_s)}/s"),)


def _knee_sentence(knee: Knee, steps: Sequence[Sustainability]) -> str:
    counted = [
        f"{sum(step.state is state for step in steps)} {words}"
        for state, words in STATES.items()
        if any(step.state is state for step in steps)
    ]
    low, high = steps[0].rate_per_s, steps[-1].rate_per_s
    found = ""
    if knee.per_s is not None:
        bound = f", less than {number(knee.high)}/s" if knee.high is not None else ""
        found = f" Highest that was sustained: {number(knee.per_s)}/s{bound}."
    most = max(step.completed_per_s for step in steps)
    return (
        f"{count(len(steps), 'step')} from {number(low)} to {number(high)} arrivals a second: "
        f"{', '.join(counted)}.{found} Most completions: {number(most)}/s."
    )


def _by_state(
    steps: Sequence[Sustainability],
    figure: Callable[[Sustainability], float | None],
    *,
    prefix: str = "",
) -> Iterator[Trace]:
    for state, (mark, colour) in _MARKS.items():
        some = [step for step in steps if step.state is state]
        if some:
            yield Trace(
                label=f"{prefix}{STATES[state]}",
                x=tuple(step.rate_per_s for step in some),
                y=tuple(figure(step) for step in some),
                style="points",
                mark=mark,
                colour=colour,
                notes=tuple("; ".join(step.reasons) for step in some),
            )


def _medians(steps: Sequence[Sustainability]) -> Iterator[Trace]:
    known = [step for step in steps if step.p50_ms is not None and step.p50_ms > 0]
    if known:
        yield Trace(
            label="p50",
            x=tuple(step.rate_per_s for step in known),
            y=tuple(step.p50_ms for step in known),
            colour=2,
        )


def _step(step: Sustainability) -> tuple[str, ...]:
    return (
        f"{number(step.rate_per_s)}/s",
        f"{number(step.completed_per_s)}/s",
        f"{step.ratio:.1%}",
        f"{number(step.backlog_slope_low)} to {number(step.backlog_slope_high)}",
        _ms(step.p50_ms),
        _ms(step.p99_ms),
        STATES[step.state],
        "; ".join(one_line(reason) for reason in step.reasons),
    )


def _ms(value: float | None) -> str:
    return _NONE if value is None else quantity(value, "ms")


def _distributions(phases: Sequence[PhaseResult]) -> Plot:
    shown = phases[:_CURVES]
    most = max(phase.distribution[-1][0] for phase in shown)
    sentences = []
    for phase in shown:
        told = [
            f"{share:.1%} in {quantity(_at(phase, share), 'ms')}".replace(".0%", "%")
            for share in _TOLD
            if share <= phase.distribution[-1][0]
        ]
        sentences.append(f"{one_line(phase.name)}: {', '.join(told)}")
    return Plot(
        id="distribution",
        title="Latency from the intended time, as a distribution, ms",
        sentence="; ".join(sentences) + ".",
        x=Axis(
            title="share of arrivals that took at most so long",
            scale="nines",
            low=0.0,
            high=_nines(most),
            ticks=tuple((_nines(share), word) for share, word in _NINES if share <= most),
        ),
        y=Axis(unit="ms", scale="log"),
        traces=tuple(
            Trace(
                label=one_line(phase.name),
                x=tuple(_nines(share) for share, _ in phase.distribution),
                y=tuple(ms if ms > 0 else None for _, ms in phase.distribution),
                colour=place,
                notes=tuple(f"{share:.5g} of arrivals" for share, _ in phase.distribution),
            )
            for place, phase in enumerate(shown)
        ),
        heads=("Phase", *(f"{share:.1%}".replace(".0%", "%") for share in _TOLD), "Largest"),
        rows=tuple(
            (
                one_line(phase.name),
                *(
                    _ms(_at(phase, share)) if share <= phase.distribution[-1][0] else _NONE
                    for share in _TOLD
                ),
                _ms(total.max_ms) if (total := phase.latency("total")) else _NONE,
            )
            for phase in phases
        ),
        caption="Latency by the share of arrivals that took at most so long",
        hidden=len(phases) - len(shown),
        height=240,
        aside="Each step of the axis to the right leaves a tenth of the arrivals.",
    )


def _at(phase: PhaseResult, share: float) -> float:
    """Returns the latency of a share: that of the first point which reaches it."""
    return next(ms for at, ms in phase.distribution if at >= share - 1e-9)


def _nines(share: float) -> float:
    return -math.log10(max(1e-12, 1 - share))


def _growth(place: int, found: Growth) -> Plot:
    objects = sorted(objects for objects, _ in found.points)
    low, high = objects[0], objects[-1]
    ratio = (high / low) ** (1 / _STEPS) if low > 0 else 1.0
    along = [low * ratio**step for step in range(_STEPS + 1)]
    figure, by = one_line(found.figure), one_line(found.by)
    return Plot(
        id=f"growth-{place}",
        title=f"{_capital(figure)} by {by}{_unit(found.unit)}",
        sentence=(
            f"{_capital(one_line(found.sentence))}: exponent {found.exponent:.2f} (95 % interval "
            f"{found.low:.2f} to {found.high:.2f}); {_ends(found.points, found.unit)}."
        ),
        x=Axis(title=by, scale="log"),
        y=Axis(unit=one_line(found.unit), scale="log"),
        traces=(
            Trace(
                label=f"proportional to the number to the power of {found.exponent:.2f}",
                x=tuple(along),
                y=tuple(found.scale * x**found.exponent for x in along),
                style="guide",
                colour=5,
            ),
            _measured(found.points),
        ),
        heads=(_capital(by), figure),
        rows=_points(found.points, found.unit),
        caption=f"{figure} by {by}",
        height=200,
    )


def _slope(place: int, found: Slope) -> Plot:
    """A straight line; bytes are drawn in MiB."""
    size, unit = (_MIB, "MiB") if found.unit == "B" else (1.0, one_line(found.unit))
    points = sorted((x, y / size) for x, y in found.points)
    middle = math.fsum(x for x, _ in points) / len(points)
    level = math.fsum(y for _, y in points) / len(points)
    ends = (points[0][0], points[-1][0])
    figure, by = one_line(found.figure), one_line(found.by)
    said = one_line(found.sentence) or f"{figure} by {by}"
    return Plot(
        id=f"each-{place}",
        title=f"{_capital(figure)} by {by}{_unit(unit)}",
        sentence=f"{_capital(said)}; {_ends(points, unit)}.",
        x=Axis(title=by),
        y=Axis(unit=unit),
        traces=(
            Trace(
                label="fitted line",
                x=ends,
                y=tuple(level + found.each / size * (at - middle) for at in ends),
                style="guide",
                colour=5,
            ),
            _measured(points),
        ),
        heads=(_capital(by), _capital(figure)),
        rows=_points(points, unit),
        caption=f"{figure} by the number of {by}",
        height=200,
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _measured(points: Sequence[tuple[float, float]]) -> Trace:
    ordered = sorted(points)
    return Trace(
        label="measured",
        x=tuple(x for x, _ in ordered),
        y=tuple(y for _, y in ordered),
        style="points",
    )


def _ends(points: Sequence[tuple[float, float]], unit: str) -> str:
    (first, low), (last, high) = min(points), max(points)
    return (
        f"{quantity(low, one_line(unit))} with {number(first)}, "
        f"{quantity(high, one_line(unit))} with {number(last)}"
    )


def _points(points: Sequence[tuple[float, float]], unit: str) -> tuple[tuple[str, ...], ...]:
    return tuple((number(x), quantity(y, one_line(unit))) for x, y in sorted(points))


def _unit(unit: str) -> str:
    return f", {one_line(unit)}" if unit not in {"", "1"} else ""


def _range(values: Sequence[float]) -> str:
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low} to {high}"
