"""The Go modules from which binaries are built: pinned files below `ci`, or generated ones."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from harness import resources
from harness.assets import versions
from harness.errors import AssetError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["GoModule", "etcd", "helm", "kind", "kubernetes", "kwok", "prometheus"]

_FILES = ("go.mod", "go.sum", "tools.go")


class GoModule(msgspec.Struct, frozen=True, kw_only=True):
    """A Go module and the commands built from it.

    Attributes:
        name: For people.
        version: Of all its commands, without "v".
        place: Its folder below `ci`; empty for one that is generated when it is needed.
        packages: Import path of each component's command, by component.
        ldflags: For the linker; the version that the binaries print.
        minutes: What a cold build takes on two cores, roughly.
        tags: Build tags.
    """

    name: str
    version: str
    place: tuple[str, ...]
    packages: dict[str, str]
    ldflags: str
    minutes: int
    tags: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where a pinned module's files lie; may be read-only."""
        return resources.bundled("ci", *self.place)

    def files(self) -> dict[str, bytes]:
        """Returns the content of a pinned module's files by name.

        Raises:
            AssetError: They aren't there; the installation is incomplete.
        """
        try:
            return {name: (self.folder / name).read_bytes() for name in _FILES}
        except OSError as error:
            raise AssetError(
                f"This installation lacks {self.folder.name}'s pinned Go module "
                f"({error.filename}: {error.strerror}).",
                hint="Install the package again, or work from a complete checkout.",
            ) from error

    def inputs(self, component: str) -> str:
        """Returns the SHA-256 (hex) of all that decides what a build of `component` holds."""
        files = self.files() if self.place else {"generated": b"1"}
        digest = hashlib.sha256()
        for name, content in sorted(files.items()):
            digest.update(f"{name} {len(content)}\n".encode())
            digest.update(content)
        digest.update(f"{self.packages[component]}\n{self.ldflags}\n{self.version}\n".encode())
        digest.update("".join(f"{tag}\n" for tag in self.tags).encode())
        return digest.hexdigest()


def kubernetes(version: str) -> GoModule:
    """Returns the module of Kubernetes' components; generated if it isn't the pinned version."""
    commands = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
    return GoModule(
        name="kubernetes",
        version=version,
        place=("controlplane", "kubernetes") if version == versions.KUBERNETES else (),
        packages={command: f"k8s.io/kubernetes/cmd/{command}" for command in commands},
        ldflags=_kubernetes_ldflags(version),
        minutes=14,
    )


def etcd() -> GoModule:
    """Returns the module of etcd's commands."""
    return GoModule(
        name="etcd",
        version=versions.ETCD,
        place=("controlplane", "etcd"),
        packages={
            "etcd": "go.etcd.io/etcd/server/v3",
            "etcdctl": "go.etcd.io/etcd/etcdctl/v3",
            "etcdutl": "go.etcd.io/etcd/etcdutl/v3",
        },
        ldflags="-s -w",
        minutes=1,
    )


def kwok() -> GoModule:
    """Returns the module of KWOK's commands."""
    return GoModule(
        name="kwok",
        version=versions.KWOK,
        place=("controlplane", "kwok"),
        packages={command: f"sigs.k8s.io/kwok/cmd/{command}" for command in ("kwok", "kwokctl")},
        ldflags=f"-s -w -X sigs.k8s.io/kwok/pkg/consts.Version=v{versions.KWOK}",
        minutes=5,
    )


def helm() -> GoModule:
    """Returns the module of Helm's command."""
    return GoModule(
        name="helm",
        version=versions.HELM,
        place=("helm",),
        packages={"helm": "helm.sh/helm/v3/cmd/helm"},
        ldflags=_helm_ldflags(),
        minutes=2,
    )


def kind() -> GoModule:
    """Returns the module of kind's command."""
    return GoModule(
        name="kind",
        version=versions.KIND,
        place=("kind",),
        packages={"kind": "sigs.k8s.io/kind"},
        ldflags="-s -w",
        minutes=1,
    )


def prometheus() -> GoModule:
    """Returns the module of Prometheus, whose module is v0.3XX.Y where it is release 3.XX.Y."""
    return GoModule(
        name="prometheus",
        version=versions.PROMETHEUS,
        place=("prometheus",),
        packages={"prometheus": "github.com/prometheus/prometheus/cmd/prometheus"},
        ldflags=f"-s -w -X github.com/prometheus/common/version.Version={versions.PROMETHEUS}",
        minutes=4,
        tags=("remove_all_sd",),  # a run names what is scraped; a third of the program otherwise
    )


def _helm_ldflags() -> str:
    major, minor = versions.KUBERNETES.split(".")[:2]
    place = "helm.sh/helm/v3/pkg/chartutil"  # what charts are rendered for, if nothing else is said
    return (
        f"-s -w -X helm.sh/helm/v3/internal/version.version=v{versions.HELM}"
        f" -X {place}.k8sVersionMajor={major} -X {place}.k8sVersionMinor={minor}"
    )


def _kubernetes_ldflags(version: str) -> str:
    major, minor = version.split(".")[:2]
    stamps = {
        "gitVersion": f"v{version}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    places = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    words = [f"-X {place}.{name}={value}" for place in places for name, value in stamps.items()]
    return " ".join(["-s -w", *words])
