"""A real kind cluster: made, used, and gone without a trace."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tarfile
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.clock import SYSTEM_CLOCK
from harness.command import run
from harness.errors import ApiError, ClusterError
from harness.evidence.ndjson import read_ndjson
from harness.kube.watch import await_object
from harness.model.cluster import Capability
from harness.model.records import StageRecord
from harness.model.resource import Resource
from harness.tests.clusters.conftest import new_run
from harness.tests.clusters.kind.real import KindLive, engine_has
from harness.tests.guard.processes import is_running

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.kind

CONFIG_MAP = Resource(
    group="", version="v1", plural="configmaps", kind="ConfigMap", namespaced=True
)
NODE = Resource(group="", version="v1", plural="nodes", kind="Node", namespaced=False)
CRD = Resource(
    group="apiextensions.k8s.io",
    version="v1",
    plural="customresourcedefinitions",
    kind="CustomResourceDefinition",
    namespaced=False,
)
THING = Resource(group="example.org", version="v1", plural="things", kind="Thing", namespaced=True)


@pytest.fixture(scope="module")
def live(
    home: Path,  # noqa: ARG001 - set before any state folder is made
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[KindLive]:
    """One cluster for the tests that don't break it."""
    made = KindLive(name="shared", run=new_run(tmp_path_factory.mktemp("runs")))
    yield made
    made.close()


def audit_users(live: KindLive) -> set[str]:
    assert live.cluster.audit_log is not None
    lines = Path(live.cluster.audit_log).read_bytes().splitlines()
    return {json.loads(line)["user"]["username"] for line in lines if line.endswith(b"}")}


def test_it_is_a_real_cluster_that_is_ready(live: KindLive) -> None:
    (node,) = live.client.list(NODE).items
    assert {c["type"]: c["status"] for c in node["status"]["conditions"]}["Ready"] == "True"
    deployments = live.handle.kubectl(
        "get", "deployments", "-A", "-o", "jsonpath={.items[*].status.availableReplicas}"
    )
    assert deployments.split()
    assert all(int(replicas) > 0 for replicas in deployments.split()), "DNS, storage"
    assert live.cluster.server_version.startswith("v1.")
    assert Capability.KUBELET in live.cluster.capabilities


def test_it_is_reached_on_the_loopback_by_a_private_file(live: KindLive) -> None:
    assert live.cluster.server.startswith("https://127.0.0.1:")
    assert stat.S_IMODE(Path(live.cluster.kubeconfig).stat().st_mode) == 0o600
    assert stat.S_IMODE(live.state_dir.stat().st_mode) == 0o700
    ports = run(("docker", "port", f"{live.kind_name}-control-plane"), timeout=60).output
    assert all("127.0.0.1:" in line for line in ports.splitlines())


def test_it_leaves_the_folder_where_the_caller_stands_alone(live: KindLive) -> None:
    assert live.cluster
    assert not Path(".pytest-kind").exists()


def test_all_that_happens_is_audited_under_a_name_that_is_known(live: KindLive) -> None:
    live.client.list(NODE)
    known = {live.cluster.harness_identity}
    for names in live.cluster.controller_identities.values():
        known.update(names)
    users = audit_users(live)
    assert live.cluster.harness_identity in users
    assert "system:kube-controller-manager" in users
    unknown = {
        user
        for user in users - {"system:anonymous"}  # probes of the kubelet
        if not any(fnmatch(user, pattern) for pattern in known)
    }
    assert unknown == set()


def test_the_audit_log_is_ours_to_read_and_private(live: KindLive) -> None:
    assert live.run is not None
    assert live.cluster.audit_log == str(live.run.audit_log)
    about = live.run.audit_log.stat()
    assert (about.st_uid, stat.S_IMODE(about.st_mode)) == (os.getuid(), 0o600)


def test_who_may_not_delete_an_owner_may_not_block_its_deletion(live: KindLive) -> None:
    flags = live.handle.kubectl(
        *("get", "pods", "-n", "kube-system", "-l", "component=kube-apiserver"),
        *("-o", "jsonpath={.items[0].spec.containers[0].command}"),
    )
    assert "OwnerReferencesPermissionEnforcement" in flags


def archive(folder: Path, name: str) -> Path:
    """Writes an image of one small file, as `docker save` would."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("hello"), io.BytesIO())
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    ).encode()
    files = {
        "layer.tar": layer.getvalue(),
        "config.json": config,
        "manifest.json": json.dumps(
            [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
        ).encode(),
    }
    file = folder / "image.tar"
    with tarfile.open(file, mode="w") as tar:
        for member, content in files.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file


def test_an_image_is_loaded_from_an_archive(live: KindLive, tmp_path: Path) -> None:
    name = "example.org/made-here:1"
    live.provider.load_image(live.cluster, live.guard, archive(tmp_path, name))
    argv = ("docker", "exec", f"{live.kind_name}-control-plane", "ctr", "-n", "k8s.io")
    assert name in run((*argv, "images", "ls", "-q"), timeout=60).output


def test_a_broken_archive_is_an_error(live: KindLive, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tar"
    broken.write_bytes(b"no archive")
    with pytest.raises(ClusterError, match="can't be loaded into the nodes"):
        live.provider.load_image(live.cluster, live.guard, broken)


def thing_crd() -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.org"},
        "spec": {
            "group": "example.org",
            "names": {"plural": "things", "kind": "Thing"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def test_a_kind_that_was_installed_just_now_is_collected_with_what_it_owns(
    live: KindLive,
) -> None:
    live.client.create(CRD, thing_crd())
    await_object(
        live.client.connection,
        CRD,
        "things.example.org",
        "",
        lambda found: "Established" in str((found or {}).get("status", {}).get("conditions")),
        timeout=30,
    )
    begin = SYSTEM_CLOCK.now().mono_ns
    live.provider.learn_kinds(live.cluster, live.guard)
    learned = SYSTEM_CLOCK.now().mono_ns
    body = {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "owner"}}
    owner = live.client.create(THING, body, namespace="default")
    reference = {
        "apiVersion": "example.org/v1",
        "kind": "Thing",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
    }
    child = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "owned", "ownerReferences": [reference]},
    }
    live.client.create(CONFIG_MAP, child, namespace="default")
    live.client.delete(THING, "owner", "default")
    await_object(
        live.client.connection,
        CONFIG_MAP,
        "owned",
        "default",
        lambda found: found is None,
        timeout=20,
    )
    gone = SYSTEM_CLOCK.now().mono_ns
    print(f"learn_kinds {(learned - begin) / 1e9:.1f} s, collected {(gone - learned) / 1e9:.1f} s")  # noqa: T201 - figures for people


def test_the_api_server_can_be_killed_and_started_again(live: KindLive) -> None:
    begin = SYSTEM_CLOCK.now().mono_ns
    live.provider.stop_component(live.cluster, live.guard, "kube-apiserver", sig=9)
    with pytest.raises(ApiError):
        live.client.version()
    stopped = SYSTEM_CLOCK.now().mono_ns
    live.provider.start_component(live.cluster, live.guard, "kube-apiserver")
    started = SYSTEM_CLOCK.now().mono_ns
    assert live.client.version() == live.cluster.server_version
    print(f"stopped {(stopped - begin) / 1e9:.1f} s, started {(started - stopped) / 1e9:.1f} s")  # noqa: T201 - figures for people


def test_an_unknown_component_is_an_error_that_lists_the_known(live: KindLive) -> None:
    with pytest.raises(ClusterError, match="no component 'kube-proxi'") as error:
        live.provider.stop_component(live.cluster, live.guard, "kube-proxi")
    assert "kube-apiserver" in error.value.hint


def test_a_port_is_forwarded_to_a_pod_on_the_loopback(live: KindLive) -> None:
    where = ("-n", "kube-system")
    with live.handle.port_forward("deployment/coredns", 9153, *where) as port:
        answer = run(("curl", "-s", f"http://127.0.0.1:{port}/metrics"), timeout=20).output
    assert "coredns_build_info" in answer


def test_logs_of_nodes_and_pods_are_saved_where_a_run_fails(live: KindLive) -> None:
    assert live.run is not None
    files = live.provider.save_logs(live.cluster, live.guard)
    names = {file.name for file in files}
    assert "kubelet.log" in names
    assert any("kube-apiserver" in str(file) for file in files)
    assert all(file.is_relative_to(live.run.components) for file in files)
    assert b"PRIVATE KEY" not in b"".join(file.read_bytes() for file in files)


def test_a_cluster_is_gone_without_a_trace_and_costs_little_beside_kind(
    home: Path,  # noqa: ARG001 - set before any state folder is made
    tmp_path: Path,
) -> None:
    folder = new_run(tmp_path)
    made = KindLive(name="brief", run=folder)
    kind_name, state = made.kind_name, made.state_dir
    assert engine_has(kind_name)
    pids = [status.pid for status in made.guard.processes()]
    made.close()
    assert engine_has(kind_name) == []
    assert not state.exists()
    assert not any(is_running(pid) for pid in pids)
    assert folder.audit_log.stat().st_size > 0, "evidence stays"
    records = list(read_ndjson(folder.cluster_calls_file, StageRecord))
    whole = {r.name: r.span.seconds for r in records if r.name in {"create", "delete"}}
    called = sum(r.span.seconds for r in records if r.name not in whole)
    for record in records:
        print(f"{record.span.seconds:7.2f} s  {record.name}")  # noqa: T201 - figures for people
    outside = sum(whole.values()) - called
    print(f"{outside:7.2f} s  outside kind and docker")  # noqa: T201 - figures for people
    assert set(whole) == {"create", "delete"}
    assert outside <= 1.0
