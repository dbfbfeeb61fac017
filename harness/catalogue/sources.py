"""Where a rule comes from: the addresses of what the catalogue calls by name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import msgspec
import yaml

from harness.resources import bundled

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["source_address"]


def source_address(ref: str) -> str:
    """Returns the address of a source as `CheckInfo.refs` names it; empty where none is known."""
    return _addresses().get(ref, "")


@cache
def _addresses() -> Mapping[str, str]:
    text = bundled("reports", "checklists", "sources.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), dict[str, str])
