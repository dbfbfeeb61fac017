"""Stage 1: checked data as the types that the later stages work with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from harness.model.target import Target, Twin
from harness.targets.files import resolve
from harness.targets.gates import read_gate
from harness.targets.requirements import filled

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
    target = _with_programs(msgspec.convert(found, Target))
    return msgspec.structs.replace(
        target,
        gates=tuple(read_gate(name, bound) for name, bound in gates.items()),
        twin=twin,
    )


def _with_programs(target: Target) -> Target:
    """Returns the target with the placeholders of its commands filled in."""
    replace = msgspec.structs.replace
    workloads = tuple(
        workload
        if workload.process is None
        else replace(
            workload,
            process=replace(
                workload.process,
                command=filled(workload.process.command),
                build=filled(workload.process.build),
            ),
        )
        for workload in target.workloads
    )
    tests = replace(
        target.tests,
        unit=filled(target.tests.unit),
        integration=filled(target.tests.integration),
    )
    return replace(target, workloads=workloads, tests=tests)


def decode_twin(data: dict[str, Any]) -> Twin:
    """Returns the twin of a definition that has no problem."""
    return msgspec.convert(_body(data), Twin)


def _body(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in {"apiVersion", "kind"}}


def _install(install: dict[str, Any], folder: Path) -> dict[str, Any]:
    manifests = dict(install.get("manifests", {}))
    if "kustomize" in manifests:
        manifests["kustomize"] = str(resolve(folder, manifests["kustomize"]))
    if "files" in manifests:
        manifests["files"] = [str(resolve(folder, path)) for path in manifests["files"]]
    if "helm" in manifests:
        manifests["helm"] = _helm(manifests["helm"], folder)
    found = install | {"manifests": manifests}
    if "image" in install:
        found["image"] = _image(install["image"], folder)
    return found


def _image(image: dict[str, Any], folder: Path) -> dict[str, Any]:
    found = dict(image)
    if image.get("dockerfile") is not None:
        found["dockerfile"] = str(resolve(folder, image["dockerfile"]))
    if "archives" in image:
        found["archives"] = [str(resolve(folder, path)) for path in image["archives"]]
    return found


def _helm(helm: dict[str, Any], folder: Path) -> dict[str, Any]:
    values = [str(resolve(folder, path)) for path in helm.get("values", ())]
    return helm | {"chart": str(resolve(folder, helm["chart"])), "values": values}
