"""What each check is: `reports/checklists/catalogue.yaml`, read once.

families     what the first three letters of a check's id stand for
sources      where a rule comes from, as an address
suites       which bundled suites judge which check
explanation  a check in full, as `harness checks explain` says it
page         docs/checks.md and the README's table; `python -m harness.catalogue` writes them anew
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import msgspec
import yaml

from harness.catalogue.suites import WHERE_INSTALLED, suites_of
from harness.errors import UsageError
from harness.model.findings import CheckInfo
from harness.resources import bundled

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["WHERE_INSTALLED", "check_info", "load_catalogue", "suites_of"]


@cache
def load_catalogue() -> Mapping[str, CheckInfo]:
    """Returns every check by its id, in the order of the catalogue."""
    text = bundled("reports", "checklists", "catalogue.yaml").read_text(encoding="utf-8")
    entries = msgspec.convert(yaml.safe_load(text), tuple[CheckInfo, ...])
    return {entry.id: entry for entry in entries}


def check_info(check_id: str) -> CheckInfo:
    """Returns one check.

    Raises:
        UsageError: There is no such check.
    """
    import difflib  # noqa: PLC0415 - only for the message

    known = load_catalogue()
    if check_id in known:
        return known[check_id]
    close = difflib.get_close_matches(check_id, known, n=1)
    raise UsageError(
        f"There is no check {check_id!r}.",
        hint=f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known)}.",
    )
