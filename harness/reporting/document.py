"""Stage 7: `result.json`, the document that all other reports are rendered from."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import msgspec

from harness.errors import EvidenceError
from harness.model.result import SCHEMA_VERSION, RunResult

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_result", "render_json", "schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def render_json(result: RunResult) -> str:
    """Returns the result as indented JSON with a final line feed."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"


def read_result(path: Path) -> RunResult:
    """Reads a `result.json`.

    Raises:
        EvidenceError: It isn't there, isn't one, or is of another schema version.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EvidenceError(
            f"Can't read {path}: {error.strerror or error}",
            hint="Name a run folder whose run has ended, or judge it again.",
        ) from error
    try:
        _check_version(path, content)
        return msgspec.json.decode(content, type=RunResult)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EvidenceError(
            f"{path}: {error}",
            hint="The file was changed after the run; `harness report` writes it again.",
        ) from error


class _Version(msgspec.Struct, frozen=True):
    """The one field that is read before the rest."""

    schema_version: str = ""


def _check_version(path: Path, content: bytes) -> None:
    version = msgspec.json.decode(content, type=_Version).schema_version
    if version != SCHEMA_VERSION:
        raise EvidenceError(
            f"{path} has schema version {version!r}; this harness reads {SCHEMA_VERSION!r}.",
            hint="Read it with the harness version that wrote it, or judge the run again.",
        )


def schema() -> dict[str, Any]:  # any JSON
    """Returns the JSON Schema of `result.json`, as kept in `reports/schema/result.schema.json`."""
    _, definitions = msgspec.json.schema_components([RunResult], ref_template="#/$defs/{name}")
    for definition in definitions.values():
        definition["description"] = inspect.cleandoc(definition.get("description", ""))
    top = definitions.pop(RunResult.__name__)
    top["properties"]["schema_version"] = {"const": SCHEMA_VERSION}
    top["required"] = ["schema_version", *top["required"]]
    return {
        "$schema": _DIALECT,
        **top,
        "title": "Result of a run of the operator harness",
        "$defs": dict(sorted(definitions.items())),
    }
