"""Stage 3: what is changed in manifests before they go to a cluster whose pods really run."""

from __future__ import annotations

import base64
import binascii
import copy
from typing import TYPE_CHECKING, Any

import msgspec

from harness.installers.faults import not_installed
from harness.installers.ordering import CERT_MANAGER_GROUP
from harness.installers.webhooks import (
    certificate_secrets,
    injected,
    missing_secrets,
    service_names,
    services,
    trusting,
)
from harness.manifests.objects import (
    Object,
    describe,
    group_of,
    kind_of,
    name_of,
    namespace_of,
    pod_spec,
)
from harness.manifests.sources import is_cluster_scoped
from harness.model.installation import Alteration
from harness.model.target import Webhooks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.installers.certificates import Authority
    from harness.installers.images.choosing import Provided
    from harness.installers.workloads import Chosen

__all__ = ["Prepared", "prepared", "refuse_missing_namespaces", "with_images"]

_LONGEST_PLACEHOLDER = 16  # bytes of a bundle such as "Cg=="


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """Manifests as they'll be applied.

    Attributes:
        manifests: Without those of cert-manager.
        secrets: Made by ourselves, to be applied before the workloads.
    """

    manifests: tuple[Object, ...]
    secrets: tuple[Object, ...] = ()
    alterations: tuple[Alteration, ...] = ()
    notes: tuple[str, ...] = ()


def prepared(
    manifests: Sequence[Object],
    *,
    workloads: Sequence[Chosen],
    authority: Authority,
    webhooks: Webhooks,
) -> Prepared:
    """Returns manifests whose certificates are ours.

    Args:
        manifests: As rendered, with their images.
        workloads: The operator's.
        authority: Who signs.
        webhooks: Who puts the CA bundle into webhook configurations.
    """
    secrets, alterations, notes = certificate_secrets(manifests, authority)
    managed = webhooks is Webhooks.MANAGED
    called = services(manifests)
    names = [name for item in called for name in service_names(item[0], item[1])]
    if names and managed:
        for item in workloads:
            more, changes = missing_secrets(
                item.deployment,
                item.container,
                [*manifests, *secrets],
                authority,
                names=names,
            )
            secrets += more
            alterations += changes
    kept: list[Object] = []
    for obj in manifests:
        if group_of(obj) == CERT_MANAGER_GROUP:
            continue
        if managed and secrets:
            served = trusting(obj, ca_bundle=authority.certificate, keep=_is_bundle)
            alterations += served.alterations
            notes += injected(obj, manifests) if served.alterations else ()
            obj = served.manifest  # noqa: PLW2901 - the same object, as it's applied
        kept.append(obj)
    return Prepared(
        manifests=tuple(kept),
        secrets=tuple(secrets),
        alterations=tuple(alterations),
        notes=tuple(notes),
    )


def _is_bundle(text: str) -> bool:
    """Whether a CA bundle is one, and not a placeholder."""
    try:
        return len(base64.b64decode(text)) > _LONGEST_PLACEHOLDER
    except (binascii.Error, ValueError):
        return False


def with_images(
    manifests: Sequence[Object], provided: Mapping[str, Provided]
) -> tuple[list[Object], list[Alteration]]:
    """Returns manifests that run the images which are provided, and what that changes.

    Args:
        manifests: As rendered.
        provided: By the name of an image in the manifests.
    """
    changed: list[Object] = []
    alterations: list[Alteration] = []
    for obj in manifests:
        if not any(str(item.get("image")) in provided for item in _containers(obj)):
            changed.append(obj)
            continue
        changed.append(copy.deepcopy(obj))
        for container in _containers(changed[-1]):
            image = provided.get(str(container.get("image")))
            if image is not None:
                where = f"{describe(obj)}, container {container.get('name')}"
                alterations += _run(container, image, where)
    return changed, alterations


def _containers(obj: Object) -> list[dict[str, Any]]:
    spec = obj.get("spec") if kind_of(obj) == "Pod" else pod_spec(obj)
    if not isinstance(spec, dict):
        return []
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _run(container: dict[str, Any], image: Provided, where: str) -> list[Alteration]:
    """Makes a container run an image; returns what that changes."""
    found: list[Alteration] = []
    before = str(container.get("image"))
    if image.name != before:
        container["image"] = image.name
        found.append(
            Alteration(
                subject=f"{where}, image",
                before=before,
                after=image.name,
                reason="The target definition names another image (install.image.name).",
            )
        )
    said = str(container.get("imagePullPolicy") or "")
    if image.archive is not None and (said or _usual_policy(image.name)) == "Always":
        container["imagePullPolicy"] = "IfNotPresent"
        found.append(
            Alteration(
                subject=f"{where}, imagePullPolicy",
                before=said or "Always, by the image's tag",
                after="IfNotPresent",
                reason=f"Its image is {image.how}, and loaded into the nodes; no registry has it.",
            )
        )
    return found


def _usual_policy(image: str) -> str:
    """Returns the policy that the API server sets where a manifest says none."""
    last = image.rpartition("/")[2]
    tag = "" if "@" in last else last.partition(":")[2] or "latest"
    return "Always" if tag == "latest" else "IfNotPresent"


def refuse_missing_namespaces(manifests: Sequence[Object], exists: Callable[[str], bool]) -> None:
    """Checks that each namespace is among the manifests, or there.

    Args:
        manifests: What is to be applied.
        exists: Whether the cluster has a namespace.

    Raises:
        InstallFault: One isn't (INS-001); `kubectl apply` would be refused, too.
    """
    made = {name_of(obj) for obj in manifests if kind_of(obj) == "Namespace"}
    homeless: dict[str, list[Object]] = {}
    for obj in manifests:
        name = namespace_of(obj)
        if name and name not in made and not is_cluster_scoped(obj):
            homeless.setdefault(name, []).append(obj)
    for name, objects in homeless.items():
        if not exists(name):
            rest = f" and {len(objects) - 1} more" if len(objects) > 1 else ""
            raise not_installed(
                f"Namespace {name}",
                f"The namespace {name} isn't there, and none of the manifests makes it.",
                detail=f"It's where {describe(objects[0])}{rest} should go.",
                remedy="Add the Namespace to the manifests.",
            )
