"""Why a grant that no request used may be right all the same: what generators scaffold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.model.access import Grant

__all__ = ["explain_unused"]

_READS = frozenset({"get", "list", "watch"})
_LEADERS = ("leader-election", "leader-locking")
_REVIEWS = ("authentication.k8s.io", "authorization.k8s.io")


def _for_leaders(grant: Grant) -> bool:
    return any(name in grant.role for name in _LEADERS)


_SCAFFOLDS: tuple[tuple[Callable[[Grant], bool], str], ...] = (
    (
        lambda grant: _for_leaders(grant) and grant.key == "configmaps",
        "kubebuilder's scaffold grants it for leader election; controller-runtime elects by Leases",
    ),
    (_for_leaders, "kubebuilder's scaffold grants it for leader election"),
    (
        lambda grant: grant.group in _REVIEWS,
        "needed only while somebody reads protected metrics",
    ),
    (
        lambda grant: grant.resource == "events",
        "needed only when the operator has an event to tell",
    ),
    (
        lambda grant: grant.resource.endswith("/status") and bool(_READS & set(grant.verbs)),
        "controller-gen's scaffold grants get on status; clients read it with the object",
    ),
)


def explain_unused(grant: Grant) -> str:
    """Returns a sentence for a grant that was not observed; empty where nothing is known of it."""
    return next((sentence for holds, sentence in _SCAFFOLDS if holds(grant)), "")
