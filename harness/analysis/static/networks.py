"""SEC-004: network policies that let everybody in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.manifests.objects import kind_of

if TYPE_CHECKING:
    from harness.analysis.static.material import Flaw, Material

__all__ = ["no_policy_allows_all"]


def no_policy_allows_all(material: Material) -> list[Flaw] | str:
    """SEC-004: an empty rule for all pods undoes every other policy of the namespace."""
    policies = [item for item in material.objects if kind_of(item.obj) == "NetworkPolicy"]
    if not policies:
        return "the manifests bring no NetworkPolicy"
    flaws = []
    for policy in policies:
        spec = policy.obj.get("spec") or {}
        selector = spec.get("podSelector") or {}
        if any(selector.get(key) for key in ("matchLabels", "matchExpressions")):
            continue
        flaws += [
            policy.flaw(f"It allows all {way} of all pods in its namespace")
            for way in ("ingress", "egress")
            if any(not rule for rule in spec.get(way) or ())
        ]
    return flaws
