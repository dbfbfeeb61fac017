"""Stage 1: the JSON Schemas as files, for editors, and as a table, for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.targets.surface import schema
from harness.targets.twinsurface import twin_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["SCHEMAS", "export", "reference", "refresh", "rendered"]

_BEGIN, _END = "<!-- keys: begin -->\n", "<!-- keys: end -->"

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


def reference() -> str:
    """Returns a Markdown table of all keys of target.yaml."""
    lines = ["| key | default | is |", "|---|---|---|", *_rows(schema(), "")]
    return "\n".join(lines) + "\n"


def refresh(file: Path) -> str:
    """Returns the text of a Markdown file with the table between its two marks renewed."""
    text = file.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    return f"{before}{_BEGIN}{reference()}{_END}{rest.partition(_END)[2]}"


def _rows(part: dict[str, Any], path: str) -> Iterator[str]:
    for name, about in part.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        items = about.get("items", {})
        inner = items if "properties" in items else about
        shown = f"{here}[]" if about.get("type") == "array" else here
        yield f"| `{shown}` | {_default(name, about, part)} | {_told(about)} |"
        yield from _rows(inner, shown)


def _default(name: str, about: dict[str, Any], part: dict[str, Any]) -> str:
    if name in part.get("required", ()):
        return f"`{about['const']}`" if "const" in about else "required"
    default = about.get("default")
    return f"`{json.dumps(default)}`" if default or default is False else ""


def _told(about: dict[str, Any]) -> str:
    words = [about["description"]]
    if "enum" in about:
        words.append(f"One of: {', '.join(about['enum'])}.")
    elif about.get("examples"):
        example = about["examples"][0]
        words.append(f"Example: `{example if isinstance(example, str) else json.dumps(example)}`.")
    return " ".join(words).replace("|", "\\|").replace("\n", " ")
