"""What counts as a write of the operator: one definition for waiting and for judging.

"Silence at rest" leaves out what an operator at rest may do: renew its Lease, post an Event, and
ask for reviews (a scrape of its secure metrics makes it ask two).
"""

from __future__ import annotations

__all__ = ["MUTATING_VERBS", "is_write"]

MUTATING_VERBS = frozenset({"create", "update", "patch", "delete", "deletecollection"})

_UNCOUNTED = frozenset(
    {
        "events",
        "events.events.k8s.io",
        "leases.coordination.k8s.io",
        "localsubjectaccessreviews.authorization.k8s.io",
        "selfsubjectaccessreviews.authorization.k8s.io",
        "selfsubjectrulesreviews.authorization.k8s.io",
        "subjectaccessreviews.authorization.k8s.io",
        "selfsubjectreviews.authentication.k8s.io",
        "tokenreviews.authentication.k8s.io",
    }
)


def is_write(verb: str, resource: str, subresource: str = "") -> bool:
    """Whether a request by the operator counts as a write.

    Args:
        verb: As the API server audits it, for example "patch".
        resource: `Resource.key`, for example "leases.coordination.k8s.io".
        subresource: For example "status"; a token request isn't a write to the object.
    """
    return verb in MUTATING_VERBS and resource not in _UNCOUNTED and subresource != "token"
