"""Stage 3: from a target definition to the manifests that will be applied; no cluster needed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from harness.errors import TargetError
from harness.installers.modes import in_mode
from harness.installers.patching import PatchError, apply_patch
from harness.installers.workloads import choose
from harness.manifests.objects import (
    Object,
    describe,
    group_of,
    kind_of,
    name_of,
    namespace_of,
    pod_spec,
)
from harness.manifests.sources import load_manifests
from harness.model.installation import Alteration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.model.target import ManifestPatch, Target

__all__ = ["render", "twin_alterations"]


def render(
    target: Target,
    *,
    kubectl: Path,
    helm: Path | None = None,
    kubernetes: str = "",
    on_note: Callable[[str], None] | None = None,
) -> tuple[Object, ...]:
    """Returns the operator's manifests: rendered, skipped kinds left out, twin patched in, in mode.

    Args:
        target: What to render.
        kubectl: Path of kubectl, whose kustomize is used.
        helm: Path of helm, for charts; None for the one on PATH.
        kubernetes: Version that charts are rendered for; empty for what helm takes by itself.
        on_note: Told what was left out, for the report.

    Raises:
        TargetError: A manifest can't be read, parsed or rendered; a patch or a workload of the
            target definition matches nothing. Every problem of the files is named.
    """
    found = load_manifests(
        target.install.manifests,
        kubectl=kubectl,
        helm=helm,
        release=target.name,
        kubernetes=kubernetes,
        on_note=on_note,
    )
    kept = [obj for obj in found if kind_of(obj) not in target.install.skip]
    if not kept:
        raise TargetError(
            f"The manifests of {target.name} contain no object.",
            hint="Check install.manifests (and install.skip) of the target definition.",
        )
    if target.twin is not None:
        for patch in target.twin.patches:
            kept = _patched(kept, patch, twin=target.twin.name)
        for extra in target.twin.add:
            kept = _with(kept, extra, twin=target.twin.name)
    workloads = choose(target, kept)
    if target.twin is not None and target.twin.env:
        chosen = {describe(item.deployment): item.container for item in workloads}
        kept = [
            _with_env(obj, chosen[describe(obj)], target.twin.env)
            if kind_of(obj) == "Deployment" and describe(obj) in chosen
            else obj
            for obj in kept
        ]
    return tuple(in_mode(target, kept, on_note=on_note or (lambda _: None)))


def twin_alterations(target: Target) -> tuple[Alteration, ...]:
    """Returns what a faulty twin changes, for the report; values of env are the twin's own."""
    twin = target.twin
    if twin is None:
        return ()
    reason = f"Faulty twin {twin.name}: {twin.title}"
    env = [
        Alteration(subject=f"operator's environment, {name}", before="", after=value, reason=reason)
        for name, value in twin.env.items()
    ]
    patches = [
        Alteration(
            subject=" ".join(patch.target.values()),
            before="",
            after="; ".join(f"{step.get('op')} {step.get('path')}" for step in patch.patch),
            reason=reason,
        )
        for patch in twin.patches
    ]
    added = [
        Alteration(subject=describe(obj), before="", after="added", reason=reason)
        for obj in twin.add
    ]
    return (*env, *patches, *added)


def _patched(manifests: Sequence[Object], patch: ManifestPatch, *, twin: str) -> list[Object]:
    hits = 0
    result: list[Object] = []
    for obj in manifests:
        if not _meant(obj, patch.target):
            result.append(obj)
            continue
        hits += 1
        try:
            result.append(apply_patch(obj, patch.patch))
        except PatchError as error:
            raise TargetError(
                f"The patch of twin {twin!r} doesn't fit {describe(obj)}: {error}",
                hint="See `kubectl kustomize` for what the manifest looks like.",
            ) from error
    if not hits:
        wanted = " ".join(patch.target.values())
        same = [name_of(obj) for obj in manifests if kind_of(obj) == patch.target.get("kind")]
        raise TargetError(
            f"A patch of twin {twin!r} matches nothing: there is no {wanted}.",
            hint=f"Manifests of that kind: {', '.join(same) or 'none'}.",
        )
    return result


def _with(manifests: Sequence[Object], extra: Object, *, twin: str) -> list[Object]:
    """Returns the manifests with one more."""
    if any(_identity(obj) == _identity(extra) for obj in manifests):
        raise TargetError(
            f"The twin {twin!r} adds {describe(extra)}, which is there already.",
            hint="Change it by `patches`, or add it under another name.",
        )
    return [*manifests, copy.deepcopy(extra)]


def _identity(obj: Object) -> tuple[str, str, str, str]:
    return group_of(obj), kind_of(obj), namespace_of(obj), name_of(obj)


def _meant(obj: Object, target: dict[str, str]) -> bool:
    facts = {
        "kind": kind_of(obj),
        "name": name_of(obj),
        "namespace": namespace_of(obj),
        "apiVersion": str(obj.get("apiVersion", "")),
    }
    return all(facts.get(key) == value for key, value in target.items())


def _with_env(deployment: Object, container: str, env: dict[str, str]) -> Object:
    changed = copy.deepcopy(deployment)
    for item in pod_spec(changed)["containers"]:
        if item.get("name") == container:
            kept = [entry for entry in item.get("env") or () if entry.get("name") not in env]
            item["env"] = [*kept, *({"name": key, "value": val} for key, val in env.items())]
    return changed
