"""WEB-001 and WEB-002: webhooks that fail soon, and don't block their own operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.analysis.static.rules import listed
from harness.manifests.objects import selected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.analysis.static.material import Flaw, Material, Webhook

__all__ = ["webhooks_leave_the_cluster_alone", "webhooks_say_how_they_fail"]

Json = dict[str, Any]
_LONGEST_S = 10
_NAME_LABEL = "kubernetes.io/metadata.name"
_SYSTEM = "kube-system"
_SNIPPET = """\
failurePolicy: Fail
matchPolicy: Equivalent
sideEffects: None
timeoutSeconds: 5
admissionReviewVersions: [v1]
"""


def webhooks_say_how_they_fail(webhook: Webhook) -> Iterator[Flaw]:
    """WEB-001: what the API server does while it waits, and when nobody answers."""
    wrong = list(_faults(webhook.body))
    if wrong:
        yield webhook.flaw(
            f"The {webhook.way} webhook: {wrong[0]}"
            + (f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""),
            detail=listed(wrong),
            snippet=_SNIPPET,
        )
    if webhook.body.get("timeoutSeconds") is None:
        yield webhook.flaw(
            f"The {webhook.way} webhook: timeoutSeconds isn't named, so it's {_LONGEST_S}",
            severity="minor",
            snippet="timeoutSeconds: 5\n",
        )


def _faults(body: Json) -> Iterator[str]:
    if body.get("failurePolicy") not in {"Fail", "Ignore"}:
        yield "failurePolicy isn't named"
    seconds = body.get("timeoutSeconds") or 0
    if seconds > _LONGEST_S:
        yield f"timeoutSeconds is {seconds}, more than {_LONGEST_S}"
    effects = body.get("sideEffects")
    if effects not in {"None", "NoneOnDryRun"}:
        yield f"sideEffects is {effects or 'not named'}, so dry runs are refused"
    if body.get("matchPolicy", "Equivalent") != "Equivalent":
        yield "matchPolicy is Exact, so requests by another version pass it by"
    if "v1" not in (body.get("admissionReviewVersions") or ()):
        yield "admissionReviewVersions lacks v1"


def webhooks_leave_the_cluster_alone(material: Material) -> list[Flaw] | str:
    """WEB-002: webhooks over kinds that their own operator, or the cluster, needs to start."""
    if not material.webhooks:
        return "the manifests bring no webhook"
    own = {(crd.group, crd.plural) for crd in material.definitions}
    return [
        flaw
        for webhook in material.webhooks
        if webhook.body.get("failurePolicy", "Fail") == "Fail"
        for flaw in _blocking(webhook, own)
    ]


def _blocking(webhook: Webhook, own: set[tuple[str, str]]) -> Iterator[Flaw]:
    foreign = _foreign(webhook.body, own)
    if not foreign or webhook.body.get("matchConditions"):
        return
    if any((webhook.body.get("objectSelector") or {}).values()):
        return
    service = (webhook.body.get("clientConfig") or {}).get("service") or {}
    places = dict.fromkeys(name for name in (service.get("namespace"), _SYSTEM) if name)
    caught = [name for name in places if _catches(webhook.body, str(name))]
    if caught:
        yield webhook.flaw(
            f"The {webhook.way} webhook must answer for {foreign[0]} in {' and '.join(caught)}",
            detail="While it is down, nothing of these can be written there, so its own pods "
            "may never come back:\n" + listed(foreign),
            snippet="namespaceSelector:\n  matchExpressions:\n"
            f"  - key: {_NAME_LABEL}\n    operator: NotIn\n    values: [{', '.join(places)}]\n",
        )


def _foreign(body: Json, own: set[tuple[str, str]]) -> list[str]:
    """Returns the resources that a webhook's rules match and the manifests don't define."""
    found = [
        f"{resource}.{group}" if group else str(resource)
        for rule in body.get("rules") or ()
        if rule.get("scope") != "Cluster"
        for group in rule.get("apiGroups") or ()
        for resource in rule.get("resources") or ()
        if (group, str(resource).partition("/")[0]) not in own
        and not (resource == "*" and any(group == known for known, _ in own))
    ]
    return list(dict.fromkeys(found))


def _catches(body: Json, namespace: str) -> bool:
    selector = body.get("namespaceSelector")
    if not selector or not any(selector.values()):
        return True
    # Which other labels a namespace has isn't known: a selector by them counts as an exclusion
    # where it demands a label, and as none where it only forbids one.
    return selected({_NAME_LABEL: namespace}, selector)
