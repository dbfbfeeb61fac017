"""The kind config of a cluster, and where its files lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CLUSTER_PREFIX",
    "EVIDENCE",
    "POLICY",
    "SERVICE_IP",
    "Paths",
    "Wish",
    "read_kind_config",
    "render",
]

CLUSTER_PREFIX = "harness-"
"""Begins kind's name of each cluster that we make; its id follows."""

SERVICE_IP = "10.96.0.1"
POLICY = "/harness/policy"
"""Where a node has the folder with the audit policy."""
EVIDENCE = "/harness/evidence"
"""Where a node has the folder that the audit log is written to."""

_API_VERSION = "kind.x-k8s.io/v1alpha4"
_LOOPBACK = "127.0.0.1"
_CONTROL_PLANE = "control-plane"
_FAST = {"kube-api-qps": "500", "kube-api-burst": "1000", "leader-elect": "false"}
"""As on `local`. Without a leader election, a restarted controller-manager works at once."""


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    """Files of a cluster.

    Attributes:
        state: Private folder of the cluster.
        audit_log: Where the API server writes, by its folder's mount into the node.
        logs: Where logs of nodes and pods are exported to.
    """

    state: Path
    audit_log: Path
    logs: Path

    @property
    def kubeconfig(self) -> Path:
        """The harness's kubeconfig."""
        return self.state / "kubeconfig"

    @property
    def kind_kubeconfig(self) -> Path:
        """What kind writes a context to, so that it leaves the user's file alone."""
        return self.state / "kind.kubeconfig"

    @property
    def configuration(self) -> Path:
        """The kind config."""
        return self.state / "kind.yaml"

    @property
    def kind_log(self) -> Path:
        """What kind itself prints."""
        return self.state / "kind.log"

    @property
    def tools(self) -> Path:
        """Links of the binaries that other processes of a run need."""
        return self.state / "tools"

    @property
    def policy(self) -> Path:
        """Folder with the audit policy alone; the node has it read-only."""
        return self.state / "policy"

    @property
    def pki(self) -> Path:
        """Keys and certificates: the authority, and the harness's own."""
        return self.state / "pki"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are, and no anchors: people read the file."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - yaml's own
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a cluster shall be.

    Attributes:
        name: kind's name for it.
        image: Of the nodes.
        workers: How many nodes besides the control plane.
        own_network: Whether the image brings the pods' network, so that kind installs none.
        durable: Whether etcd waits for the disk.
        extra: The user's kind config, merged into ours.
    """

    name: str
    image: str
    workers: int = 0
    own_network: bool = False
    durable: bool = False
    extra: Mapping[str, Any] = {}


def read_kind_config(path: Path) -> dict[str, Any]:
    """Reads a kind config to merge; refuses what can't hold here.

    Raises:
        UsageError: It can't be read, or asks for what the harness can't do.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The kind config {path} can't be read: {error}", hint="Mend or remove --kind-config."
        ) from error
    if not isinstance(document, dict) or document.get("kind") != "Cluster":
        raise UsageError(f"{path} is no kind config: it must be one mapping with kind: Cluster.")
    if document.get("apiVersion") != _API_VERSION:
        raise UsageError(
            f"{path}: apiVersion is {document.get('apiVersion')!r}, and must be {_API_VERSION!r}."
        )
    _check(document, path)
    return document


def _check(document: dict[str, Any], path: Path) -> None:
    for key in ("nodes", "kubeadmConfigPatches", "containerdConfigPatches"):
        if not isinstance(document.get(key, []), list):
            raise UsageError(f"{path}: {key} must be a list.")
    if not isinstance(document.get("networking", {}), dict):
        raise UsageError(f"{path}: networking must be a mapping.")
    planes = [node for node in document.get("nodes", ()) if _role(node) == _CONTROL_PLANE]
    if len(planes) > 1:
        raise UsageError(
            f"{path} asks for {len(planes)} control planes.",
            hint="Give one: each API server would write an audit log of its own.",
        )
    address = document.get("networking", {}).get("apiServerAddress", _LOOPBACK)
    if address != _LOOPBACK:
        raise UsageError(
            f"{path}: networking.apiServerAddress is {address!r}.",
            hint=f"Leave it out: a cluster of the harness is reached on {_LOOPBACK} only.",
        )


def _role(node: object) -> str:
    return str(node.get("role", _CONTROL_PLANE)) if isinstance(node, dict) else ""


def render(paths: Paths, wish: Wish) -> str:
    """Returns the kind config as YAML: ours, with the user's merged in.

    Ours comes first among the patches of kubeadm's configuration, so that a user can override it.
    """
    document = {key: value for key, value in wish.extra.items() if key != "nodes"}
    networking = {"apiServerAddress": _LOOPBACK, **document.get("networking", {})}
    if wish.own_network:
        networking.setdefault("disableDefaultCNI", True)
    document |= {
        "kind": "Cluster",
        "apiVersion": _API_VERSION,
        "name": wish.name,
        "networking": networking,
        "nodes": [_node(node, paths, wish) for node in _nodes(wish)],
        "kubeadmConfigPatches": [
            *_patches(durable=wish.durable),
            *document.get("kubeadmConfigPatches", ()),
        ],
    }
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=1000)


def _nodes(wish: Wish) -> list[dict[str, Any]]:
    """Returns the user's nodes, else one control plane; then the workers that were asked for."""
    given = [dict(node) for node in wish.extra.get("nodes") or [{"role": _CONTROL_PLANE}]]
    return [*given, *({"role": "worker"} for _ in range(wish.workers))]


def _node(node: dict[str, Any], paths: Paths, wish: Wish) -> dict[str, Any]:
    made = {"image": wish.image, **node}
    ports = [{"listenAddress": _LOOPBACK, **port} for port in node.get("extraPortMappings", ())]
    if ports:
        made["extraPortMappings"] = ports
    if _role(node) == _CONTROL_PLANE:
        made["extraMounts"] = [*_mounts(paths), *node.get("extraMounts", ())]
    return made


def _mounts(paths: Paths) -> list[dict[str, Any]]:
    """Returns what the control plane's node has of ours: policy, audit folder, authority.

    kubeadm takes an authority that is there already; so our certificate is good from the start.
    """
    pki = "/etc/kubernetes/pki"
    return [
        {"hostPath": str(paths.policy), "containerPath": POLICY, "readOnly": True},
        {"hostPath": str(paths.audit_log.parent), "containerPath": EVIDENCE},
        *(
            {
                "hostPath": str(paths.pki / file),
                "containerPath": f"{pki}/{file}",
                "readOnly": True,
            }
            for file in ("ca.crt", "ca.key")
        ),
    ]


def _patches(*, durable: bool) -> list[str]:
    """Returns the patches of kubeadm's configuration, for both versions that kind may write.

    kind applies the one whose apiVersion fits: v1beta3 holds arguments as a mapping, v1beta4
    (Kubernetes 1.36 and newer) as a list.
    """
    return [
        yaml.dump(_cluster_configuration(version, durable=durable), Dumper=_Dumper, sort_keys=False)
        for version in ("v1beta3", "v1beta4")
    ]


def _cluster_configuration(version: str, *, durable: bool) -> dict[str, Any]:
    def arguments(given: dict[str, str]) -> dict[str, str] | list[dict[str, str]]:
        if version == "v1beta3":
            return given
        return [{"name": name, "value": value} for name, value in given.items()]

    return {
        "apiVersion": f"kubeadm.k8s.io/{version}",
        "kind": "ClusterConfiguration",
        "apiServer": {
            "extraArgs": arguments(_apiserver_arguments()),
            "extraVolumes": [_volume("policy", POLICY, read_only=True), _volume("audit", EVIDENCE)],
        },
        "controllerManager": {"extraArgs": arguments(_FAST)},
        "scheduler": {"extraArgs": arguments(_FAST)},
        "etcd": {
            "local": {"extraArgs": arguments({"unsafe-no-fsync": "false" if durable else "true"})}
        },
    }


def _apiserver_arguments() -> dict[str, str]:
    """Returns what `local` gives its API server, too."""
    return {
        # kubeadm's own, which the patch replaces together with the rest of the flag
        "enable-admission-plugins": "NodeRestriction,OwnerReferencesPermissionEnforcement",
        "event-ttl": "5m",
        "audit-policy-file": f"{POLICY}/audit-policy.yaml",
        "audit-log-path": f"{EVIDENCE}/audit.log",
        "audit-log-format": "json",
        "audit-log-mode": "blocking",  # a killed API server loses nothing that it did
        "audit-log-maxsize": "1024",
        "audit-log-maxbackup": "0",
        "audit-log-maxage": "0",
    }


def _volume(name: str, path: str, *, read_only: bool = False) -> dict[str, Any]:
    return {
        "name": f"harness-{name}",
        "hostPath": path,
        "mountPath": path,
        "readOnly": read_only,
        "pathType": "Directory",
    }
