"""Which requests a webhook's rules match, as the API server reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.manifests.objects import selected
from harness.model.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Request", "expected", "matching", "unserved"]

Json = dict[str, Any]  # any JSON object


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request that a webhook may have to answer.

    Attributes:
        title: For example "create Guestbook".
        operation: CREATE, UPDATE or DELETE.
        labels: Of the object.
        place: Labels of its namespace.
    """

    title: str
    resource: Resource
    operation: str
    method: str
    path: str
    body: Json | None = None
    labels: dict[str, str] = {}
    place: dict[str, str] = {}


def matching(webhook: Json, request: Request) -> bool:
    """Whether one of its rules and its selectors match; match conditions are left aside."""
    return (
        any(_rule(rule, webhook, request) for rule in webhook.get("rules") or ())
        and _meets(request.labels, webhook.get("objectSelector"))
        and (
            not request.resource.namespaced
            or _meets(request.place, webhook.get("namespaceSelector"))
        )
    )


def _meets(labels: dict[str, str], selector: Json | None) -> bool:
    """Whether labels meet a selector; one that says nothing is met by all."""
    return not selector or selected(labels, selector)


def _rule(rule: Json, webhook: Json, request: Request) -> bool:
    exact = webhook.get("matchPolicy") == "Exact"
    return (
        _names(rule, "operations", request.operation)
        and _about(rule, request.resource, version=request.resource.version if exact else "")
        and rule.get("scope", "*")
        in {"*", "Namespaced" if request.resource.namespaced else "Cluster"}
    )


def _names(rule: Json, key: str, *values: str) -> bool:
    return any(value in (rule.get(key) or ()) for value in ("*", *values))


def _about(rule: Json, resource: Resource, *, version: str) -> bool:
    """Whether a rule is about a resource; in any version where none is given."""
    return (
        _names(rule, "apiGroups", resource.group)
        and _names(rule, "resources", resource.plural, "*/*")
        and (not version or _names(rule, "apiVersions", version))
    )


def unserved(webhook: Json, served: Sequence[Resource]) -> list[str]:
    """Returns what a webhook's rules name and the API server doesn't serve, where that's all."""
    rules = webhook.get("rules") or ()
    for rule in rules:
        bases = {**rule, "resources": [str(name).partition("/")[0] for name in rule["resources"]]}
        if any(_about(bases, resource, version=resource.version) for resource in served):
            return []
    return [
        f"{resource}.{group} {version}".replace(". ", " ")
        for rule in rules
        for group in rule.get("apiGroups") or ()
        for version in rule.get("apiVersions") or ()
        for resource in rule.get("resources") or ()
    ]


def expected(webhooks: Sequence[Json], request: Request) -> str:
    """Returns what becomes of a request while no webhook answers: refused, accepted, unknown."""
    asked = [webhook for webhook in webhooks if matching(webhook, request)]
    closed = [item for item in asked if item.get("failurePolicy", "Fail") == "Fail"]
    if not closed:
        return "accepted"
    return "unknown" if all(item.get("matchConditions") for item in closed) else "refused"
