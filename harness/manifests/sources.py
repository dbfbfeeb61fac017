"""From what a target definition names (files, a kustomization, a chart) to objects."""

from __future__ import annotations

import copy
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from harness import command
from harness.errors import CommandError, TargetError
from harness.manifests.documents import ManifestSyntaxError, parse
from harness.manifests.objects import Object, group_of, kind_of, name_of, namespace_of
from harness.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.model.target import Helm, Manifests

__all__ = [
    "MAX_BYTES",
    "hook_of",
    "is_cluster_scoped",
    "load_manifests",
    "read_chart",
    "read_file",
    "read_files",
    "read_kustomization",
    "unusable",
]

MAX_BYTES = 32 * 1024 * 1024
"""The largest bundles of operators have about 5 MiB; what an etcd would take in all is far less."""

_RENDER_TIMEOUT_S = 60.0
"""Seconds for `kubectl kustomize` or `helm template`; local bases take less than one."""

_CLUSTER_SCOPED = frozenset(
    (
        *("Namespace", "Node", "PersistentVolume", "CustomResourceDefinition", "APIService"),
        *("ClusterRole", "ClusterRoleBinding", "PriorityClass", "StorageClass", "CSIDriver"),
        *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "IngressClass"),
        *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "RuntimeClass"),
        *("ClusterIssuer", "FlowSchema", "PriorityLevelConfiguration"),
        *("CertificateSigningRequest", "SecurityContextConstraints", "PodSecurityPolicy"),
    )
)


def load_manifests(
    manifests: Manifests,
    *,
    kubectl: Path,
    helm: Path | None = None,
    release: str,
    kubernetes: str = "",
    on_note: Callable[[str], None] | None = None,
) -> list[Object]:
    """Returns the objects that a target's manifests hold, in the order of the source.

    Args:
        manifests: Exactly one of its fields is set.
        kubectl: Renders a kustomization.
        helm: Renders a chart; None for the one on PATH.
        release: Name of the chart's release, where the target names none.
        kubernetes: Version that a chart is rendered for; empty for what helm takes by itself.
        on_note: Told what was left out, a sentence each.

    Raises:
        TargetError: They can't be read, parsed or rendered; every problem is named.
    """
    if manifests.kustomize is not None:
        return read_kustomization(Path(manifests.kustomize), kubectl)
    if manifests.helm is not None:
        return read_chart(
            manifests.helm, helm, release=release, kubernetes=kubernetes, on_note=on_note
        )
    return read_files(manifests.files)


def read_kustomization(folder: Path, kubectl: Path) -> list[Object]:
    """Returns the objects of a folder with a kustomization.

    Raises:
        TargetError: It doesn't render.
        CommandError: kubectl can't be started.
    """
    if not folder.is_dir():
        raise unusable([Problem(file=str(folder), message="the kustomize folder isn't there")])
    argv = [str(kubectl), "kustomize", str(folder)]
    return _rendered(argv, folder, program=kubectl, shown=f"kubectl kustomize {folder}")


def read_chart(
    chart: Helm,
    helm: Path | None = None,
    *,
    release: str,
    kubernetes: str = "",
    on_note: Callable[[str], None] | None = None,
) -> list[Object]:
    """Returns the objects of a chart, rendered by `helm template`; hooks are left out.

    Objects that name no namespace get the release's, which is added where it isn't "default".

    Args:
        chart: Its folder or archive, and values.
        helm: The program; None for the one on PATH.
        release: Name of the release, where the chart's part of the target names none.
        kubernetes: Version that it is rendered for; charts refuse those that they don't know.
        on_note: Told which hooks were left out.

    Raises:
        TargetError: There is no helm, or the chart doesn't render.
    """
    program = helm or command.which("helm")
    path = Path(chart.chart)
    if program is None:
        raise TargetError(
            f"The chart {path} needs helm to be rendered, and there is none on PATH.",
            hint="Install helm, or render the chart yourself with `helm template --include-crds` "
            "and name the file under install.manifests.files.",
        )
    argv = [str(program), "template", chart.release or release, str(path)]
    argv += ["--namespace", chart.namespace, "--include-crds"]
    argv += ["--kube-version", kubernetes] if kubernetes else []
    argv += [word for file in chart.values for word in ("--values", file)]
    found = _rendered(argv, path, program=program, shown=f"helm template {path}")
    hooks = [obj for obj in found if hook_of(obj)]
    if hooks and on_note:
        names = ", ".join(f"{kind_of(obj)} {name_of(obj)} ({hook_of(obj)})" for obj in hooks)
        on_note(f"The chart's hooks aren't run, as there is no Helm release: {names}.")
    return _placed([obj for obj in found if not hook_of(obj)], chart.namespace)


def hook_of(obj: Object) -> str:
    """Returns when Helm would run an object as a hook, for example "pre-install"; else empty."""
    annotations = obj["metadata"].get("annotations")
    return str(annotations.get("helm.sh/hook", "")) if isinstance(annotations, dict) else ""


def _placed(objects: Sequence[Object], namespace: str) -> list[Object]:
    """Returns objects in the namespace of their release, as `helm install` would put them."""
    if namespace == "default":
        return list(objects)
    cluster = {
        (obj["spec"]["group"], obj["spec"]["names"]["kind"])
        for obj in objects
        if kind_of(obj) == "CustomResourceDefinition" and obj["spec"]["scope"] == "Cluster"
    }
    found: list[Object] = []
    if not any(kind_of(obj) == "Namespace" and name_of(obj) == namespace for obj in objects):
        found.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    for obj in objects:
        placed = obj
        is_global = is_cluster_scoped(obj) or (group_of(obj), kind_of(obj)) in cluster
        if not is_global and not namespace_of(obj):
            placed = copy.deepcopy(obj)
            placed["metadata"]["namespace"] = namespace
        found.append(placed)
    return found


def is_cluster_scoped(obj: Object) -> bool:
    """Whether an object is of a kind, known here, that has no namespace."""
    return kind_of(obj) in _CLUSTER_SCOPED


def _rendered(argv: list[str], source: Path, *, program: Path, shown: str) -> list[Object]:
    try:
        done = command.run(argv, timeout=_RENDER_TIMEOUT_S, check=False)
    except CommandError as error:
        if not program.exists():
            raise  # our binary, not the user's manifests
        raise unusable([Problem(file=str(source), message=str(error))]) from error
    if done.exit_code != 0:
        told = done.tail.removeprefix("error: ").removeprefix("Error: ")
        cause = told or f"{program.name} ended with {done.exit_code}"
        raise unusable([Problem(file=str(source), message=f"doesn't render: {cause}")])
    return _parsed(_without_warnings(done.output), shown)


def _without_warnings(output: str) -> str:
    """Returns the manifests: programs warn on standard error, which is merged into their output."""
    noise = ("# Warning:", "WARNING:", "walk.go:", "coalesce.go:")
    return "\n".join(line for line in output.split("\n") if not line.startswith(noise))


def _parsed(text: str, shown: str) -> list[Object]:
    try:
        return parse(text, file=shown)
    except ManifestSyntaxError as error:
        raise unusable(error.problems) from error


def read_files(paths: Iterable[str]) -> list[Object]:
    """Returns the objects of files.

    Raises:
        TargetError: Some can't be read; every problem of every file is named.
    """
    found: list[Object] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found += read_file(Path(path))
        except ManifestSyntaxError as error:
            problems += error.problems
    if problems:
        raise unusable(problems)
    return found


def read_file(path: Path, *, shown: str = "") -> list[Object]:
    """Returns the objects of a file.

    Args:
        path: The file.
        shown: What to call it in problems; empty for the path.

    Raises:
        ManifestSyntaxError: It can't be read, or isn't a sequence of objects.
    """
    file = shown or str(path)
    try:
        text = _content(path)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = Problem(file=file, line=line, message=f"isn't text in UTF-8: {error.reason}")
        raise ManifestSyntaxError(problem) from error
    except OSError as error:
        problem = Problem(file=file, message=error.strerror or str(error))
        raise ManifestSyntaxError(problem) from error
    return parse(text, file=file)


def _content(path: Path) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(0, "isn't a regular file")
    with os.fdopen(fd, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(0, f"is larger than {MAX_BYTES // 1024**2} MiB")
    return content.decode("utf-8-sig")


def unusable(problems: Sequence[Problem]) -> TargetError:
    """Returns the error of manifests that have problems."""
    text = "\n".join(str(problem) for problem in problems)
    return TargetError(f"The operator's manifests can't be used:\n{text}", problems=problems)
