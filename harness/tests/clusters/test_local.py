"""A real local cluster at work."""

from __future__ import annotations

import json
import signal
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.clock import SYSTEM_CLOCK
from harness.clusters.local.components import components_of, find_component
from harness.clusters.local.configuration import CLUSTER_NAME
from harness.errors import ClusterError
from harness.kube.watch import await_object
from harness.tests.clusters.conftest import Live, new_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.assets import AssetSet
    from harness.model.resource import Resource

pytestmark = pytest.mark.controlplane


def work(live: Live) -> Path:
    return live.state_dir / "clusters" / CLUSTER_NAME


def audit(live: Live) -> Iterator[dict[str, Any]]:
    for line in Path(live.cluster.audit_log or "").read_text().splitlines():
        yield json.loads(line)


def deployment(name: str, replicas: int) -> dict[str, Any]:
    labels = {"app": name}
    pod = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": "any"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod},
    }


def is_available(found: dict[str, Any] | None) -> bool:
    status, spec = (found or {}).get("status", {}), (found or {}).get("spec", {})
    return bool(status.get("availableReplicas") == spec.get("replicas"))


def await_available(live: Live, resource: Resource, name: str) -> None:
    await_object(live.client.connection, resource, name, "default", is_available, timeout=30)


def await_gone(live: Live, resource: Resource, name: str, namespace: str = "default") -> None:
    connection = live.client.connection
    await_object(connection, resource, name, namespace, lambda found: found is None, timeout=30)


def test_it_says_what_it_is(live: Live) -> None:
    cluster = live.cluster
    assert cluster.server_version.startswith("v1.")
    assert {str(capability) for capability in cluster.capabilities} == {
        "gc",
        "workloads",
        "audit",
        "restart_apiserver",
        "snapshot",
    }
    assert any("--unsafe-no-fsync" in fact for fact in cluster.facts)
    assert any("No kubelet" in spot for spot in cluster.blind_spots)
    assert {part.name for part in cluster.components} >= {"etcd", "kube-apiserver", "kwok"}
    assert stat.S_IMODE(Path(cluster.kubeconfig).stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(cluster.state_dir).stat().st_mode) == 0o700


def test_everything_listens_on_loopback_only(live: Live) -> None:
    pids = {part.pid() for part in components_of(work(live)).values()}
    sockets = {
        str(fd.readlink())
        for pid in pids
        for fd in Path(f"/proc/{pid}/fd").iterdir()
        if fd.is_symlink()
    }
    listening = "0A"
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == listening and f"socket:[{fields[9]}]" in sockets:
                assert table == "tcp"
                assert fields[1].startswith("0100007F:"), "127.0.0.1"


def test_a_deployment_becomes_available_and_its_pods_go_with_it(live: Live) -> None:
    deployments, pods = live.client.resource("deployments.apps"), live.client.resource("pods")
    live.client.create(deployments, deployment("web", 3))
    await_available(live, deployments, "web")
    made = live.client.list(pods, "default", labels="app=web").items
    assert len(made) == 3
    live.client.delete(deployments, "web", "default")
    for pod in made:
        await_gone(live, pods, pod["metadata"]["name"])


def test_claims_get_volumes_and_give_them_back(live: Live) -> None:
    claims = live.client.resource("persistentvolumeclaims")
    volumes = live.client.resource("persistentvolumes")
    body = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    live.client.create(claims, body)
    bound = await_object(
        live.client.connection,
        claims,
        "data",
        "default",
        lambda found: (found or {}).get("status", {}).get("phase") == "Bound",
        timeout=30,
    )
    assert bound is not None
    live.client.delete(claims, "data", "default")
    await_gone(live, volumes, bound["spec"]["volumeName"], "")


def test_load_balancers_and_jobs_come_to_an_end(live: Live) -> None:
    services, jobs = live.client.resource("services"), live.client.resource("jobs.batch")
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "front", "namespace": "default"},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
    }
    pod = {"containers": [{"name": "main", "image": "any"}], "restartPolicy": "Never"}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once", "namespace": "default"},
        "spec": {"template": {"spec": pod}},
    }
    live.client.create(services, service)
    live.client.create(jobs, job)
    await_object(
        live.client.connection,
        services,
        "front",
        "default",
        lambda found: bool((found or {}).get("status", {}).get("loadBalancer", {}).get("ingress")),
        timeout=30,
    )
    await_object(
        live.client.connection,
        jobs,
        "once",
        "default",
        lambda found: (found or {}).get("status", {}).get("succeeded") == 1,
        timeout=30,
    )


def test_the_audit_log_tells_the_controllers_apart(live: Live) -> None:
    deployments = live.client.resource("deployments.apps")
    live.client.create(deployments, deployment("seen", 1))
    await_available(live, deployments, "seen")
    writers: dict[str, set[str]] = {}
    for call in audit(live):
        resource = call.get("objectRef", {}).get("resource", "")
        sub = call.get("objectRef", {}).get("subresource", "")
        if call["verb"] in {"create", "update", "patch"}:
            writers.setdefault(f"{resource}/{sub}".strip("/"), set()).add(call["user"]["username"])
    account = "system:serviceaccount:kube-system"
    assert f"{account}:deployment-controller" in writers["replicasets"]
    assert f"{account}:replicaset-controller" in writers["pods"]
    assert writers["pods/binding"] == {"system:kube-scheduler"}
    assert "system:kwok-controller" in writers["pods/status"]
    assert "operator-harness" in writers["deployments"]


def test_bodies_of_secrets_are_not_in_the_audit_log(live: Live) -> None:
    secrets = live.client.resource("secrets")
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "canary", "namespace": "default"},
        "stringData": {"password": "canary-7c1f"},
    }
    live.client.create(secrets, body)
    text = Path(live.cluster.audit_log or "").read_text()
    assert '"name":"canary"' in text
    assert "canary-7c1f" not in text
    assert "Y2FuYXJ5LTdjMWY" not in text


def test_open_watches_are_in_the_audit_log(live: Live) -> None:
    assert any(
        call["verb"] == "watch" and call["stage"] == "ResponseStarted" for call in audit(live)
    )


def test_logs_of_components_are_evidence(live: Live) -> None:
    assert live.run is not None
    logs = {path.name: path.stat().st_size for path in live.run.components.iterdir()}
    assert set(logs) == {f"{name}.log" for name in components_of(work(live))}
    assert logs["kube-apiserver.log"] > 0


def test_a_component_can_be_stopped_and_started(live: Live) -> None:
    deployments = live.client.resource("deployments.apps")
    live.provider.stop_component(live.cluster, live.guard, "kube-scheduler")
    assert not find_component(work(live), "kube-scheduler").is_running()
    live.client.create(deployments, deployment("later", 1))
    live.provider.start_component(live.cluster, live.guard, "kube-scheduler")
    await_available(live, deployments, "later")


def test_pods_run_at_once_when_a_killed_kwok_is_started_again(live: Live) -> None:
    deployments = live.client.resource("deployments.apps")
    live.provider.stop_component(live.cluster, live.guard, "kwok", sig=signal.SIGKILL)
    live.client.create(deployments, deployment("meanwhile", 1))
    live.provider.start_component(live.cluster, live.guard, "kwok")
    await_available(live, deployments, "meanwhile")


def test_the_server_can_be_killed_and_comes_back_with_its_data(live: Live) -> None:
    before = find_component(work(live), "kube-apiserver").pid()
    live.provider.stop_component(live.cluster, live.guard, "kube-apiserver", sig=signal.SIGKILL)
    live.provider.start_component(live.cluster, live.guard, "kube-apiserver")
    assert find_component(work(live), "kube-apiserver").pid() != before
    deployments = live.client.resource("deployments.apps")
    live.client.create(deployments, deployment("after", 1))
    await_available(live, deployments, "after")


def test_an_unknown_component_is_an_error_that_lists_them(live: Live) -> None:
    with pytest.raises(ClusterError, match="'kubelet'") as error:
        live.provider.stop_component(live.cluster, live.guard, "kubelet")
    assert "kube-apiserver" in error.value.hint


def test_two_made_at_the_same_time_are_apart(
    home: Path,  # noqa: ARG001 - set before any state folder is made
    assets: AssetSet,
    tmp_path: Path,
) -> None:
    def make(name: str) -> Live:
        return Live(name=name, assets=assets, run=new_run(tmp_path / name))

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(make, ("one", "two"))
    try:
        ports = [{part.port for part in components_of(work(each)).values()} for each in (one, two)]
        assert len(ports[0] | ports[1]) == 10
        assert one.cluster.id != two.cluster.id
        assert Path(one.cluster.ca_file).read_bytes() != Path(two.cluster.ca_file).read_bytes()
        for each in (one, two):
            maps = each.client.resource("configmaps")
            body = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": each.cluster.name, "namespace": "default"},
            }
            each.client.create(maps, body)
        assert one.client.find(one.client.resource("configmaps"), "two", "default") is None
    finally:
        for each in (one, two):
            each.close()


def test_deleting_takes_a_moment_and_leaves_the_evidence(
    home: Path,  # noqa: ARG001 - set before any state folder is made
    assets: AssetSet,
    tmp_path: Path,
) -> None:
    run = new_run(tmp_path)
    made = Live(name="short", assets=assets, run=run)
    pids = [part.pid() for part in components_of(work(made)).values()]
    made.client.connection.close()
    begin = SYSTEM_CLOCK.now().mono_ns
    made.provider.delete(made.cluster, made.guard)
    seconds = (SYSTEM_CLOCK.now().mono_ns - begin) / 1e9
    made.guard.close()
    assert seconds < 30, "0.15 s on an idle machine"
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not made.state_dir.exists()
    assert run.audit_log.stat().st_size > 0
    assert (run.components / "etcd.log").stat().st_size > 0
