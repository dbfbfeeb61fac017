"""Stage 1: from a project's folder to a target definition that isn't written yet."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.errors import TargetError
from harness.manifests.objects import Object, kind_of
from harness.manifests.sources import load_manifests
from harness.targets.detection.crds import read_crds
from harness.targets.detection.facts import FoundKind, FoundWorkload, Layout, Program, Report
from harness.targets.detection.layouts import find_layout, slug, yaml_files
from harness.targets.detection.programs import (
    find_program,
    metrics_default,
    unit_tests,
    uses_runtime,
)
from harness.targets.detection.samples import find_kind, find_samples
from harness.targets.detection.scope import find_scope, unknown_kinds
from harness.targets.detection.workloads import choose_operators, describe_operator
from harness.targets.detection.writing import Definition, sample_text, target_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.targets.detection.facts import Crd
    from harness.targets.detection.workloads import Operator

__all__ = ["Detected", "Tools", "Wishes", "detect"]


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the user said, over what is found.

    Attributes:
        name: Of the target; empty for the project's.
        command: How the operator's process is started; empty for what is found.
        build: How it is built before; empty for what is found, or nothing with `command`.
        sources: Folder of the operator's sources; None for what is found.
    """

    name: str = ""
    command: tuple[str, ...] = ()
    build: tuple[str, ...] = ()
    sources: Path | None = None


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """Programs that render manifests; asked for only where they are needed.

    Attributes:
        kubectl: Finds or makes kubectl.
        helm: Finds helm; returns None where there is none.
    """

    kubectl: Callable[[], Path]
    helm: Callable[[], Path | None]


class Detected(msgspec.Struct, frozen=True, kw_only=True):
    """What `harness init` writes and says.

    Attributes:
        title: What the project is.
        runnable: Whether each workload has a process.
        text: Of target.yaml.
        samples: Text of each sample that is to be written, by absolute path.
        found: What was found, a line each.
        missing: What could not be found, a sentence each.
    """

    title: str
    runnable: bool
    text: str
    samples: dict[Path, str]
    found: tuple[str, ...]
    missing: tuple[str, ...]


def detect(place: Path, *, folder: Path, wishes: Wishes, tools: Tools) -> Detected:
    """Returns the target definition of a project.

    Args:
        place: The project's folder, or a file of manifests; absolute.
        folder: Where target.yaml will be; absolute.
        wishes: What the user said.
        tools: What renders manifests.

    Raises:
        TargetError: Nothing usable is there; every problem of the manifests is named.
    """
    report = Report(folder)
    layout = _wished(find_layout(place), wishes)
    for note in layout.notes:
        report.lacks(note)
    manifests = _manifests(layout, tools, report)
    crds = read_crds(manifests, report)
    if not crds:
        needs = report.missing[0] if report.missing else ""
        raise TargetError(
            f"There is no CustomResourceDefinition in {_origin(layout)} ({layout.title}).",
            hint="The harness judges an operator by its custom resources: name a folder or file "
            "whose manifests bring their CRDs." + (f" Not found: {needs}" if needs else ""),
        )
    operators = choose_operators(manifests, crds, report)
    workloads = _workloads(
        operators, manifests, layout, folder=folder, wishes=wishes, report=report
    )
    samples = find_samples(layout.samples, crds, folder, report)
    kinds = [kind for crd in crds for kind in [find_kind(crd, samples, folder, report)] if kind]
    if not kinds:
        raise TargetError(
            f"There is no sample of {', '.join(crd.resource for crd in crds)}, and none could be "
            "made up.",
            hint=" ".join(report.missing) or "Write one, and name it under kinds[].samples.",
        )
    _explain(layout, manifests, operators, report)
    definition = Definition(
        folder=folder,
        layout=layout,
        workloads=workloads,
        scope=find_scope(operators, manifests, crds, report),
        kinds=kinds,
        skip=unknown_kinds(manifests, crds),
        unit=unit_tests(layout.sources, folder),
        dockerfile=_dockerfile(layout),
        missing=report.missing,
    )
    return Detected(
        title=layout.title,
        runnable=bool(workloads) and all(item.program for item in workloads),
        text=target_text(definition),
        samples={s.file: sample_text(s) for kind in kinds for s in kind.samples if s.origin},
        found=_found(definition, manifests, crds),
        missing=tuple(report.missing),
    )


def _wished(layout: Layout, wishes: Wishes) -> Layout:
    name = slug(wishes.name) if wishes.name else layout.name
    return msgspec.structs.replace(layout, name=name, sources=wishes.sources or layout.sources)


def _manifests(layout: Layout, tools: Tools, report: Report) -> list[Object]:
    """Returns the rendered objects; of a chart without helm, only its CRDs."""
    manifests = layout.manifests
    helm = tools.helm() if manifests.helm is not None else None
    if manifests.helm is not None and helm is None:
        report.lacks(
            "helm, which renders the chart: workloads, rules and ports aren't known. Install it "
            "and run `harness init --force` again; `harness run` needs it too."
        )
        crds = Path(manifests.helm.chart) / "crds"
        return load_manifests(
            msgspec.structs.replace(
                manifests, helm=None, files=tuple(str(file) for file in yaml_files(crds))
            ),
            kubectl=Path(),
            release=layout.name,
        )
    kubectl = tools.kubectl() if manifests.kustomize is not None else Path()
    return load_manifests(manifests, kubectl=kubectl, helm=helm, release=layout.name)


def _origin(layout: Layout) -> str:
    manifests = layout.manifests
    chart = manifests.helm.chart if manifests.helm else ""
    return manifests.kustomize or chart or ", ".join(manifests.files)


def _workloads(
    operators: Sequence[Operator],
    manifests: Sequence[Object],
    layout: Layout,
    *,
    folder: Path,
    wishes: Wishes,
    report: Report,
) -> list[FoundWorkload]:
    default = metrics_default(layout.sources)
    found = []
    for index, operator in enumerate(operators):
        described = describe_operator(operator, manifests, default_metrics=default)
        program = (
            _said(wishes, folder)
            if wishes.command and index == 0
            else find_program(operator, layout.sources, folder, layout.name, report)
        )
        if program is None:
            report.lacks(
                f"how Deployment {described.deployment} runs as a process: fill in "
                "workloads[].process for `--cluster local`, or give --command (and --build)."
            )
        dialect = "controller-runtime" if uses_runtime(layout.sources, operator) else "plain"
        found.append(msgspec.structs.replace(described, program=program, dialect=dialect))
        if not described.metrics:
            why = f" ({described.metrics_reason})" if described.metrics_reason else ""
            report.lacks(f"a metrics port of Deployment {described.deployment}{why}.")
    return found


def _said(wishes: Wishes, folder: Path) -> Program:
    """Returns the program that the user named; a path from here becomes one from the folder."""
    word, *rest = wishes.command
    here = Path(word)
    if "/" in word and not (folder / word).exists() and here.is_file():
        word = str(here.absolute())
    return Program(command=(word, *rest), build=wishes.build, reason="the command line")


def _dockerfile(layout: Layout) -> Path | None:
    root = layout.sources
    if root is None:
        return None
    files = (root / "Dockerfile", root / "build" / "Dockerfile")
    return next((file for file in files if file.is_file()), None)


def _explain(
    layout: Layout, manifests: Sequence[Object], operators: Sequence[Operator], report: Report
) -> None:
    """Reports what of the manifests will trouble a run."""
    if not operators and (layout.manifests.helm is None or not report.missing):
        report.lacks("a Deployment: there is nothing that could be run as a process.")
    for obj in manifests:
        for subject in obj.get("subjects") or ():
            place = str(subject.get("namespace") or "")
            if place != place.lower():
                name = (obj.get("metadata") or {}).get("name")
                report.lacks(
                    f"a namespace in the subjects of {kind_of(obj)} {name}: {place} is a "
                    "place-holder; write the namespace of the operator there."
                )


def _found(made: Definition, manifests: Sequence[Object], crds: Sequence[Crd]) -> tuple[str, ...]:
    lines = [f"{len(manifests)} manifests, {len(crds)} kinds of custom resources"]
    for item in made.workloads:
        lines.append(f"Deployment {item.deployment}{_about(item)}")
    lines += [_kind_line(made, kind) for kind in made.kinds]
    hooks = [obj for obj in manifests if kind_of(obj).endswith("WebhookConfiguration")]
    if hooks:
        lines.append(f"{len(hooks)} webhook configurations; CA: {made.scope.webhooks}")
    lines.append(f"scope {made.scope.mode}: {made.scope.reason}")
    return tuple(lines)


def _about(item: FoundWorkload) -> str:
    words = [f", container {item.container}"] if item.container else []
    if item.program is not None:
        words.append(f", process {shlex.join(item.program.command)}")
    if item.metrics:
        words.append(f", metrics {item.metrics}")
    if item.pprof:
        words.append(f", pprof {item.pprof}")
    return "".join(words)


def _kind_line(made: Definition, kind: FoundKind) -> str:
    names = ", ".join(made.relative(sample.file) for sample in kind.samples)
    ready = f"condition {kind.ready}" if kind.ready else "kstatus"
    return f"{kind.crd.resource}: {names}; readiness {ready}; {len(kind.mutations)} mutations"
