"""Real operators on a real control plane: installed, handled, taken away."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml

from harness import command
from harness.assets import AssetSet, Component, resolve
from harness.clock import SYSTEM_CLOCK
from harness.clusters import new_state_dir, provider
from harness.errors import ApiError, ClusterError, InstallFault, TargetError
from harness.evidence.folder import RunFolder
from harness.guard import Guard
from harness.installers import NotReady, render
from harness.installers.process import installer as installer_module
from harness.installers.process.control import OperatorControl
from harness.installers.process.installer import ProcessInstaller
from harness.kube.client import KubeClient
from harness.kube.watch import await_object
from harness.resources import bundled
from harness.settings import Settings, Timeouts
from harness.targets import load
from harness.tests.installers.samples import container, deployment, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model.cluster import Cluster
    from harness.model.installation import Installation
    from harness.model.target import Target

pytestmark = pytest.mark.controlplane

GUESTBOOKS = "guestbooks.webapp.tutorial.kubebuilder.io"
SYSTEM = "guestbook-system"
CANARY = "canary-7f3a91-secret"


class Bench:
    """A cluster, and what it takes to install something in it."""

    def __init__(self, folder: Path, assets: AssetSet) -> None:
        self.assets = assets
        self.run = RunFolder.create(folder, suite="x", target="x", now=SYSTEM_CLOCK.now())
        state = new_state_dir()
        self.guard = Guard.start(state_dir=state, evidence=self.run.evidence)
        try:
            self.cluster: Cluster = provider(Settings()).create(
                name="bench",
                run=self.run,
                assets=assets,
                guard=self.guard,
                state_dir=state,
            )
        except BaseException:
            self.guard.close()
            raise
        self.client = KubeClient.from_kubeconfig(Path(self.cluster.kubeconfig))

    def installer(self, chosen: Target, **timeouts: float) -> ProcessInstaller:
        return ProcessInstaller(
            target=chosen,
            cluster=self.cluster,
            client=self.client,
            guard=self.guard,
            run=self.run,
            assets=self.assets,
            timeouts=Timeouts(**timeouts),
            on_progress=lambda _: None,
        )

    def control(self, installation: Installation) -> OperatorControl:
        """As another process of the run makes it."""
        return OperatorControl(
            installation=installation,
            cluster=self.cluster,
            client=KubeClient.from_kubeconfig(Path(self.cluster.kubeconfig)),
            guard=Guard.connect(self.guard.socket),
        )

    def close(self) -> None:
        self.client.connection.close()
        provider(Settings()).delete(self.cluster, self.guard)
        self.guard.close()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        if "HARNESS_TEST_ASSETS" in os.environ:
            patch.setenv("KUBEBUILDER_ASSETS", os.environ["HARNESS_TEST_ASSETS"])
        made = Bench(folder / "runs", resolve(build=False))
        yield made
        made.close()


# A real operator: guestbook


@pytest.fixture(scope="module")
def guestbook(tmp_path_factory: pytest.TempPathFactory) -> Target:
    """The bundled operator, built in a copy of its folder."""
    if command.which("go") is None:
        pytest.skip("needs Go, to build guestbook")
    folder = tmp_path_factory.mktemp("source") / "guestbook"
    shutil.copytree(bundled("operators_under_test", "guestbook"), folder)
    build = ["go", "build", "-trimpath", "-o", "bin/manager", "./cmd"]
    command.run(build, timeout=600, cwd=folder)
    return load(str(folder))


@pytest.fixture(scope="module")
def installed(bench: Bench, guestbook: Target) -> Iterator[Installation]:
    manifests = render(guestbook, kubectl=bench.assets.path(Component.KUBECTL))
    installer = bench.installer(guestbook)
    made = installer.install(manifests)
    yield made
    installer.uninstall()
    for item in made.objects:
        resource = bench.client.resource_of(item.api_version, item.kind)
        if item.kind != "Namespace":  # which ends when all in it has ended
            await_object(
                bench.client.connection,
                resource,
                item.key.name,
                item.key.namespace,
                lambda obj: obj is None,
                timeout=30,
            )


@pytest.fixture
def control(bench: Bench, installed: Installation) -> OperatorControl:
    return bench.control(installed)


def sample(guestbook: Target, name: str, **spec: Any) -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load(Path(guestbook.kinds[0].samples[0]).read_text())
    made["metadata"] = {"name": name, "namespace": "default"}
    made["spec"].update(spec)
    return made


def process_root(control: OperatorControl) -> Path:
    return Path("/proc", str(control.status()[0].pid), "root")


def token(control: OperatorControl) -> str:
    path = "run/secrets/kubernetes.io/serviceaccount/token"  # /var/run leads there
    return (process_root(control) / path).read_text()


def claims(value: str) -> dict[str, Any]:
    body = value.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def test_it_leads_under_its_pods_name_and_its_health_is_known(
    bench: Bench, installed: Installation, control: OperatorControl
) -> None:
    (workload,) = installed.workloads
    assert workload.service_account == f"system:serviceaccount:{SYSTEM}:{workload.name}"
    (lease,) = workload.leases
    assert lease.startswith(f"{SYSTEM}/")
    assert control.holder() == workload.process
    assert set(workload.health) == {"readinessProbe", "livenessProbe"}
    assert workload.metrics is not None
    assert workload.metrics.url.startswith("https://127.0.0.1:")
    assert Path(bench.run.evidence, workload.log).exists()


def test_its_token_is_bound_to_its_pod(installed: Installation, control: OperatorControl) -> None:
    assert claims(token(control))["kubernetes.io"]["pod"]["name"] == installed.workloads[0].pod


def test_every_change_is_listed_and_no_secret(bench: Bench, installed: Installation) -> None:
    said = msgspec.json.encode(installed).decode()
    subjects = " ".join(change.subject for change in installed.alterations)
    for part in ("--webhook-port", "--metrics-bind-address", "Certificate", "Mutating", "command"):
        assert part in subjects
    assert "PRIVATE KEY" not in said
    launch = Path(installed.launch_file)
    assert launch.stat().st_mode & 0o777 == 0o600
    assert launch.is_relative_to(bench.cluster.state_dir)
    assert "PRIVATE KEY" not in launch.read_text()


def test_it_reconciles_its_sample(bench: Bench, guestbook: Target, installed: Installation) -> None:
    assert installed
    resource = bench.client.resource(GUESTBOOKS)
    bench.client.create(resource, sample(guestbook, "first"))

    def is_ready(obj: dict[str, Any] | None) -> bool:
        conditions = ((obj or {}).get("status") or {}).get("conditions") or ()
        return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)

    await_object(bench.client.connection, resource, "first", "default", is_ready, timeout=30)
    bench.client.delete(resource, "first", "default")
    await_object(
        bench.client.connection, resource, "first", "default", lambda obj: obj is None, timeout=30
    )


def test_its_webhook_refuses_what_it_should(
    bench: Bench, guestbook: Target, installed: Installation
) -> None:
    assert installed
    resource = bench.client.resource(GUESTBOOKS)
    with pytest.raises(ApiError, match=r"admission webhook .* denied"):
        bench.client.create(resource, sample(guestbook, "bad", image="nginx:latest"))


def test_a_restart_keeps_the_pod_and_brings_a_fresh_token(
    installed: Installation, control: OperatorControl
) -> None:
    before, pid = token(control), control.status()[0].pid
    control.restart()
    control.await_ready(timeout=30)
    after = token(control)
    assert control.status()[0].pid != pid
    assert after != before
    assert claims(after)["kubernetes.io"]["pod"]["name"] == installed.workloads[0].pod
    assert control.holder() == installed.workloads[0].process


def test_a_token_is_replaced_in_place_and_the_old_one_ends(
    bench: Bench, installed: Installation, control: OperatorControl
) -> None:
    rotation = control.rotation()
    rotation.begin()
    control.await_ready(timeout=30)
    old, pid = token(control), control.status()[0].pid
    assert set(claims(old)["kubernetes.io"]) == {"namespace", "secret", "serviceaccount"}
    rotation.replace()
    new = token(control)
    assert claims(new)["kubernetes.io"]["pod"]["name"] == installed.workloads[0].pod
    assert bench.client.accepts(old)
    assert bench.client.accepts(new)
    rotation.revoke(timeout=30)
    assert not bench.client.accepts(old)
    assert bench.client.accepts(new)
    assert control.status()[0].pid == pid
    secrets = bench.client.list(bench.client.resource("secrets"), SYSTEM).items
    assert [item for item in secrets if "token" in item["metadata"]["name"]] == []
    control.restart()
    control.await_ready(timeout=30)
    assert "pod" in claims(token(control))["kubernetes.io"]


def test_a_second_copy_becomes_ready_and_does_not_lead(
    installed: Installation, control: OperatorControl
) -> None:
    copy = control.start_replica()
    control.await_ready(timeout=30)
    assert {item.name for item in control.status() if item.running} == {
        installed.workloads[0].process,
        copy,
    }
    assert control.holder() == installed.workloads[0].process
    control.stop_replica(copy)
    control.await_ready(timeout=30)
    assert [item.name for item in control.status()] == [installed.workloads[0].process]


def test_a_paused_operator_says_so_by_its_probes_and_goes_on(control: OperatorControl) -> None:
    control.pause()
    with pytest.raises(NotReady, match="readinessProbe"):
        control.await_ready(timeout=0.1)
    control.resume()
    control.await_ready(timeout=30)


def test_a_stopped_operator_is_not_ready_at_once(control: OperatorControl) -> None:
    control.stop()
    with pytest.raises(NotReady, match="ended when it was asked to, with exit code 0"):
        control.await_ready(timeout=30)
    control.start()
    control.await_ready(timeout=30)
    assert any("Starting workers" in line for line in control.log_tail(200))


# Operators of a few lines, that fail in their own ways


def script(folder: Path, text: str) -> Target:
    program = folder / "bin" / "op"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    made = target(folder)
    workload = msgspec.structs.replace(made.workloads[0], metrics=None)
    return msgspec.structs.replace(made, name=folder.name, workloads=(workload,))


def manifests(folder: Path, *containers: dict[str, Any], **spec: Any) -> list[dict[str, Any]]:
    namespace = f"x-{folder.name.replace('_', '-')[-30:].strip('-')}"
    return [deployment(*containers, namespace=namespace, **spec)]


def test_an_operator_that_ends_at_start_is_found_at_once_with_its_log(
    bench: Bench, tmp_path: Path
) -> None:
    chosen = script(tmp_path, "echo 'no way to the API server' >&2; exit 3")
    start = SYSTEM_CLOCK.now()
    installer = bench.installer(chosen, ready=600)
    assert installer.so_far() is None
    with pytest.raises(InstallFault) as error:
        installer.install(manifests(tmp_path))
    finding = error.value.finding
    assert finding.check == "INS-002"
    assert "ends at start" in finding.title
    assert "exit code 3" in finding.title
    assert "no way to the API server" in finding.detail
    assert finding.evidence[0].file.startswith("evidence/operator/")
    assert (SYSTEM_CLOCK.now().mono_ns - start.mono_ns) / 1e9 < 300, "not by the time-out"
    known = installer.so_far()
    assert known is not None
    assert not known.complete
    assert [item.kind for item in known.objects][-1] == "Deployment"
    assert all(name.startswith("system:serviceaccount:x-") for name in known.identities)


def test_an_operator_whose_probe_never_answers_is_found_with_what_it_said(
    bench: Bench, tmp_path: Path
) -> None:
    probe = {"httpGet": {"path": "/readyz", "port": 8081}}
    made = container(args=["--health-probe-bind-address=:8081"], readinessProbe=probe)
    with pytest.raises(InstallFault) as error:
        bench.installer(script(tmp_path, "exec sleep 60"), ready=0.5).install(
            manifests(tmp_path, made)
        )
    assert error.value.finding.check == "INS-002"
    assert "readinessProbe" in error.value.finding.title
    assert "refused" in error.value.finding.title
    bench.guard.stop("op", grace_s=1)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"made_up": True}, "made_up"),
        ({"nodeSelector": {"no-such": "node"}}, "didn't match"),
        ({"serviceAccountName": "absent"}, 'serviceaccount "absent" not found'),
    ],
)
def test_a_pod_that_no_cluster_would_run_is_the_manifests_fault(
    bench: Bench, tmp_path: Path, spec: dict[str, Any], said: str
) -> None:
    with pytest.raises(InstallFault) as error:
        bench.installer(script(tmp_path, "exec sleep 60"), install=8).install(
            manifests(tmp_path, **spec)
        )
    assert error.value.finding.check == "INS-001"
    assert said in error.value.finding.detail


def test_a_secret_that_is_not_there_is_the_manifests_fault(bench: Bench, tmp_path: Path) -> None:
    made = container(envFrom=[{"secretRef": {"name": "absent"}}])
    with pytest.raises(InstallFault, match="Secret 'absent' missing"):
        bench.installer(script(tmp_path, "exec sleep 60")).install(manifests(tmp_path, made))


def test_a_fixed_port_that_is_taken_is_named(bench: Bench, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        made = container(ports=[{"containerPort": port}])
        with pytest.raises(ClusterError, match=f"needs port {port} .* no flag"):
            bench.installer(script(tmp_path, "exec sleep 60")).install(manifests(tmp_path, made))


def test_unknown_kinds_stop_the_install_before_anything_is_applied(
    bench: Bench, tmp_path: Path
) -> None:
    wanted = manifests(tmp_path)
    monitor = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": "m", "namespace": wanted[0]["metadata"]["namespace"]},
    }
    with pytest.raises(TargetError, match="ServiceMonitor"):
        bench.installer(script(tmp_path, "true")).install([*wanted, monitor])
    namespaces = bench.client.resource("namespaces")
    assert bench.client.find(namespaces, wanted[0]["metadata"]["namespace"]) is None


WHOAMI = "$(dirname $0)/kubectl auth whoami -o jsonpath='{.status.userInfo.username}'; echo;"


@pytest.mark.parametrize("refused", ["", "no namespaces today"])
def test_secrets_stay_out_of_the_log_and_the_identity_is_the_pods(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    if refused:
        monkeypatch.setattr(installer_module, "namespaces_refused", lambda _: refused)
    chosen = script(tmp_path, f'{WHOAMI} echo "got $PASSWORD"; exec sleep 60')
    shutil.copy(bench.assets.path(Component.KUBECTL), tmp_path / "bin")
    env = {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "p"}}}
    wanted = manifests(tmp_path, container(env=[env]))
    namespace = wanted[0]["metadata"]["namespace"]
    login = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login", "namespace": namespace},
        "stringData": {"p": CANARY},
    }
    installer = bench.installer(chosen)
    installation = installer.install([login, *wanted])
    said = "\n".join(bench.control(installation).log_tail())
    installer.uninstall()
    assert f"system:serviceaccount:{namespace}:default" in said
    assert "got [redacted]" in said
    assert any(refused and refused in note for note in installation.notes) is bool(refused)
    for path in bench.run.path.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path
