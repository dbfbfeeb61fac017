"""What a load is made of: samples, namespaces, an identity, and the plan that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.errors import UsageError
from harness.model.load import LoadPlan
from harness.pytest_plugin.namespaces import served_namespace
from harness.stimulus.load.identity import Identity, make_identity
from harness.stimulus.load.rendering import Rendering, plan_changes
from harness.stimulus.samples import Sample, samples

if TYPE_CHECKING:
    from harness.model.resource import Resource
    from harness.pytest_plugin.context import Context
    from harness.settings import LoadSettings

__all__ = ["Setup", "set_up"]

_NAMESPACES = 4
_DRY_RUN = "harness-load-dry-run"


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What the load's processes are started with.

    Attributes:
        renderings: One for each sample.
        made: Namespaces that were made for it.
    """

    plan: LoadPlan
    identity: Identity
    renderings: tuple[Rendering, ...]
    made: tuple[str, ...]


def set_up(context: Context, settings: LoadSettings) -> Setup:
    """Makes namespaces and the load generator's identity, and asks the server for its defaults.

    The load is of the target's first kind, made of all its samples in the version of the first.

    Raises:
        ApiError: A sample was refused, or something can't be made.
        UsageError: The target has no sample.
    """
    chosen = _samples(context)
    body = chosen[0].body
    resource = context.client.resource_of(body["apiVersion"], body["kind"])
    suite, seed = context.session.suite.name, context.session.seed
    home = f"harness-{suite}-{seed}-0"
    served = served_namespace(context) if resource.namespaced else ""
    made: tuple[str, ...] = (home,)
    if resource.namespaced and not served:
        made = tuple(f"harness-{suite}-{seed}-{number}" for number in range(_NAMESPACES))
    for name in made:
        _make_namespace(context, name)
    places = ((served,) if served else made) if resource.namespaced else ()
    identity = make_identity(
        context.client,
        context.kubeconfig,
        namespace=home,
        name=f"harness-{suite}-{seed}",
        resource=resource,
        folder=context.private,
    )
    context.guard.redact([identity.token.value])
    renderings = tuple(
        plan_changes(sample.kind, _defaulted(context, sample, resource, places))
        for sample in chosen
    )
    plan = LoadPlan(
        seed=seed,
        profile=settings.profile or "default",
        resource=resource,
        samples=tuple(sample.name for sample in chosen),
        namespaces=places,
        ready=context.rule(resource),
        identity=identity.user,
        workers=settings.workers,
        mutations=all(rendering.changes for rendering in renderings),
    )
    return Setup(plan=plan, identity=identity, renderings=renderings, made=made)


def _samples(context: Context) -> list[Sample]:
    every = samples(context.session.target)
    if not every:
        raise UsageError("A load is made of the target's samples, and it has none.")
    first = every[0]
    return [
        sample
        for sample in every
        if sample.kind == first.kind and sample.body["apiVersion"] == first.body["apiVersion"]
    ]


def _make_namespace(context: Context, name: str) -> None:
    label = {"app.kubernetes.io/managed-by": "operator-harness"}
    context.client.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": label}}
    )


def _defaulted(
    context: Context, sample: Sample, resource: Resource, places: tuple[str, ...]
) -> dict[str, Any]:
    """Returns a sample as the server would store it, with what it and webhooks add."""
    namespace = places[0] if places else ""
    return context.client.create(
        resource,
        sample.place(namespace=namespace, name=_DRY_RUN),
        namespace=namespace,
        dry_run=True,
        field_validation="Warn",
    )
