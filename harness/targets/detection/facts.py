"""Stage 1: what is found out about a project before its target.yaml is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from harness.model.target import InstallMode, Manifests, Webhooks

__all__ = [
    "Crd",
    "FoundKind",
    "FoundMutation",
    "FoundSample",
    "FoundScope",
    "FoundWorkload",
    "Layout",
    "Program",
    "Report",
]


class Report:
    """Collects what could not be found, in the order of the finding; each once.

    Args:
        folder: Of target.yaml, from which paths are told.
    """

    def __init__(self, folder: Path) -> None:
        self.missing: list[str] = []
        self._folder = folder

    def shown(self, path: Path) -> str:
        """Returns a path as target.yaml would name it."""
        return os.path.relpath(path, self._folder)

    def lacks(self, sentence: str) -> None:
        """Notes something that the user should know or fill in."""
        if sentence not in self.missing:
            self.missing.append(sentence)


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder turned out to be.

    Attributes:
        title: In words, for example "a kubebuilder project".
        name: Of the operator, as the project calls it.
        manifests: Where they come from; paths are absolute.
        sources: Folder of the operator's sources; None where there are none.
        samples: Folders and files in which samples are looked for, the best first.
        notes: What the user should know of the choice.
    """

    title: str
    name: str
    manifests: Manifests
    sources: Path | None
    samples: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


class Crd(msgspec.Struct, frozen=True, kw_only=True):
    """A CustomResourceDefinition, reduced to what is asked of it.

    Attributes:
        schemas: OpenAPI schema by served version, the stored version first.
        columns: Printer columns of the stored version.
        replicas: Dotted path of the scale subresource's spec field; may be empty.
    """

    group: str
    kind: str
    plural: str
    namespaced: bool
    schemas: dict[str, dict[str, Any]]  # a JSON Schema each
    columns: tuple[dict[str, Any], ...] = ()
    replicas: str = ""

    @property
    def resource(self) -> str:
        """`<plural>.<group>`."""
        return f"{self.plural}.{self.group}"


class FoundSample(msgspec.Struct, frozen=True, kw_only=True):
    """A sample of a kind.

    Attributes:
        file: Where it is, or will be written.
        origin: Empty for a file that is used as it is; else where the written one comes from.
        invented: Whether it was made up from the schema.
    """

    file: Path
    body: dict[str, Any]  # a Kubernetes object
    origin: str = ""
    invented: bool = False


class FoundMutation(msgspec.Struct, frozen=True, kw_only=True):
    """A field that may be changed, and its values."""

    path: str
    values: tuple[Any, ...]  # any JSON
    reason: str


class FoundKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind that the operator serves.

    Attributes:
        ready: Condition that tells readiness; empty for the rules of kstatus.
        ready_reason: Why, for the comment.
        candidates: Fields of the spec that might be changed but aren't known to be safe.
        others: Samples that weren't taken, since there are enough.
    """

    crd: Crd
    samples: tuple[FoundSample, ...]
    ready: str
    ready_reason: str
    mutations: tuple[FoundMutation, ...] = ()
    candidates: tuple[str, ...] = ()
    others: tuple[Path, ...] = ()


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """How a workload runs as a process; `reason` says where that is known from."""

    command: tuple[str, ...]
    build: tuple[str, ...] = ()
    reason: str = ""


class FoundWorkload(msgspec.Struct, frozen=True, kw_only=True):
    """A Deployment that is the operator.

    Attributes:
        container: Which of several; empty where there is one.
        metrics, pprof: Container ports; 0 for none.
        reasons: Comments: why it was chosen, what of it isn't run.
    """

    deployment: str
    container: str = ""
    program: Program | None = None
    metrics: int = 0
    metrics_reason: str = ""
    dialect: str = "controller-runtime"
    pprof: int = 0
    reasons: tuple[str, ...] = ()


class FoundScope(msgspec.Struct, frozen=True, kw_only=True):
    """Which namespaces the operator serves, and what it makes."""

    mode: InstallMode
    reason: str
    namespaces: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()
    webhooks: Webhooks = Webhooks.MANAGED
