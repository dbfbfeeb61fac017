"""Which bundled suites judge which check."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import msgspec
import yaml

from harness.resources import bundled

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["WHERE_INSTALLED", "suites_of"]

WHERE_INSTALLED = (*(f"RBA-{number}" for number in range(101, 118)), "SCO-101", "SCO-105")
"""What every suite in a cluster judges unasked: what the operator may do, and where it acted."""


class _Suite(msgspec.Struct, frozen=True):
    """What is needed of a `suite.yaml`."""

    name: str
    checks: tuple[str, ...] = ()
    static: bool = False


@cache
def suites_of() -> Mapping[str, list[str]]:
    """Returns the names of the bundled suites that judge a check, by its id."""
    found: dict[str, list[str]] = {}
    for file in sorted(bundled("suites").glob("*/suite.yaml")):
        suite = msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), _Suite)
        unasked = () if suite.static else WHERE_INSTALLED
        for check in dict.fromkeys((*suite.checks, *unasked)):
            found.setdefault(check, []).append(suite.name)
    return found
