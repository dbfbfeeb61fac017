"""The components, what is pinned of each, and the Go modules that they are built from."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from harness import resources
from harness.assets import versions
from harness.errors import AssetError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MODULES", "UNIFORM", "Component", "GoModule", "module_of", "pinned", "variable"]


class Component(StrEnum):
    """A binary of the control plane; the value is its file name."""

    ETCD = "etcd"
    ETCDCTL = "etcdctl"
    ETCDUTL = "etcdutl"
    KUBE_APISERVER = "kube-apiserver"
    KUBE_CONTROLLER_MANAGER = "kube-controller-manager"
    KUBE_SCHEDULER = "kube-scheduler"
    KUBECTL = "kubectl"
    KWOK = "kwok"
    KWOKCTL = "kwokctl"


UNIFORM = (
    Component.KUBE_APISERVER,
    Component.KUBE_CONTROLLER_MANAGER,
    Component.KUBE_SCHEDULER,
)
"""Must be of one minor version; Kubernetes supports no other mix with certainty."""


class GoModule(msgspec.Struct, frozen=True, kw_only=True):
    """A pinned Go module below `ci/controlplane` and the commands built from it.

    Attributes:
        name: Of its folder.
        version: Of all its commands, without "v".
        packages: Import path of each component's command.
        ldflags: For the linker; the version that the binaries print.
        minutes: What a cold build takes on two cores, roughly.
    """

    name: str
    version: str
    packages: dict[Component, str]
    ldflags: str
    minutes: int

    @property
    def folder(self) -> Path:
        """Where go.mod, go.sum and tools.go lie; may be read-only."""
        return resources.bundled("ci", "controlplane", self.name)

    def files(self) -> dict[str, bytes]:
        """Returns the content of the module's files by name.

        Raises:
            AssetError: They aren't there; the installation is incomplete.
        """
        try:
            return {name: (self.folder / name).read_bytes() for name in _MODULE_FILES}
        except OSError as error:
            raise AssetError(
                f"This installation lacks {self.folder.name}'s pinned Go module "
                f"({error.filename}: {error.strerror}).",
                hint="Install the package again, or work from a complete checkout.",
            ) from error

    def inputs(self, component: Component) -> str:
        """Returns the SHA-256 (hex) of all that decides what a build of `component` holds."""
        digest = hashlib.sha256()
        for name, content in sorted(self.files().items()):
            digest.update(f"{name} {len(content)}\n".encode())
            digest.update(content)
        digest.update(f"{self.packages[component]}\n{self.ldflags}\n{self.version}\n".encode())
        return digest.hexdigest()


_MODULE_FILES = ("go.mod", "go.sum", "tools.go")


def _kubernetes_ldflags() -> str:
    major, minor = versions.KUBERNETES.split(".")[:2]
    stamps = {
        "gitVersion": f"v{versions.KUBERNETES}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    places = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    words = [f"-X {place}.{name}={value}" for place in places for name, value in stamps.items()]
    return " ".join(["-s -w", *words])


MODULES = (
    GoModule(
        name="kubernetes",
        version=versions.KUBERNETES,
        packages={
            component: f"k8s.io/kubernetes/cmd/{component}"
            for component in (*UNIFORM, Component.KUBECTL)
        },
        ldflags=_kubernetes_ldflags(),
        minutes=14,
    ),
    GoModule(
        name="etcd",
        version=versions.ETCD,
        packages={
            Component.ETCD: "go.etcd.io/etcd/server/v3",
            Component.ETCDCTL: "go.etcd.io/etcd/etcdctl/v3",
            Component.ETCDUTL: "go.etcd.io/etcd/etcdutl/v3",
        },
        ldflags="-s -w",
        minutes=1,
    ),
    GoModule(
        name="kwok",
        version=versions.KWOK,
        packages={
            component: f"sigs.k8s.io/kwok/cmd/{component}"
            for component in (Component.KWOK, Component.KWOKCTL)
        },
        ldflags=f"-s -w -X sigs.k8s.io/kwok/pkg/consts.Version=v{versions.KWOK}",
        minutes=5,
    ),
)


def module_of(component: Component) -> GoModule:
    """Returns the Go module that a component is built from."""
    return next(module for module in MODULES if component in module.packages)


def pinned(component: Component) -> str:
    """Returns the version of a component that the harness wants, without "v"."""
    return module_of(component).version


def variable(component: Component) -> str:
    """Returns the environment variable that names one file, for example TEST_ASSET_ETCD."""
    return f"TEST_ASSET_{component.upper().replace('-', '_')}"
