"""Who is who in a kind cluster: what kubeadm names the components, and our own name."""

from __future__ import annotations

from harness.clusters.local.identities import HARNESS

__all__ = ["CONTROLLERS", "HARNESS", "IDENTITIES"]

IDENTITIES = {"harness": (HARNESS, ("system:masters",))}
"""File name to user and groups of each client certificate that we make; kubeadm makes the rest."""

CONTROLLERS = {
    "kube-apiserver": ("system:apiserver",),
    "kube-controller-manager": (
        "system:kube-controller-manager",
        "system:serviceaccount:kube-system:*",
    ),
    "kube-scheduler": ("system:kube-scheduler",),
    "kubelet": ("system:node:*", "system:bootstrap:*"),
    "local-path-provisioner": ("system:serviceaccount:local-path-storage:*",),
    "kubeadm": ("kubernetes-admin", "kubernetes-super-admin"),
}
"""User names of the cluster's own controllers, by component.

kube-proxy, coredns and kindnet have ServiceAccounts in kube-system.
"""
