"""Who is who in a local cluster: a user name for each component, so that audit tells them apart."""

from __future__ import annotations

__all__ = ["HARNESS", "IDENTITIES"]

HARNESS = "operator-harness"
"""The harness's own user name.

It's in system:masters on purpose: set-up needs every permission, and what we observe with must
not queue in API Priority and Fairness behind the load that we observe. Load itself comes from
ServiceAccounts, which aren't exempt.
"""

IDENTITIES = {
    "kube-controller-manager": ("system:kube-controller-manager", ()),
    "kube-scheduler": ("system:kube-scheduler", ()),
    # Stands for all kubelets and for a cloud's controllers: no built-in role fits all of that.
    "kwok-controller": ("system:kwok-controller", ("system:masters",)),
    # kwokctl's own questions while it waits for the API server.
    "admin": ("kwokctl", ("system:masters",)),
    "harness": (HARNESS, ("system:masters",)),
}
"""File name to user and groups of each client certificate."""
