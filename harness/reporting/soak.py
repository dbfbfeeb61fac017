"""Stage 7: a soak's signals in words, for the page and the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.model.findings import Status
from harness.model.soakresult import LeakVerdict
from harness.reporting.soakplots import amount, soak_plots
from harness.reporting.text import count, number

if TYPE_CHECKING:
    from harness.model.soakresult import GrowingSite, SoakResult, SoakSignal
    from harness.reporting.plots import Plot

__all__ = ["HEADER", "SignalRow", "SoakTable", "soak_table"]

HEADER = (
    "Signal",
    "Each cycle (98 % interval)",
    "Growth in the cycles that count",
    "Smallest that would have shown",
)
_STATUS = {
    LeakVerdict.LEAK: Status.FAIL,
    LeakVerdict.NO_LEAK: Status.PASS,
    LeakVerdict.INCONCLUSIVE: Status.NOT_VERIFIED,
}
_WORDS = {
    LeakVerdict.LEAK: "Leak",
    LeakVerdict.NO_LEAK: "No leak",
    LeakVerdict.INCONCLUSIVE: "Inconclusive",
}


class SignalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One signal.

    Attributes:
        status: By which the verdict is drawn.
        decides: Whether the soak's verdict rests on it.
        each: Growth a reconcile, with its interval; empty where nobody counted.
    """

    name: str
    subject: str
    status: Status
    verdict: str
    decides: bool
    slope: str
    growth: str
    detectable: str
    each: str


class SoakTable(msgspec.Struct, frozen=True, kw_only=True):
    """A soak.

    Attributes:
        sentence: What was done.
        sites: Growth, function, place and cycles of each.
        plots: One a signal.
    """

    sentence: str
    rows: tuple[SignalRow, ...]
    sites: tuple[tuple[str, str, str, str, str], ...]
    notes: tuple[str, ...]
    plots: tuple[Plot, ...]


def soak_table(result: SoakResult | None) -> SoakTable | None:
    """Returns what a report shows; None where there was no soak."""
    if result is None:
        return None
    done = [count(result.cycles, "cycle")]
    if result.objects:
        done.append(f"{count(result.objects, 'object')} created and deleted in those that count")
    if result.reconciles:
        done.append(f"{count(result.reconciles, 'reconcile')} in them")
    return SoakTable(
        sentence=", ".join(done) + ".",
        rows=(
            *(_row(signal, decides=True) for signal in result.signals),
            *(_row(signal, decides=False) for signal in result.beside),
        ),
        sites=tuple(map(_site, result.sites)),
        notes=result.notes,
        plots=soak_plots(result),
    )


def _row(signal: SoakSignal, *, decides: bool) -> SignalRow:
    unit, known = signal.unit, signal.detectable is not None
    ends = f"{amount(signal.low, unit)} to {amount(signal.high, unit)}"
    each = ""
    if signal.each_reconcile is not None and known:
        middle, low, high = (f"{value:.3g}" for value in signal.each_reconcile)
        each = f"{middle}{' B' if unit == 'B' else ''} a reconcile ({low} to {high})"
    return SignalRow(
        name=f"{signal.name}{'' if decides else ' (beside)'}",
        subject=signal.subject,
        status=_STATUS[signal.verdict],
        verdict=_WORDS[signal.verdict],
        decides=decides,
        slope=f"{amount(signal.slope, unit)} ({ends})" if known else "unknown",
        growth=amount(signal.growth, unit) if known else "unknown",
        detectable=amount(signal.detectable, unit) if signal.detectable is not None else "unknown",
        each=each,
    )


def _site(site: GrowingSite) -> tuple[str, str, str, str, str]:
    cycles = f"{number(site.first)} to {number(site.last)}"
    return site.kind, amount(site.growth, site.unit), site.function, site.place, cycles
