"""The components: what is pinned of each, and which of them belong together."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.assets import versions
from harness.assets.modules import GoModule, etcd, helm, kind, kubernetes, kwok, prometheus

__all__ = [
    "CONTROL_PLANE",
    "KUBERNETES_FAMILY",
    "MODULES",
    "PINS",
    "UNIFORM",
    "Component",
    "Pins",
    "module_of",
    "pinned",
    "variable",
]


class Component(StrEnum):
    """A binary; the value is its file name."""

    ETCD = "etcd"
    ETCDCTL = "etcdctl"
    ETCDUTL = "etcdutl"
    KUBE_APISERVER = "kube-apiserver"
    KUBE_CONTROLLER_MANAGER = "kube-controller-manager"
    KUBE_SCHEDULER = "kube-scheduler"
    KUBECTL = "kubectl"
    KWOK = "kwok"
    KWOKCTL = "kwokctl"
    HELM = "helm"
    KIND = "kind"
    PROMETHEUS = "prometheus"


_ON_DEMAND = frozenset({Component.HELM, Component.KIND, Component.PROMETHEUS})
CONTROL_PLANE = tuple(component for component in Component if component not in _ON_DEMAND)
"""What every local cluster needs; the others are fetched only where they are asked for."""

UNIFORM = (
    Component.KUBE_APISERVER,
    Component.KUBE_CONTROLLER_MANAGER,
    Component.KUBE_SCHEDULER,
)
"""Must be of one minor version; Kubernetes supports no other mix with certainty."""

KUBERNETES_FAMILY = (*UNIFORM, Component.KUBECTL)
"""What is released together, under one version."""


_STABLE = frozenset({Component.HELM, Component.PROMETHEUS})  # any release of the same major will do


class Pins(msgspec.Struct, frozen=True, kw_only=True):
    """Which version of each component is wanted.

    Attributes:
        kubernetes: Of Kubernetes' own components, without "v".
        exact: Whether a user asked for it; else any patch version of its minor will do.
    """

    kubernetes: str = versions.KUBERNETES
    exact: bool = False

    @classmethod
    def of(cls, kubernetes: str) -> Pins:
        """Returns the pins for a version that a user asked for; the harness's own if empty.

        Raises:
            UsageError: It is no version.
        """
        return cls(kubernetes=versions.parse(kubernetes), exact=True) if kubernetes else PINS

    def module_of(self, component: Component) -> GoModule:
        """Returns the Go module that a component is built from."""
        return next(module for module in self.modules() if component in module.packages)

    def modules(self) -> tuple[GoModule, ...]:
        """Returns all Go modules, in the order in which they are built."""
        return (kubernetes(self.kubernetes), etcd(), kwok(), helm(), kind(), prometheus())

    def version(self, component: Component) -> str:
        """Returns the version of a component that is wanted, without "v"."""
        return self.module_of(component).version

    def fits(self, component: Component, version: str) -> bool:
        """Whether a binary of this version, found somewhere, can be taken."""
        if self.exact and component in UNIFORM:
            return version.split("+", maxsplit=1)[0] == self.kubernetes
        if component in _STABLE:
            return version.split(".", maxsplit=1)[0] == self.version(component).split(".")[0]
        return versions.minor(version) == versions.minor(self.version(component))


PINS = Pins()
"""The harness's own."""

MODULES = PINS.modules()


def module_of(component: Component) -> GoModule:
    """Returns the Go module that a component is built from, where no version was asked for."""
    return PINS.module_of(component)


def pinned(component: Component) -> str:
    """Returns the version of a component that the harness is made for, without "v"."""
    return PINS.version(component)


def variable(component: Component) -> str:
    """Returns the environment variable that names one file, for example TEST_ASSET_ETCD."""
    return f"TEST_ASSET_{component.upper().replace('-', '_')}"
