"""Stage 7: a soak's signals in words, for the page and the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.model.digits import digits
from harness.model.findings import Status
from harness.model.soak import API_SERVER, DEFINITION, TOKEN
from harness.model.soakresult import LeakVerdict
from harness.reporting.soakplots import amount, signal_groups, soak_plots
from harness.reporting.text import count, number, one_line, quantity

if TYPE_CHECKING:
    from harness.model.soak import Disturbance
    from harness.model.soakresult import (
        GrowingSite,
        InventoryChange,
        LeftKind,
        SoakResult,
        SoakSignal,
    )
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


_CHANGES = {
    LeakVerdict.LEAK: "Worse",
    LeakVerdict.NO_LEAK: "Not worse",
    LeakVerdict.INCONCLUSIVE: "Inconclusive",
}
_DISTURBANCES = {
    API_SERVER: "The API server was restarted, and etcd compacted",
    DEFINITION: "The definition was deleted and made anew",
    TOKEN: "The token was replaced, and then the old one revoked",
}
_SHOWN = {"": _WORDS, "beside": _WORDS | {LeakVerdict.LEAK: "Grows"}}
"""By group, of what is held; others tell how the soak went. What is beside accuses nobody: the
memory of a process grows for long, as its allocator learns, while its live heap doesn't."""


class SignalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One signal.

    Attributes:
        status: By which the verdict is drawn.
        slope, interval: Growth a cycle; the latter empty where it isn't known.
        each: Growth a reconcile, with its interval; an object where nobody counts those.
    """

    name: str
    subject: str
    status: Status
    verdict: str
    slope: str
    interval: str
    growth: str
    detectable: str
    each: str


class SoakTable(msgspec.Struct, frozen=True, kw_only=True):
    """A soak.

    Attributes:
        sentence: What was done.
        sites: Growth, function, place, cycles and callers of each.
        left: What stayed in the cluster: kind, how many, names, why, how that is known.
        stayed: The same in a sentence; empty where nobody took an inventory.
        changes: Resources of which there are others than before: how many before and after, how
            many came and went.
        disturbances: What was done, after which cycle, and how the operator got over it.
        plots: One a signal.
    """

    sentence: str
    rows: tuple[SignalRow, ...]
    sites: tuple[tuple[str, ...], ...]
    left: tuple[tuple[str, str, str, str, str], ...]
    stayed: str
    changes: tuple[tuple[str, str, str, str, str], ...]
    disturbances: tuple[tuple[str, str, str], ...]
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
        rows=tuple(_row(signal, group) for group, signal in signal_groups(result)),
        sites=tuple(map(_site, result.sites)),
        left=tuple(map(_left, result.left)),
        stayed=_stayed(result),
        changes=tuple(map(_change, result.inventory or ())),
        disturbances=tuple(map(_disturbance, result.disturbances)),
        notes=result.notes,
        plots=soak_plots(result),
    )


def _row(signal: SoakSignal, group: str) -> SignalRow:
    unit, known = signal.unit, signal.detectable is not None
    ends = f"{amount(signal.low, unit)} to {amount(signal.high, unit)}"
    each = ""
    done, of = signal.each_reconcile, "a reconcile"
    if done is None:
        done, of = signal.each_object, "an object"
    if done is not None and known:
        middle, low, high = map(digits, done)
        each = f"{middle}{' B' if unit == 'B' else ''} {of} ({low} to {high})"
    accuses_nobody = group == "beside" and signal.verdict is LeakVerdict.LEAK
    return SignalRow(
        name=f"{signal.name} ({group})" if group else signal.name,
        subject=signal.subject,
        status=Status.NOT_VERIFIED if accuses_nobody else _STATUS[signal.verdict],
        verdict=_SHOWN.get(group, _CHANGES)[signal.verdict],
        slope=amount(signal.slope, unit) if known else "unknown",
        interval=f"({ends})" if known else "",
        growth=amount(signal.growth, unit) if known else "unknown",
        detectable=amount(signal.detectable, unit) if signal.detectable is not None else "unknown",
        each=each,
    )


def _site(site: GrowingSite) -> tuple[str, ...]:
    cycles = f"{number(site.first)} to {number(site.last)}"
    inner = site.stack.index(site.function) + 1 if site.function in site.stack else len(site.stack)
    callers = " < ".join(site.stack[inner:])
    return site.kind, amount(site.growth, site.unit), site.function, site.place, cycles, callers


def _left(found: LeftKind) -> tuple[str, str, str, str, str]:
    of = f" of {number(found.created)} created" if found.created else ""
    more = found.count - len(found.names)
    names = ", ".join(found.names) + (f", and {number(more)} more" if more > 0 else "")
    at = f" (line {found.line} of the audit log)" if found.line else ""
    made = f"; first made by {found.write}{at}" if found.write else ""
    kind = f"{found.kind} ({found.resource})"
    return kind, f"{number(found.count)}{of}", names, found.cause, f"{found.how}{made}"


def _change(item: InventoryChange) -> tuple[str, str, str, str, str]:
    amounts = (number(x) for x in (item.before, item.after, item.came, item.went))
    before, after, came, went = amounts
    return one_line(item.resource), before, after, came, went


def _disturbance(item: Disturbance) -> tuple[str, str, str]:
    title = _DISTURBANCES.get(item.name, item.name)
    if not item.tried:
        return title, "not done", one_line(item.note)
    words = [f"away for {quantity(item.away_s, 's')}"] if item.name != TOKEN else []
    if item.overlap_s:
        words.append(f"both tokens were valid for {quantity(item.overlap_s, 's')}")
    if item.ended:
        words.append(f"{', '.join(dict.fromkeys(item.ended))} ended and was started again")
    words.append("it recovered" if item.recovered else "it did not recover")
    return title, f"cycle {number(item.after_cycle)}", "; ".join(words)


def _stayed(result: SoakResult) -> str:
    """Says what two inventories differ by."""
    if result.inventory is None and result.events is None and not result.left:
        return ""
    amount_left = sum(found.count for found in result.left)
    kinds = count(len(result.left), "kind")
    left = (
        f"{count(amount_left, 'object')} of {kinds} stayed that the operator had made."
        if amount_left
        else "Nothing that the operator had made stayed."
    )
    if result.inventory == ():
        left += " Events aside, the same objects were listed before and after."
    if result.events is None:
        return left
    before, after = result.events
    return (
        f"{left} Events: {number(before)} before the first cycle, {number(after)} after the last."
    )
