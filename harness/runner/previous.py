"""The release before: its CRDs, out of a folder, a file or a git reference."""

from __future__ import annotations

import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from harness import command
from harness.errors import CommandError, UsageError
from harness.manifests.documents import ManifestSyntaxError
from harness.manifests.objects import Object, kind_of
from harness.manifests.sources import load_manifests, read_file, read_kustomization

if TYPE_CHECKING:
    from harness.model.target import Manifests, Target

__all__ = ["previous_crds"]

_GIT_SECONDS = 60.0
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_ENDINGS = frozenset({".yaml", ".yml", ".json"})


def previous_crds(
    named: str, target: Target, *, kubectl: Path, helm: Path | None, kubernetes: str
) -> tuple[Object, ...]:
    """Returns the CRDs of the release before.

    Args:
        named: A folder (a kustomization, or files below it), a file, or a git reference of the
            repository that holds the target; there the target's own recipe is rendered.
        target: As it is now.
        kubectl: Renders a kustomization.
        helm: Renders a chart.
        kubernetes: The version that a chart is rendered for.

    Raises:
        UsageError: It is none of these, or holds no CRD.
        TargetError: It doesn't render.
    """
    path = Path(named)
    if path.is_dir():
        found = _in_folder(path, kubectl)
    elif path.is_file():
        found = _in_file(path)
    else:
        found = _at_reference(named, target, kubectl=kubectl, helm=helm, kubernetes=kubernetes)
    crds = tuple(obj for obj in found if kind_of(obj) == "CustomResourceDefinition")
    if not crds:
        raise UsageError(
            f"--previous {named}: it holds no CustomResourceDefinition.",
            hint="Name the folder or the file of the CRDs that the release before shipped.",
        )
    return crds


def _in_folder(folder: Path, kubectl: Path) -> list[Object]:
    if any((folder / name).is_file() for name in _KUSTOMIZATIONS):
        return read_kustomization(folder, kubectl)
    found: list[Object] = []
    for file in sorted(folder.rglob("*")):
        if file.suffix not in _ENDINGS or not file.is_file():
            continue
        try:
            found += read_file(file)
        except ManifestSyntaxError:
            continue  # a template, a configuration: what isn't an object holds no CRD
    return found


def _in_file(file: Path) -> list[Object]:
    try:
        return read_file(file)
    except ManifestSyntaxError as error:
        raise UsageError(f"--previous {file}: {error}") from error


def _at_reference(
    reference: str, target: Target, *, kubectl: Path, helm: Path | None, kubernetes: str
) -> list[Object]:
    top = Path(_git(target, reference, "rev-parse", "--show-toplevel").strip())
    commit = _git(target, reference, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
    with TemporaryDirectory(prefix="harness-previous-") as room:
        archive, tree = Path(room) / "tree.tar", Path(room) / "tree"
        words = ("-C", str(top), "archive", f"--output={archive}", commit.strip())
        _git(target, reference, *words)
        with tarfile.open(archive) as file:
            file.extractall(tree, filter="data")
        return load_manifests(
            _moved(target.install.manifests, top, tree),
            kubectl=kubectl,
            helm=helm,
            release=target.name,
            kubernetes=kubernetes,
        )


def _git(target: Target, reference: str, *words: str) -> str:
    """Runs git in the target's folder.

    Raises:
        UsageError: There is no git, no repository, or no such reference.
    """
    try:
        return command.run(
            ("git", *words),
            timeout=_GIT_SECONDS,
            cwd=Path(target.folder),
            env=command.environment({"LC_ALL": "C"}),
        ).output
    except CommandError as error:
        raise UsageError(
            f"--previous {reference}: it is no folder, no file and no git reference that "
            f"{target.folder} knows.",
            hint="Name the CRDs of the release before, or a tag; a shallow clone has no tags "
            "(git fetch --tags).",
        ) from error


def _moved(manifests: Manifests, top: Path, tree: Path) -> Manifests:
    """Returns the target's recipe, in another tree."""

    def there(path: str) -> str:
        place = Path(path).resolve()
        if not place.is_relative_to(top.resolve()):
            return path
        return str(tree / place.relative_to(top.resolve()))

    replace = msgspec.structs.replace
    helm = manifests.helm
    return replace(
        manifests,
        kustomize=there(manifests.kustomize) if manifests.kustomize is not None else None,
        files=tuple(there(file) for file in manifests.files),
        helm=None
        if helm is None
        else replace(
            helm, chart=there(helm.chart), values=tuple(there(file) for file in helm.values)
        ),
    )
