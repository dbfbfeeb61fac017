"""Reads the few families of a metrics page that a load needs, and no others.

A page has thousands of lines, and the general parser takes tens of milliseconds for it; a report
has two pages for each phase.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.model.records import MetricsPage

__all__ = ["Page"]

_OK = 200
_LINE = re.compile(
    r"^((?:workqueue_|controller_runtime_|process_cpu_seconds_total|process_start_time_"
    r"|rest_client_(?:requests_total|request_size|response_size|rate_limiter_duration))"
    r'[a-zA-Z0-9_:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s+(\S+)',
    re.MULTILINE,
)
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')

Labels = dict[str, str]


class Page:
    """One scrape.

    Args:
        page: As kept; one that wasn't answered is empty.

    Attributes:
        mono_ns: When it was taken.
    """

    def __init__(self, page: MetricsPage) -> None:
        self.mono_ns = page.stamp.mono_ns
        self._series: dict[str, list[tuple[Labels, float]]] = defaultdict(list)
        for name, labels, value in _LINE.findall(page.body if page.status == _OK else ""):
            self._series[name].append((dict(_LABEL.findall(labels)), float(value)))

    def total(self, name: str, labels: Mapping[str, str] | None = None) -> float | None:
        """Returns the sum of all series with these labels, over all others; None without any."""
        wanted = (labels or {}).items()
        found = [value for have, value in self._series.get(name, ()) if wanted <= have.items()]
        return sum(found) if found else None

    def values(self, name: str, label: str) -> tuple[str, ...]:
        """Returns all values of a label of a family, in order of their first series."""
        found = (labels.get(label, "") for labels, _ in self._series.get(name, ()))
        return tuple(dict.fromkeys(value for value in found if value))

    def buckets(self, name: str, labels: Mapping[str, str]) -> dict[float, float]:
        """Returns the cumulative counts of a histogram by upper bound, summed over other labels."""
        found: dict[float, float] = defaultdict(float)
        for have, value in self._series.get(f"{name}_bucket", ()):
            if labels.items() <= have.items():
                found[float(have.get("le", "nan"))] += value
        return dict(sorted(found.items()))
