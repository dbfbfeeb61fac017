"""Stage 1: what was found, as a target.yaml that people can read and mend."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING, Any

import yaml

from harness.model.target import InstallMode, Webhooks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.targets.detection.facts import (
        FoundKind,
        FoundSample,
        FoundScope,
        FoundWorkload,
        Layout,
    )

__all__ = ["Definition", "sample_text", "target_text"]

_WIDTH = 100
_FLOW = 78


class Definition:
    """Everything that goes into a target.yaml.

    Args:
        folder: Of the file; paths are written relative to it.
        layout: The project.
        workloads, scope, kinds: What was found.
        skip: Kinds that aren't applied.
        unit: Command of the unit tests; empty for none.
        dockerfile: Absolute path; None for none.
        missing: What could not be found.
    """

    def __init__(
        self,
        *,
        folder: Path,
        layout: Layout,
        workloads: Sequence[FoundWorkload],
        scope: FoundScope,
        kinds: Sequence[FoundKind],
        skip: Sequence[str],
        unit: Sequence[str],
        dockerfile: Path | None,
        missing: Sequence[str],
    ) -> None:
        self.folder = folder
        self.layout = layout
        self.workloads = workloads
        self.scope = scope
        self.kinds = kinds
        self.skip = skip
        self.unit = unit
        self.dockerfile = dockerfile
        self.missing = missing

    def relative(self, path: Path | str) -> str:
        """Returns a path as the file names it."""
        return os.path.relpath(path, self.folder)


def target_text(made: Definition) -> str:
    """Returns the text of a target.yaml."""
    lines = [
        f"# Written by `harness init` from {made.layout.title}; change it as you like.",
        "# Paths are relative to this file. `harness targets schema` has every key;",
        "# `harness targets lint` checks the file.",
        *(_missing(made.missing)),
        "apiVersion: harness/v1",
        "kind: Target",
        f"name: {_inline(made.layout.name)}",
        "",
        *_install(made),
        *_workloads(made),
        *_scope(made),
        *_kinds(made),
        *_tests(made),
    ]
    return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"


def sample_text(sample: FoundSample) -> str:
    """Returns the text of a sample that is to be written."""
    body = yaml.safe_dump(sample.body, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return "\n".join([*_comment(f"{sample.origin} Written by `harness init`."), body])


def _missing(missing: Sequence[str]) -> list[str]:
    if not missing:
        return []
    lines = ["#", "# Not found, or not sure:"]
    for sentence in missing:
        lines += _comment(sentence, first="# - ", later="#   ")
    return [*lines, ""]


def _install(made: Definition) -> list[str]:
    lines = ["install:", *_manifests(made)]
    if made.skip:
        lines += _comment("Of kinds that neither Kubernetes nor the manifests bring.", at=2)
        lines.append(f"  skip: {_inline(list(made.skip))}")
    if made.dockerfile is not None:
        lines += _comment("Where pods really run, the image is built from this file.", at=2)
        lines.append(f"  image: {{dockerfile: {_inline(made.relative(made.dockerfile))}}}")
    if made.scope.webhooks is Webhooks.SELF_MANAGED:
        lines += _comment("By its rules, it writes its webhooks' CA bundle itself.", at=2)
        lines.append("  webhooks: self-managed")
    return [*lines, ""]


def _manifests(made: Definition) -> list[str]:
    manifests = made.layout.manifests
    if manifests.kustomize is not None:
        folder = made.relative(manifests.kustomize)
        lines = _comment(f"Rendered as `kubectl apply -k {folder}` would.", at=2)
        return [*lines, f"  manifests: {{kustomize: {_inline(folder)}}}"]
    if manifests.helm is not None:
        lines = _comment("Rendered by `helm template`, with CRDs, without hooks.", at=2)
        chart = made.relative(manifests.helm.chart)
        return [
            *lines,
            "  manifests:",
            "    helm:",
            f"      chart: {_inline(chart)}",
            *_comment("Files of values, a later one overrides: [my-values.yaml]", at=6),
            "      values: []",
            f"      release: {_inline(manifests.helm.release)}",
            f"      namespace: {_inline(manifests.helm.namespace)}",
        ]
    files = [made.relative(path) for path in manifests.files]
    return ["  manifests:", "    files:", *(f"    - {_inline(file)}" for file in files)]


def _workloads(made: Definition) -> list[str]:
    if not made.workloads:
        return []
    lines = ["workloads:"]
    for item in made.workloads:
        for reason in item.reasons:
            lines += _comment(reason)
        lines.append(f"- deployment: {_inline(item.deployment)}")
        if item.container:
            lines.append(f"  container: {_inline(item.container)}")
        lines += _process(item)
        lines += _metrics(item)
        if item.pprof:
            lines.append(f"  pprof: {{port: {item.pprof}}}")
    return [*lines, ""]


def _process(item: FoundWorkload) -> list[str]:
    if item.program is None:
        return [
            *_comment(
                "How it runs as a process, for `--cluster local`; not found. For example:", at=2
            ),
            "  # process:",
            "  #   build: [go, build, -o, bin/manager, ./cmd]",
            "  #   command: [bin/manager]",
        ]
    lines = _comment(f"How it is built and run as a process (from: {item.program.reason}).", at=2)
    lines.append("  process:")
    if item.program.build:
        lines.append(f"    build: {_inline(list(item.program.build))}")
    return [*lines, f"    command: {_inline(list(item.program.command))}"]


def _metrics(item: FoundWorkload) -> list[str]:
    if not item.metrics:
        why = f": {item.metrics_reason}" if item.metrics_reason else ", no port was found"
        return _comment(f"No metrics{why}. For example: metrics: {{port: 8080}}", at=2)
    lines = _comment(f"Metrics (from: {item.metrics_reason}).", at=2)
    return [*lines, f"  metrics: {{port: {item.metrics}, dialect: {item.dialect}}}"]


def _scope(made: Definition) -> list[str]:
    scope = made.scope
    lines = ["scope:", *_comment(f"Which namespaces it serves: {scope.reason}.", at=2)]
    lines.append(f"  mode: {scope.mode}")
    if scope.mode in {InstallMode.SINGLE_NAMESPACE, InstallMode.MULTI_NAMESPACE}:
        lines.append(f"  namespaces: {_inline(list(scope.namespaces))}")
    if scope.owns:
        lines += _comment("What its rules let it create; strike out what it doesn't make.", at=2)
        lines.append(f"  owns: {_inline(list(scope.owns))}")
    return [*lines, ""]


def _kinds(made: Definition) -> list[str]:
    lines = ["kinds:"]
    for kind in made.kinds:
        if not kind.crd.namespaced:
            lines += _comment(f"{kind.crd.kind} is cluster-scoped.")
        lines.append(f"- resource: {_inline(kind.crd.resource)}")
        lines += _samples(made, kind)
        lines += _comment(f"Converged: {kind.ready_reason}.", at=2)
        if kind.ready:
            lines.append(f"  ready: {{condition: {_inline(kind.ready)}}}")
        lines += _mutations(kind)
    return [*lines, ""]


def _samples(made: Definition, kind: FoundKind) -> list[str]:
    lines: list[str] = []
    for sample in kind.samples:
        if sample.origin:
            lines += _comment(f"{made.relative(sample.file)}: {sample.origin}", at=2)
    for other in kind.others[:5]:
        lines += _comment(f"Left out, since a few are enough: {made.relative(other)}", at=2)
    files = [made.relative(sample.file) for sample in kind.samples]
    whole = f"  samples: {_inline(files)}"
    if len(whole) <= _WIDTH:
        return [*lines, whole]
    return [*lines, "  samples:", *(f"  - {_inline(file)}" for file in files)]


def _mutations(kind: FoundKind) -> list[str]:
    if not kind.mutations:
        ideas = f" (perhaps {', '.join(kind.candidates)})" if kind.candidates else ""
        text = f"Changes that it must follow: no field was found that is safe to change{ideas}."
        return [
            *_comment(text, at=2),
            "  # mutations:",
            "  # - {path: spec.size, values: [2, 3, 1]}",
        ]
    lines = [*_comment("Changes that it must follow, one value after the other.", at=2)]
    lines.append("  mutations:")
    for change in kind.mutations:
        lines += _comment(f"{change.path}: {change.reason}.", at=2)
        values = _inline(list(change.values))
        lines.append(f"  - {{path: {_inline(change.path)}, values: {values}}}")
    return lines


def _tests(made: Definition) -> list[str]:
    if not made.unit:
        return []
    return ["# The operator's own tests.", "tests:", f"  unit: {_inline(list(made.unit))}"]


def _inline(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Returns a value on one line, quoted where YAML would read it as something else."""
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("...").strip()


def _comment(text: str, *, at: int = 0, first: str = "# ", later: str = "# ") -> list[str]:
    """Returns a comment, wrapped; control characters, which a path may hold, are escaped."""
    plain = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    indent = " " * at
    return textwrap.wrap(
        plain,
        width=_WIDTH - 2,
        initial_indent=indent + first,
        subsequent_indent=indent + later,
        break_long_words=False,
        break_on_hyphens=False,
    )
