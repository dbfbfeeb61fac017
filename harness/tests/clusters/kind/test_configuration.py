"""The kind config, as it's written, and what of a user's own is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.clusters.kind.configuration import Paths, Wish, read_kind_config, render
from harness.clusters.local.configuration import Paths as LocalPaths
from harness.clusters.local.configuration import render as render_local
from harness.clusters.local.ports import Ports
from harness.errors import UsageError

GOLDEN = Path(__file__).with_name("golden") / "kind.yaml"
PATHS = Paths(
    state=Path("/state/1a2b3c4d"),
    audit_log=Path("/runs/1/evidence/audit.log"),
    logs=Path("/runs/1/evidence/components"),
)


def rendered(**changes: Any) -> dict[str, Any]:
    wish = Wish(**{"name": "harness-1a2b3c4d", "image": "kindest/node:v1.34.4", **changes})
    document = yaml.safe_load(render(PATHS, wish))
    assert isinstance(document, dict)
    return document


def cluster_configuration(document: dict[str, Any], version: str) -> dict[str, Any]:
    patches = [yaml.safe_load(patch) for patch in document["kubeadmConfigPatches"]]
    found: dict[str, Any] = next(
        patch for patch in patches if patch["apiVersion"] == f"kubeadm.k8s.io/{version}"
    )
    return found


def test_it_is_written_as_committed() -> None:
    wish = Wish(name="harness-1a2b3c4d", image="node:v1", workers=1, own_network=True)
    assert render(PATHS, wish) == GOLDEN.read_text()


def test_the_api_server_listens_on_the_loopback_only() -> None:
    assert rendered()["networking"] == {"apiServerAddress": "127.0.0.1"}


def test_the_node_has_nothing_of_ours_but_policy_evidence_and_authority() -> None:
    (node,) = rendered()["nodes"]
    mounts = {mount["hostPath"]: mount for mount in node["extraMounts"]}
    assert set(mounts) == {
        "/state/1a2b3c4d/policy",
        "/runs/1/evidence",
        "/state/1a2b3c4d/pki/ca.crt",
        "/state/1a2b3c4d/pki/ca.key",
    }
    assert [path for path, mount in mounts.items() if not mount.get("readOnly")] == [
        "/runs/1/evidence"
    ]


def local_flags(prefix: str) -> dict[str, str]:
    """Returns the API server's flags on `local` that begin like this."""
    paths = LocalPaths(state=Path("/s"), audit_log=Path("/e/audit.log"), logs=Path("/l"))
    names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "etcd")
    binaries = {name: Path("/bin") / name for name in (*names, "etcdctl", "kwok")}
    ports = Ports(apiserver=1, etcd=2, etcd_peer=3, controller_manager=4, scheduler=5, kwok=6)
    document = next(yaml.safe_load_all(render_local(paths, ports, binaries, durable=False)))
    patch = next(p for p in document["componentsPatches"] if p["name"] == "kube-apiserver")
    return {
        argument["key"]: argument["value"]
        for argument in patch["extraArgs"]
        if argument["key"].startswith(prefix)
    }


@pytest.mark.parametrize("prefix", ["audit-log-m", "audit-log-format", "event-ttl"])
def test_the_api_server_has_the_flags_that_it_has_on_local(prefix: str) -> None:
    patch = cluster_configuration(rendered(), "v1beta3")
    flags = patch["apiServer"]["extraArgs"]
    wanted = local_flags(prefix)
    assert wanted
    assert {key: flags[key] for key in wanted} == wanted


def test_owner_references_are_guarded_as_on_local() -> None:
    flags = cluster_configuration(rendered(), "v1beta3")["apiServer"]["extraArgs"]
    for plugin in local_flags("enable-admission-plugins").values():
        assert plugin in flags["enable-admission-plugins"].split(",")


def test_both_forms_of_kubeadms_configuration_say_the_same() -> None:
    document = rendered()
    old, new = (cluster_configuration(document, version) for version in ("v1beta3", "v1beta4"))
    for path in (("apiServer",), ("controllerManager",), ("scheduler",), ("etcd", "local")):
        before, after = old, new
        for part in path:
            before, after = before[part], after[part]
        listed = {entry["name"]: entry["value"] for entry in after["extraArgs"]}
        assert listed == before["extraArgs"]


@pytest.mark.parametrize(("durable", "flag"), [(True, "false"), (False, "true")])
def test_etcd_waits_for_the_disk_only_where_it_is_asked_to(durable: bool, flag: str) -> None:  # noqa: FBT001 - a case
    patch = cluster_configuration(rendered(durable=durable), "v1beta3")
    assert patch["etcd"]["local"]["extraArgs"]["unsafe-no-fsync"] == flag


def test_workers_come_after_the_control_plane_and_have_no_mounts() -> None:
    first, *workers = rendered(workers=2)["nodes"]
    assert first["role"] == "control-plane"
    assert [worker["role"] for worker in workers] == ["worker", "worker"]
    assert all("extraMounts" not in worker for worker in workers)


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.yaml"
    file.write_text(f"kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n{text}")
    return file


def test_a_users_config_is_merged(tmp_path: Path) -> None:
    text = """
featureGates: {InPlacePodVerticalScaling: true}
networking: {podSubnet: 10.9.0.0/16}
nodes:
- role: control-plane
  extraMounts: [{hostPath: /mine, containerPath: /mine}]
  extraPortMappings: [{containerPort: 80, hostPort: 8080}]
kubeadmConfigPatches: ["kind: ClusterConfiguration\\napiServer: {extraArgs: {v: '4'}}"]
"""
    document = rendered(extra=read_kind_config(written(tmp_path, text)))
    assert document["featureGates"] == {"InPlacePodVerticalScaling": True}
    assert document["networking"] == {
        "apiServerAddress": "127.0.0.1",
        "podSubnet": "10.9.0.0/16",
    }
    (node,) = document["nodes"]
    assert node["extraMounts"][-1]["hostPath"] == "/mine"
    assert node["extraPortMappings"] == [
        {"listenAddress": "127.0.0.1", "containerPort": 80, "hostPort": 8080}
    ]
    assert "extraArgs: {v: '4'}" in document["kubeadmConfigPatches"][-1], "a user's come last"
    assert document["name"] == "harness-1a2b3c4d"


REFUSED = {
    "nodes: [{role: control-plane}, {role: control-plane}]": "2 control planes",
    "networking: {apiServerAddress: 0.0.0.0}": "apiServerAddress",
    "nodes: {role: worker}": "nodes must be a list",
    "networking: []": "networking must be a mapping",
    "a: [": "can't be read",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_hold_is_refused_with_the_reason(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=REFUSED[text]):
        read_kind_config(written(tmp_path, text))


def test_a_file_that_is_no_kind_config_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    with pytest.raises(UsageError, match="can't be read"):
        read_kind_config(file)
    file.write_text("kind: Pod")
    with pytest.raises(UsageError, match="is no kind config"):
        read_kind_config(file)
    file.write_text("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha3")
    with pytest.raises(UsageError, match="v1alpha4"):
        read_kind_config(file)
