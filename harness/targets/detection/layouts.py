"""Stage 1: what kind of project a folder holds, and where its manifests are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from harness.errors import TargetError
from harness.manifests.documents import ManifestSyntaxError
from harness.manifests.objects import Object, describe, group_of, kind_of
from harness.manifests.sources import read_file, unusable
from harness.model.target import Helm, Manifests
from harness.targets.detection.facts import Layout
from harness.targets.detection.programs import find_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harness.model.problems import Problem

__all__ = ["find_layout", "slug", "yaml_files"]

_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_FOLDERS = ("deploy", "manifests", "k8s", "kubernetes", "deployments", "install", "dist", "config")
_CHARTS = ("chart", "charts", "helm", "helm-charts", "deploy", "deployments")
_SAMPLES = (
    *("config/samples", "deploy/crds", "deploy/examples", "deploy/samples"),
    *("examples", "example", "samples", "docs/examples", "deploy"),
)
_NOT_MANIFESTS = frozenset(
    (
        *("sample", "samples", "example", "examples", "test", "tests", "testdata", "e2e"),
        *("olm-catalog", "bundle", "scorecard", "vendor", "node_modules", "templates", "twins"),
    )
)
_DEEPEST = 3
_WHOLE = ("install", "bundle", "operator", "all", "release", "deploy")
_NOT_NAMES = {"deploy", "manifests", "k8s", "kubernetes", "config", "install", "dist", "chart"}


def find_layout(place: Path) -> Layout:
    """Returns what a folder, or a file of manifests, turned out to be.

    Args:
        place: Absolute path.

    Raises:
        TargetError: Nothing known is there, or a manifest isn't YAML.
    """
    if place.is_file():
        title = f"the manifests in {place.name}"
        return _plain(place.parent, [place], title, lenient=False)
    if not place.is_dir():
        raise TargetError(
            f"There is no file or folder {str(place)!r}.",
            hint="Give the folder of the operator's project, chart or manifests.",
        )
    for attempt in _ATTEMPTS:
        found = attempt(place)
        if found is not None:
            return found
    raise TargetError(
        f"{str(place)!r} holds nothing from which a target could be made.",
        hint="Looked for: config/default with a kustomization (kubebuilder, operator-sdk), "
        "deploy/operator.yaml (operator-sdk, classic), Chart.yaml, and YAML files with a "
        "CustomResourceDefinition and a Deployment, here and in "
        f"{', '.join(_FOLDERS)}.",
    )


def _kubebuilder(folder: Path) -> Layout | None:
    if not _is_kustomization(folder / "config" / "default"):
        return None
    project = _mapping(folder / "PROJECT")
    words = str(project.get("layout")) + str(project.get("plugins"))
    kind = "an operator-sdk" if "operatorframework" in words else "a kubebuilder"
    return Layout(
        title=f"{kind} project" if project else "a project with config/default",
        name=slug(str(project.get("projectName") or folder.name)),
        manifests=Manifests(kustomize=str(folder / "config" / "default")),
        sources=find_sources(folder),
        samples=_samples(folder),
    )


def _classic(folder: Path) -> Layout | None:
    deploy = folder / "deploy"
    if not (deploy / "operator.yaml").is_file():
        return None
    return _plain(folder, yaml_files(deploy), "an operator-sdk project, classic layout")


def _chart(folder: Path) -> Layout | None:
    data = _mapping(folder / "Chart.yaml")
    if not data:
        return None
    name = slug(str(data.get("name") or folder.name))
    sources = find_sources(folder)
    root = sources or folder
    return Layout(
        title=f"a Helm chart ({folder.name})",
        name=name,
        manifests=Manifests(
            helm=Helm(chart=str(folder), release=name, namespace=f"{name[:56]}-system")
        ),
        sources=sources,
        samples=(*_samples(folder), *(_samples(root) if root != folder else ())),
    )


def _charts_inside(folder: Path) -> Layout | None:
    for name in _CHARTS:
        for file in (folder / name / "Chart.yaml", *sorted(folder.glob(f"{name}/*/Chart.yaml"))):
            found = _chart(file.parent)
            if found is not None:
                return found
    return None


def _kustomization(folder: Path) -> Layout | None:
    for place in (folder, *(folder / name for name in _FOLDERS)):
        if _is_kustomization(place):
            return Layout(
                title="a kustomization",
                name=_named(folder),
                manifests=Manifests(kustomize=str(place)),
                sources=find_sources(folder),
                samples=_samples(folder),
            )
    return None


def _manifests(folder: Path) -> Layout | None:
    """Returns plain manifests: here, or in the first usual folder that has a workload."""
    for place in (folder, *(folder / name for name in _FOLDERS)):
        files = list(yaml_files(place, deep=place != folder))
        if place == folder and not _mentions(files):
            files = list(yaml_files(place)) if not find_sources(folder) else []
        if _mentions(files):
            return _plain(folder, files, "plain manifests")
    return None


_ATTEMPTS: tuple[Callable[[Path], Layout | None], ...] = (
    _kubebuilder,
    _classic,
    _chart,
    _kustomization,
    _manifests,
    _charts_inside,
)


def _mentions(files: Iterable[Path]) -> bool:
    """Whether a file seems to hold a workload or a CRD; broken files count too."""
    pattern = re.compile(rb"^\s*[\"']?kind[\"']?:\s*[\"']?(Deployment|CustomResourceDef)", re.M)
    for file in files:
        try:
            with file.open("rb") as stream:
                if pattern.search(stream.read(8 * 1024 * 1024)):
                    return True
        except OSError:
            continue
    return False


def _plain(folder: Path, files: Iterable[Path], title: str, *, lenient: bool = True) -> Layout:
    """Returns a layout of files; those with nothing but custom resources are samples.

    Where `lenient`, a broken file that doesn't look like a manifest is passed over.

    Raises:
        TargetError: A file isn't YAML; every problem is named.
    """
    objects: dict[Path, list[Object]] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            objects[file] = read_file(file)
        except ManifestSyntaxError as error:
            if not lenient or _is_manifest(file):
                problems += error.problems
    if problems:
        raise unusable(problems)
    own = {
        (obj["spec"]["group"], obj["spec"]["names"]["kind"])
        for found in objects.values()
        for obj in found
        if kind_of(obj) == "CustomResourceDefinition"
    }
    kept = [
        file
        for file, found in objects.items()
        if any((group_of(obj), kind_of(obj)) not in own for obj in found)
    ]
    kept, notes = _without_variants(kept, objects)
    if not kept:
        raise TargetError(
            f"{folder} holds no manifest.",
            hint="Give the folder, or the file, that `kubectl apply -f` would take.",
        )
    return Layout(
        title=title,
        name=_named(folder),
        manifests=Manifests(files=tuple(str(file) for file in _in_order(kept, objects))),
        sources=find_sources(folder),
        samples=(*_samples(folder), *objects),
        notes=notes,
    )


def _without_variants(
    files: list[Path], objects: dict[Path, list[Object]]
) -> tuple[list[Path], tuple[str, ...]]:
    """Returns the files to install: of several that hold the same objects, a complete one.

    Projects keep variants beside each other: install.yaml, namespace-install.yaml.
    """
    holders: dict[str, set[Path]] = {}
    for file in files:
        for obj in objects[file]:
            holders.setdefault(f"{group_of(obj)} {describe(obj)}", set()).add(file)
    shared = {file for found in holders.values() if len(found) > 1 for file in found}
    whole = [file for file in files if _is_whole(objects[file])]
    if not shared or not whole:
        return files, ()
    named = [file for name in _WHOLE for file in whole if file.stem == name]
    best = (named or sorted(whole, key=lambda file: (len(file.parts), len(file.name))))[0]
    others = ", ".join(sorted(file.name for file in shared - {best}))
    note = f"one set of manifests: {best.name} was taken; others hold the same objects ({others})."
    return [best], (note,)


def _is_whole(objects: Iterable[Object]) -> bool:
    kinds = {kind_of(obj) for obj in objects}
    return {"CustomResourceDefinition", "Deployment"} <= kinds


def _is_manifest(file: Path) -> bool:
    """Whether a file claims to hold Kubernetes objects; others may be of any kind of YAML."""
    try:
        with file.open("rb") as stream:
            head = stream.read(8 * 1024 * 1024)
    except OSError:
        return True
    return b"apiVersion" in head or b"\0" in head


def _in_order(files: Iterable[Path], objects: dict[Path, list[Object]]) -> list[Path]:
    """Returns files with CRDs first and workloads last, as people would apply them."""

    def rank(file: Path) -> tuple[int, str]:
        kinds = {kind_of(obj) for obj in objects[file]}
        if kinds & {"Deployment", "StatefulSet", "DaemonSet"}:
            return 2, str(file)
        return 0 if "CustomResourceDefinition" in kinds else 1, str(file)

    return sorted(files, key=rank)


def yaml_files(folder: Path, *, deep: bool = True) -> Iterator[Path]:
    """Yields the YAML files that may be manifests, in a folder and, if `deep`, below it."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_file() and path.suffix in {".yaml", ".yml"}:
            if path.name not in {*_KUSTOMIZATIONS, "target.yaml", "Chart.yaml", "values.yaml"}:
                yield path
        elif deep and path.is_dir() and path.name not in _NOT_MANIFESTS:
            depth = len(path.relative_to(folder).parts)
            is_source = (path / "Chart.yaml").is_file() or _is_kustomization(path)
            if depth <= _DEEPEST and not is_source:
                yield from yaml_files(path)


def _samples(folder: Path) -> tuple[Path, ...]:
    return tuple(folder / name for name in _SAMPLES if (folder / name).is_dir())


def _is_kustomization(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _KUSTOMIZATIONS)


def _mapping(file: Path) -> dict[str, Any]:
    """Returns a small YAML file's mapping; empty where it isn't there or isn't one."""
    if not file.is_file():
        return {}
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8")[: 1024 * 1024])
    except (yaml.YAMLError, UnicodeDecodeError, OSError, ValueError, RecursionError) as error:
        words = " ".join(str(error).split())
        raise TargetError(f"{file} can't be read: {words}") from error
    return data if isinstance(data, dict) else {}


def _named(folder: Path) -> str:
    """Returns a folder's name, or that of the first above that says more than "deploy"."""
    here = folder
    while slug(here.name) in _NOT_NAMES and here.parent != here:
        here = here.parent
    return slug(here.name)


def slug(words: str) -> str:
    """Returns a name that Kubernetes allows, made of any text."""
    name = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:60].strip("-")
    return name or "operator"
