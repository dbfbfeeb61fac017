"""Stage 7: a soak's plateaus as charts, one a signal: what was held after each cycle, its slope."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from harness.model.digits import data_size
from harness.model.soakresult import SoakSignal
from harness.reporting.plots import Axis, Plot, Trace
from harness.reporting.text import count, number, one_line, quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.model.soakresult import SoakResult

__all__ = ["amount", "signal_groups", "soak_plots"]

_DECIDING = "signals"
_KIB, _MIB = 1 << 10, 1 << 20
_SIZES = ((_MIB, "MiB"), (_KIB, "KiB"))


def signal_groups(result: SoakResult) -> Iterator[tuple[str, SoakSignal]]:
    """Yields every signal of a soak with the name of its group, "" for those that decide.

    Groups are the fields that hold signals, so that a further one shows by itself.
    """
    for name in (_DECIDING, *(n for n in result.__struct_fields__ if n != _DECIDING)):
        found = getattr(result, name)
        for signal in found if isinstance(found, tuple) else ():
            if isinstance(signal, SoakSignal):
                yield "" if name == _DECIDING else name, signal


def soak_plots(result: SoakResult) -> tuple[Plot, ...]:
    """Returns a chart of each signal; first those that decide."""
    return tuple(
        _plot(f"plateau-{place}", signal, group)
        for place, (group, signal) in enumerate(signal_groups(result), start=1)
    )


def amount(value: float, unit: str) -> str:
    """Returns a number of three digits with its unit; bytes in the size that fits."""
    if unit != "B":
        return quantity(float(f"{value:.3g}"), unit)
    return data_size(value)


def _plot(id: str, signal: SoakSignal, group: str) -> Plot:
    size, unit = _size(signal)
    values = [value / size for value in signal.values]
    cycles = tuple(float(cycle) for cycle in range(1, len(values) + 1))
    left_out = min(signal.warm_up, len(values))
    whose = f"{one_line(signal.subject)}: " if signal.subject else ""
    name = one_line(signal.name)
    title = f"{whose}{name}{f', {unit}' if unit not in {'', '1'} else ''}"
    line = _line(signal, values, size)
    return Plot(
        id=id,
        title=f"{title} ({group})" if group else title,
        sentence=f"{_sentence(signal)} {_ends(signal)}",
        x=Axis(title="cycle", scale="whole", low=0.5, high=len(values) + 0.5),
        y=Axis(scale="whole") if unit == "1" else Axis(unit=unit),
        traces=(
            *line,
            *_points(cycles, values, left_out),
        ),
        fills=((0, 1),) if line else (),
        grey=(0.5, left_out + 0.5) if left_out else None,
        heads=("Cycle", "Value", "Counts"),
        rows=tuple(
            (
                number(cycle),
                amount(value, signal.unit),
                "yes" if cycle > left_out else "no, warm-up",
            )
            for cycle, value in zip(cycles, signal.values, strict=True)
        ),
        caption=f"{whose}{name}, cycle by cycle",
        group="cycles",
        height=170,
    )


def _points(cycles: Sequence[float], values: Sequence[float], left_out: int) -> list[Trace]:
    found = []
    if left_out:
        found.append(
            Trace(
                label="warm-up",
                x=tuple(cycles[:left_out]),
                y=tuple(values[:left_out]),
                style="points",
                mark="ring",
                colour=5,
            )
        )
    if left_out < len(cycles):
        found.append(
            Trace(
                label="counts",
                x=tuple(cycles[left_out:]),
                y=tuple(values[left_out:]),
                style="points",
            )
        )
    return found


def _line(signal: SoakSignal, values: Sequence[float], size: float) -> list[Trace]:
    """Returns the band's two edges and the slope, through the medians of what counts."""
    known = [
        (float(cycle), value)
        for cycle, value in enumerate(values, start=1)
        if cycle > signal.warm_up and math.isfinite(value)
    ]
    if signal.detectable is None or len(known) < 2:  # noqa: PLR2004 - no line
        return []
    middle = statistics.median(cycle for cycle, _ in known)
    slope = signal.slope / size
    level = statistics.median(value - slope * (cycle - middle) for cycle, value in known)
    along = (known[0][0], middle, known[-1][0])

    def through(rise: float) -> tuple[float, ...]:
        return tuple(level + rise / size * (cycle - middle) for cycle in along)

    steep = (max(a, b) for a, b in zip(through(signal.low), through(signal.high), strict=True))
    flat = (min(a, b) for a, b in zip(through(signal.low), through(signal.high), strict=True))
    return [
        Trace(label="upper", x=along, y=tuple(steep), style="edge"),
        Trace(label="lower", x=along, y=tuple(flat), style="edge"),
        Trace(
            label=f"slope {_signed(signal.slope, signal.unit)} a cycle",
            words=(f"({_signed(signal.low, signal.unit)} to {_signed(signal.high, signal.unit)})"),
            x=along,
            y=through(signal.slope),
            style="guide",
            colour=1,
        ),
    ]


def _signed(value: float, unit: str) -> str:
    return f"+{amount(value, unit)}" if value > 0 else amount(value, unit)


def _size(signal: SoakSignal) -> tuple[float, str]:
    """Returns by what values are divided, and the unit that they then have."""
    if signal.unit != "B":
        return 1.0, one_line(signal.unit)
    highest = max((abs(value) for value in signal.values if math.isfinite(value)), default=0.0)
    return next(((float(size), name) for size, name in _SIZES if highest >= size), (1.0, "B"))


def _sentence(signal: SoakSignal) -> str:
    """The verdict with its numbers, which begins small and without a full stop."""
    text = one_line(signal.sentence).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _ends(signal: SoakSignal) -> str:
    known = [value for value in signal.values[signal.warm_up :] if math.isfinite(value)]
    if not known:
        return f"{count(len(signal.values), 'cycle')}, all of them warm-up."
    return (
        f"From {amount(known[0], signal.unit)} to {amount(known[-1], signal.unit)} in "
        f"{count(len(known), 'cycle')} that count."
    )
