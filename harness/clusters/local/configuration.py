"""The KwokctlConfiguration of a cluster, and where its files lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.clusters.local.ports import Ports

__all__ = ["CLUSTER_NAME", "SERVICE_IP", "Paths", "audit_policy", "render"]

CLUSTER_NAME = "local"
"""kwokctl's name for the cluster; each has a work folder of its own, so it may be the same."""

SERVICE_IP = "10.96.0.1"
_SERVICE_RANGE = "10.96.0.0/16"  # the default range has room for 254 Services only
# What the Endpoints of `kubernetes` say; reserved for documentation (RFC 5737). Without it the API
# server takes this machine's own address, and doesn't start where there is no default route.
_ADVERTISED = "192.0.2.1"

_FAST = {"kube-api-qps": "500", "kube-api-burst": "1000", "leader-elect": "false"}
"""The default of 20 requests per second would be what a load test measures."""


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    """Files of a cluster.

    Attributes:
        state: Private folder of the cluster; kwokctl's KWOK_WORKDIR.
        audit_log: Where the API server writes.
        logs: Where the components' logs really lie.
    """

    state: Path
    audit_log: Path
    logs: Path

    @property
    def kubeconfig(self) -> Path:
        """The harness's kubeconfig."""
        return self.state / "kubeconfig"

    @property
    def kwokctl_kubeconfig(self) -> Path:
        """What kwokctl writes a context to, so that it leaves the user's file alone."""
        return self.state / "kwokctl.kubeconfig"

    @property
    def configuration(self) -> Path:
        """The KwokctlConfiguration."""
        return self.state / "kwokctl.yaml"

    @property
    def kwokctl_log(self) -> Path:
        """What kwokctl itself prints."""
        return self.state / "kwokctl.log"

    @property
    def tools(self) -> Path:
        """Links of the binaries that snapshots need."""
        return self.state / "tools"

    @property
    def snapshots(self) -> Path:
        """What `Provider.snapshot` took."""
        return self.state / "snapshots"

    @property
    def work(self) -> Path:
        """Folder of the cluster as kwokctl lays it out."""
        return self.state / "clusters" / CLUSTER_NAME

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.work / "pki"

    def component_kubeconfig(self, component: str) -> Path:
        """The kubeconfig of a component's own identity."""
        return self.pki / f"{component}.kubeconfig"


def render(paths: Paths, ports: Ports, binaries: Mapping[str, Path], *, durable: bool) -> str:
    """Returns the configuration, with our stages behind it, as YAML.

    Args:
        paths: Files of the cluster.
        ports: One for each component.
        binaries: By component's name.
        durable: Whether etcd waits for the disk.
    """
    document = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokctlConfiguration",
        "options": _options(ports, binaries),
        "componentsPatches": _patches(paths, durable=durable),
    }
    stages = Path(__file__).with_name("stages.yaml").read_text()
    return yaml.safe_dump(document, sort_keys=False, width=1000) + "---\n" + stages


def audit_policy(bodies: Sequence[str] = ()) -> str:
    """Returns the audit policy, as YAML.

    Args:
        bodies: Resources ("<plural>.<group>") whose requests and answers are logged whole; for
            those whose bodies may hold secrets that doesn't hold.
    """
    text = Path(__file__).with_name("audit-policy.yaml").read_text(encoding="utf-8")
    if not bodies:
        return text
    policy = yaml.safe_load(text)
    whole = [_named(resource) for resource in bodies]
    policy["rules"].insert(1, {"level": "RequestResponse", "resources": whole})
    return yaml.safe_dump(policy, sort_keys=False)


def _named(resource: str) -> dict[str, Any]:
    plural, _, group = resource.partition(".")
    return {"group": group, "resources": [plural, f"{plural}/status"]}


def _options(ports: Ports, binaries: Mapping[str, Path]) -> dict[str, Any]:
    return {
        "runtime": "binary",
        "bindAddress": "127.0.0.1",
        "kubeApiserverPort": ports.apiserver,
        "etcdPort": ports.etcd,
        "etcdPeerPort": ports.etcd_peer,
        "kubeControllerManagerPort": ports.controller_manager,
        "kubeSchedulerPort": ports.scheduler,
        "kwokControllerPort": ports.kwok,
        "securePort": True,
        "kubeAuthorization": True,
        "kubeAdmission": True,
        "disableQPSLimits": False,  # true would switch API Priority and Fairness off
        "kubeApiserverBinary": str(binaries["kube-apiserver"]),
        "kubeControllerManagerBinary": str(binaries["kube-controller-manager"]),
        "kubeSchedulerBinary": str(binaries["kube-scheduler"]),
        "kubectlBinary": str(binaries["kubectl"]),
        "etcdBinary": str(binaries["etcd"]),
        "etcdctlBinary": str(binaries["etcdctl"]),
        "kwokControllerBinary": str(binaries["kwok"]),
    }


def _patches(paths: Paths, *, durable: bool) -> list[dict[str, Any]]:
    pki = paths.pki
    accounts = str(pki / "service-accounts.key")
    kwok = str(pki / "kwok-server")
    return [
        _patch("etcd", {"unsafe-no-fsync": "false" if durable else "true"}),
        _patch(
            "kube-apiserver",
            _apiserver_arguments(paths),
            # These may be given several times and would then hold together: replaced, not added.
            replaced={"service-account-key-file": str(pki / "service-accounts.pub")},
        ),
        _patch(
            "kube-controller-manager",
            {
                "kubeconfig": str(paths.component_kubeconfig("kube-controller-manager")),
                "use-service-account-credentials": "true",
                "service-account-private-key-file": accounts,
                "cluster-signing-cert-file": str(pki / "ca.crt"),
                "cluster-signing-key-file": str(pki / "ca.key"),
                **_FAST,
            },
        ),
        _patch(
            "kube-scheduler",
            {"kubeconfig": str(paths.component_kubeconfig("kube-scheduler")), **_FAST},
        ),
        _patch(
            "kwok-controller",
            {
                "kubeconfig": str(paths.component_kubeconfig("kwok-controller")),
                "tls-cert-file": f"{kwok}.crt",
                "tls-private-key-file": f"{kwok}.key",
            },
        ),
    ]


def _apiserver_arguments(paths: Paths) -> dict[str, str]:
    return {
        "tls-cert-file": str(paths.pki / "kube-apiserver.crt"),
        "tls-private-key-file": str(paths.pki / "kube-apiserver.key"),
        "service-account-signing-key-file": str(paths.pki / "service-accounts.key"),
        "service-cluster-ip-range": _SERVICE_RANGE,
        "advertise-address": _ADVERTISED,
        "enable-admission-plugins": "OwnerReferencesPermissionEnforcement",
        "event-ttl": "5m",
        "audit-policy-file": str(paths.state / "audit-policy.yaml"),
        "audit-log-path": str(paths.audit_log),
        "audit-log-format": "json",
        "audit-log-mode": "blocking",  # a killed API server loses nothing that it did
        "audit-log-maxsize": "1024",
        "audit-log-maxbackup": "0",
        "audit-log-maxage": "0",
    }


def _patch(
    name: str, arguments: Mapping[str, str], *, replaced: Mapping[str, str] | None = None
) -> dict[str, Any]:
    added = [{"key": key, "value": value} for key, value in arguments.items()]
    swapped = [
        {"key": key, "value": value, "override": True} for key, value in (replaced or {}).items()
    ]
    return {"name": name, "extraArgs": added + swapped}
