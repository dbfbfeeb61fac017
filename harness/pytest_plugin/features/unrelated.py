"""Small objects of common kinds, which an operator's webhooks have no business with."""

from __future__ import annotations

from typing import Any

__all__ = ["UNRELATED"]

_LABELS = {"app": "harness-unrelated"}
_POD: dict[str, Any] = {
    "containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10.1"}],
}

UNRELATED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "configmaps": ("v1", "ConfigMap", {"data": {"key": "value"}}),
    "secrets": ("v1", "Secret", {"type": "Opaque"}),
    "services": ("v1", "Service", {"spec": {"ports": [{"port": 80}], "selector": _LABELS}}),
    "serviceaccounts": ("v1", "ServiceAccount", {}),
    "pods": ("v1", "Pod", {"spec": _POD}),
    "limitranges": ("v1", "LimitRange", {"spec": {"limits": []}}),
    "resourcequotas": ("v1", "ResourceQuota", {"spec": {"hard": {"pods": "100"}}}),
    "deployments": (
        "apps/v1",
        "Deployment",
        {
            "spec": {
                "selector": {"matchLabels": _LABELS},
                "template": {"metadata": {"labels": _LABELS}, "spec": _POD},
            }
        },
    ),
}
"""By plural: apiVersion, kind, and what stands beside metadata."""
