"""What an operator used of its permissions, and where that may differ between clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness.analysis.writes import operator_calls

if TYPE_CHECKING:
    from harness.evidence.reader import Evidence

__all__ = ["DIFFERENCES", "Use", "used"]


class Use(NamedTuple):
    """One permission, as a rule would grant it.

    Attributes:
        resource: With its subresource, for example "deployments/status"; a path for what is none.
        scope: "namespaced" for requests to one namespace, else "cluster".
    """

    verb: str
    group: str
    resource: str
    scope: str


_REPEATED = {
    Use("patch", "events.k8s.io", "events", "namespaced"): (
        "an event that repeats itself is counted up: on either cluster, by chance"
    ),
}


def _read_past_the_cache(*resources: tuple[str, str]) -> dict[Use, str]:
    """Returns reads of kinds, by group and plural, that a lagging cache causes."""
    return {
        Use("get", group, plural, "namespaced"): (
            "read past the cache when it didn't hold yet what had just been made: on either "
            "cluster, by chance"
        )
        for group, plural in resources
    }


DIFFERENCES: dict[str, dict[Use, str]] = {
    "guestbook": {
        **_REPEATED,
        **_read_past_the_cache(("apps", "deployments"), ("", "services"), ("", "configmaps")),
        Use("get", "webapp.tutorial.kubebuilder.io", "guestbooks", "namespaced"): (
            "read past the cache when an update of the status met another write: on either "
            "cluster, by chance"
        ),
    },
    "podtato-head": _read_past_the_cache(("apps", "deployments"), ("", "services")),
}
"""What may be seen on one of the clusters only, by target, with the reason; else it's a bug."""


def used(evidence: Evidence) -> set[Use]:
    """Returns the permissions that a run's operator used with success."""
    found = set()
    for call in operator_calls(evidence):
        if call.decision != "allow":
            continue
        plural, _, group = call.resource.partition(".")
        resource = plural + (f"/{call.subresource}" if call.subresource else "")
        found.add(
            Use(
                verb=call.verb,
                group=group,
                resource=resource or call.uri.partition("?")[0],
                scope="namespaced" if call.namespace else "cluster",
            )
        )
    return found
