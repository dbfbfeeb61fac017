"""Stage 5, SOA: does anything grow with the work; the one way from evidence to a soak's result.

Nothing here loads NumPy where there was no soak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model.soakresult import LeakVerdict

if TYPE_CHECKING:
    from harness.analysis.case import Case
    from harness.evidence.reader import Evidence
    from harness.model.findings import CheckOutcome, Finding
    from harness.model.soakresult import SoakResult, SoakSignal

__all__ = [
    "latency_stays",
    "no_cycle_costs_more",
    "nothing_grows",
    "soak_questions",
    "soak_result",
    "throughput_stays",
]

_NO_SOAK = "there was no soak, or it was stopped before its first cycle was over"


def soak_result(evidence: Evidence) -> SoakResult | None:
    """Returns what the soak shows; None where there was none."""
    return evidence.derived(_analysed)


def soak_questions(evidence: Evidence) -> tuple[str, ...]:
    """Returns what the soak asked and could not answer; each begins a sentence."""
    result = soak_result(evidence)
    if result is None or result.verdict is not LeakVerdict.INCONCLUSIVE:
        return ()
    return (f"Whether it leaks stays open: {_why(result)}",)


def nothing_grows(case: Case) -> CheckOutcome:
    """SOA-101: no signal leaks; without the power to see what matters it isn't verified."""
    result = soak_result(case.evidence)
    if result is None:
        return case.undecided(_NO_SOAK)
    leaks = [signal for signal in result.signals if signal.verdict is LeakVerdict.LEAK]
    if leaks:
        return case.failed(*(_leak(case, result, signal) for signal in leaks))
    if result.verdict is LeakVerdict.NO_LEAK:
        return case.passed()
    return case.undecided(_why(result))


def latency_stays(case: Case) -> CheckOutcome:
    """SOA-102: arrivals of late cycles take no longer than those of early ones."""
    return _stays(case, ("latency p50", "latency p99"))


def throughput_stays(case: Case) -> CheckOutcome:
    """SOA-103: no fewer are done a second, and no more come to nothing."""
    return _stays(case, ("throughput", "failures"))


def _stays(case: Case, names: tuple[str, ...]) -> CheckOutcome:
    result = soak_result(case.evidence)
    if result is None:
        return case.undecided(_NO_SOAK)
    drift = [signal for signal in result.drift if signal.name in names]
    if not drift:
        return case.undecided("no arrivals of a whole cycle were measured")
    worse = [signal for signal in drift if signal.verdict is LeakVerdict.LEAK]
    if worse:
        return case.failed(*(case.finding(item.sentence, subject=item.name) for item in worse))
    is_open = [item.sentence for item in drift if item.verdict is LeakVerdict.INCONCLUSIVE]
    return case.undecided("; ".join(is_open)) if is_open else case.passed()


def no_cycle_costs_more(case: Case) -> CheckOutcome:
    """SOA-112: a cycle costs no more CPU time and no more requests than the one before."""
    result = soak_result(case.evidence)
    if result is None:
        return case.undecided(_NO_SOAK)
    if not result.cost:
        return case.undecided("neither its process nor its requests could be read")
    growing = [signal for signal in result.cost if signal.verdict is LeakVerdict.LEAK]
    if growing:
        return case.failed(
            *(
                case.finding(
                    f"{signal.name} grew by {signal.growth:.3g}"
                    f"{' s' if signal.unit == 's' else ''} over the soak, from "
                    f"{signal.values[signal.warm_up]:.3g} to {signal.values[-1]:.3g}",
                    subject=signal.subject,
                    detail=signal.sentence,
                )
                for signal in growing
            )
        )
    is_open = [s.sentence for s in result.cost if s.verdict is LeakVerdict.INCONCLUSIVE]
    return case.undecided("; ".join(is_open)) if is_open else case.passed()


def _analysed(evidence: Evidence) -> SoakResult | None:
    if not evidence.plateaus():
        return None
    from harness.analysis.soak.result import soaked  # noqa: PLC0415 - loads NumPy and SciPy

    return soaked(evidence)


def _why(result: SoakResult) -> str:
    is_open = [s.sentence for s in result.signals if s.verdict is LeakVerdict.INCONCLUSIVE]
    return "; ".join(is_open) or "no resource of the operator could be read"


def _leak(case: Case, result: SoakResult, signal: SoakSignal) -> Finding:
    sites = [
        f"{site.growth:+.3g} {'bytes' if site.unit == 'B' else 'of them'} between cycles "
        f"{site.first} and {site.last}: {site.function}{f' ({site.place})' if site.place else ''}"
        for site in result.sites
        if (site.subject, site.kind) == (signal.subject, signal.name)
    ]
    return case.finding(signal.sentence, subject=signal.subject, detail="\n".join(sites))
