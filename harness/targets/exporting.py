"""Stage 1: the JSON Schemas as files, for editors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.targets.surface import schema
from harness.targets.twinsurface import twin_schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["SCHEMAS", "export", "rendered"]

SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "target.schema.json": schema,
    "twin.schema.json": twin_schema,
}
"""Each schema by the name of its file."""


def rendered(name: str) -> str:
    """Returns the text of one of `SCHEMAS`."""
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"


def export(folder: Path) -> tuple[Path, ...]:
    """Writes every schema into a folder and returns the files."""
    files = tuple(folder / name for name in SCHEMAS)
    for file in files:
        file.write_text(rendered(file.name), encoding="utf-8")
    return files
