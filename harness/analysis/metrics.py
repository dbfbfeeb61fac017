"""Stage 5: what metrics pages say."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from prometheus_client import Metric

    from harness.evidence.reader import Evidence
    from harness.model.records import MetricsPage

__all__ = ["Family", "counted", "families"]

_OPENMETRICS = "application/openmetrics-text"
_OK = 200

_Labels = tuple[tuple[str, str], ...]


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One family of a page.

    Attributes:
        described: Whether the page itself gave HELP and TYPE for it.
        samples: Values by series name and labels.
    """

    name: str
    described: bool
    samples: dict[tuple[str, _Labels], float]


def families(page: MetricsPage) -> tuple[Family, ...]:
    """Parses a page.

    Raises:
        ValueError: It can't be parsed.
    """
    described = _declared(page.body, "HELP") & _declared(page.body, "TYPE")
    return tuple(
        Family(
            name=metric.name,
            described=bool({metric.name, f"{metric.name}_total"} & described),
            samples={
                (sample.name, tuple(sorted(sample.labels.items()))): float(sample.value)
                for sample in metric.samples
            },
        )
        for metric in _parsed(page)
    )


def _parsed(page: MetricsPage) -> list[Metric]:
    if page.content_type.startswith(_OPENMETRICS):
        from prometheus_client.openmetrics import parser as openmetrics  # noqa: PLC0415 - rare

        return list(openmetrics.text_string_to_metric_families(page.body))  # type: ignore[no-untyped-call]
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - slow

    return list(text_string_to_metric_families(page.body))


def _declared(body: str, word: str) -> set[str]:
    start = f"# {word} "
    lines = (line for line in body.splitlines() if line.startswith(start))
    return {line[len(start) :].split(" ", 1)[0] for line in lines}


def counted(evidence: Evidence, series: str) -> dict[_Labels, tuple[float, int]]:
    """Returns how far a counter got over the run, by labels, and over how many pages.

    A counter starts at 0 with its process. Where it falls, the process was restarted, and what it
    counted between the last page before and the restart is lost.

    Args:
        evidence: Of the run.
        series: For example "controller_runtime_reconcile_total".
    """
    last: dict[tuple[str, _Labels], float] = {}
    totals: dict[_Labels, float] = defaultdict(float)
    pages: dict[_Labels, int] = defaultdict(int)
    for page in evidence.metrics_pages():
        for labels, value in _values(page, series).items():
            key = (page.workload, labels)
            before = last.get(key, 0.0)
            totals[labels] += value - before if value >= before else value
            pages[labels] += 1
            last[key] = value
    return {labels: (total, pages[labels]) for labels, total in totals.items()}


def _values(page: MetricsPage, series: str) -> dict[_Labels, float]:
    if page.status != _OK:
        return {}
    try:
        found = families(page)
    except ValueError:
        return {}
    return {
        labels: value
        for family in found
        for (name, labels), value in family.samples.items()
        if name == series
    }
