"""Metrics under an operator's own names, read as controller-runtime's.

Pages are kept as they were scraped. Who reads counters out of them asks for one set of names, and
a target says by which of its own it has what they mean.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.model.installation import MetricsEndpoint
    from harness.model.records import MetricsPage

__all__ = ["translated"]

_SUFFIX = r"(?:_sum|_count|_bucket|_created)?"
_SET = r'\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}'
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)(="(?:[^"\\]|\\.)*")')


def translated(page: MetricsPage, endpoint: MetricsEndpoint | None) -> MetricsPage:
    """Returns a page with controller-runtime's names where the operator has its own.

    Labels are translated in the families that are; all else stays as it is.

    Args:
        page: As kept.
        endpoint: Where it was scraped; None where nobody knows.
    """
    if endpoint is None or not endpoint.names:
        return page
    known = {theirs: ours for ours, theirs in endpoint.names.items()}
    labels = {theirs: ours for ours, theirs in endpoint.labels.items()}

    def line(found: re.Match[str]) -> str:
        comment, family, suffix, names = found.groups(default="")
        return f"{comment}{known[family]}{suffix}{_relabelled(names, labels)}"

    return msgspec.structs.replace(page, body=_families(tuple(known)).sub(line, page.body))


@lru_cache(maxsize=8)
def _families(names: tuple[str, ...]) -> re.Pattern[str]:
    """What matches the begin of a line, or of a comment, of one of some families."""
    choice = "|".join(map(re.escape, names))
    return re.compile(
        rf"^((?:# (?:HELP|TYPE) )?)({choice})({_SUFFIX})(?=[ {{\t])({_SET})?", re.MULTILINE
    )


def _relabelled(names: str, labels: Mapping[str, str]) -> str:
    if not labels:
        return names
    return _LABEL.sub(lambda one: labels.get(one[1], one[1]) + one[2], names)
