"""Which bundled suites judge which check."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import msgspec
import yaml

from harness.resources import bundled

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["suites_of"]


class _Suite(msgspec.Struct, frozen=True):
    """What is needed of a `suite.yaml`."""

    name: str
    checks: tuple[str, ...] = ()


@cache
def suites_of() -> Mapping[str, list[str]]:
    """Returns the names of the bundled suites that judge a check, by its id."""
    found: dict[str, list[str]] = {}
    for file in sorted(bundled("suites").glob("*/suite.yaml")):
        suite = msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), _Suite)
        for check in suite.checks:
            found.setdefault(check, []).append(suite.name)
    return found
