"""Stage 1: checked data as the types that the later stages work with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from harness.model.target import Target, Twin
from harness.targets.files import resolve
from harness.targets.gates import parse_gate

__all__ = ["decode_target", "decode_twin"]


def decode_target(data: dict[str, Any], folder: Path, twin: Twin | None) -> Target:
    """Returns the target of a definition that has no problem; its paths become absolute.

    Args:
        data: As the file has it.
        folder: That holds the file.
        twin: The defect that is switched on.
    """
    found = _body(data)
    found["folder"] = str(folder.absolute())
    found["install"] = _install(found["install"], folder)
    found["kinds"] = [
        kind | {"samples": [str(resolve(folder, path)) for path in kind["samples"]]}
        for kind in found["kinds"]
    ]
    gates = found.pop("gates", {})
    target = msgspec.convert(found, Target)
    return msgspec.structs.replace(
        target,
        gates=tuple(parse_gate(name, bound) for name, bound in gates.items()),
        twin=twin,
    )


def decode_twin(data: dict[str, Any]) -> Twin:
    """Returns the twin of a definition that has no problem."""
    return msgspec.convert(_body(data), Twin)


def _body(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in {"apiVersion", "kind"}}


def _install(install: dict[str, Any], folder: Path) -> dict[str, Any]:
    manifests = dict(install["manifests"])
    if "kustomize" in manifests:
        manifests["kustomize"] = str(resolve(folder, manifests["kustomize"]))
    if "files" in manifests:
        manifests["files"] = [str(resolve(folder, path)) for path in manifests["files"]]
    found = install | {"manifests": manifests}
    dockerfile = install.get("image", {}).get("dockerfile")
    if dockerfile is not None:
        found["image"] = install["image"] | {"dockerfile": str(resolve(folder, dockerfile))}
    return found
