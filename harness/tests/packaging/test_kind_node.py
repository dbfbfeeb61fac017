"""The node image of `ci/kind-node`: a cluster made of it does what tests of operators need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from harness import assets, command
from harness.assets import Component
from harness.assets.versions import ETCD, KUBERNETES
from harness.tests.packaging.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.command import Completed

CLUSTER = "harness-node-image"
BUSYBOX = "operator-harness.example/busybox:1"
STEP = ROOT / "ci" / "steps" / "kind-node.sh"

SERVER = f"""\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Mi}}}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: server, labels: {{app: greeter}}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: server
      image: {BUSYBOX}
      command: [sh, -c, "echo hello > /data/index.html && exec httpd -f -p 8080 -h /data"]
      volumeMounts: [{{name: data, mountPath: /data}}]
      readinessProbe: {{httpGet: {{port: 8080, path: /}}, periodSeconds: 1}}
  volumes: [{{name: data, persistentVolumeClaim: {{claimName: data}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: greeter}}
spec: {{selector: {{app: greeter}}, ports: [{{port: 80, targetPort: 8080}}]}}
"""


def required(module: str) -> dict[str, str]:
    """Returns the versions that a module of the node pins, by path."""
    text = (ROOT / "ci" / module / "go.mod").read_text()
    return dict(re.findall(r"^(?:require )?\s*(\S+\.\S+) v(\S+)(?: // indirect)?$", text, re.M))


def replaced(module: str) -> set[str]:
    text = (ROOT / "ci" / module / "go.mod").read_text()
    return set(re.findall(r"^\s*(\S+ => \S+ v\S+)$", text, re.M))


def test_node_and_control_plane_are_of_one_version_and_share_what_is_compiled() -> None:
    node, plane = required("kind-node/kubernetes"), required("controlplane/kubernetes")
    assert node["k8s.io/kubernetes"] == KUBERNETES
    both = node.keys() & plane.keys()
    assert len(both) > 100
    assert {path: node[path] for path in both} == {path: plane[path] for path in both}
    assert replaced("kind-node/kubernetes") == replaced("controlplane/kubernetes")


def test_the_name_of_the_image_says_the_version_and_is_the_same_each_time() -> None:
    names = {command.run([STEP, "--reference"], timeout=30).output for _ in range(2)}
    (name,) = (text.strip() for text in names)
    assert re.fullmatch(
        rf"operator-harness\.example/kind-node:v{re.escape(KUBERNETES)}-[0-9a-f]{{12}}", name
    )


def test_no_placeholder_is_left_for_a_name_that_the_build_doesn_t_know() -> None:
    used = {
        word
        for path in (ROOT / "ci" / "kind-node" / "root").rglob("*")
        if path.is_file()
        for word in re.findall(r"@([A-Z]+)@", path.read_text())
    }
    build = (ROOT / "ci" / "kind-node" / "build.sh").read_text()
    assert used == set(re.findall(r"s#@([A-Z]+)@#", build))


class Cluster:
    """A kind cluster of the node image, and what its kubectl is told."""

    def __init__(self, kubeconfig: Path, image: str) -> None:
        binaries = assets.resolve([Component.KIND, Component.KUBECTL])
        self.image = image
        self.kubeconfig = kubeconfig
        self.kind = binaries.path(Component.KIND)
        self.binary = binaries.path(Component.KUBECTL)

    def create(self) -> None:
        command.run(
            [self.kind, "create", "cluster", "--name", CLUSTER, "--image", self.image,
             "--kubeconfig", self.kubeconfig, "--wait", "120s"],
            timeout=300,
        )  # fmt: skip

    def delete(self) -> None:
        command.run(
            [self.kind, "delete", "cluster", "--name", CLUSTER, "--kubeconfig", self.kubeconfig],
            timeout=120,
        )

    def kubectl(self, *arguments: str, stdin: str | None = None) -> Completed:
        return command.run(
            [self.binary, "--kubeconfig", self.kubeconfig, *arguments], timeout=150, stdin=stdin
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    said = command.run([STEP], timeout=3600).output
    made = Cluster(tmp_path_factory.mktemp("kind") / "kubeconfig", said.splitlines()[-1])
    made.delete()  # of a test that was killed
    try:
        made.create()
        yield made
    finally:
        made.delete()
    left = command.run(["docker", "ps", "-aq", "--filter", f"name={CLUSTER}"], timeout=30)
    assert left.output == ""


@pytest.mark.kind
def test_a_claim_binds_and_a_pod_is_reached_by_the_name_of_its_service(cluster: Cluster) -> None:
    cluster.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=60s")
    cluster.kubectl("apply", "-f", "-", stdin=SERVER)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/server", "--timeout=120s")
    phase = cluster.kubectl("get", "pvc", "data", "-o", "jsonpath={.status.phase}").output
    assert phase == "Bound"
    cluster.kubectl("-n", "kube-system", "rollout", "status", "deploy/coredns", "--timeout=120s")
    url = "http://greeter.default.svc.cluster.local"
    said = cluster.kubectl("exec", "server", "--", "timeout", "10", "wget", "-qO-", url)
    assert said.output.strip() == "hello"


@pytest.mark.kind
def test_the_cluster_is_of_the_pinned_versions(cluster: Cluster) -> None:
    node = cluster.kubectl("get", "nodes", "-o", "jsonpath={..nodeInfo.kubeletVersion}").output
    assert node == f"v{KUBERNETES}"
    images = cluster.kubectl("get", "pods", "-A", "-o", "jsonpath={..image}").output.split()
    assert f"registry.k8s.io/etcd:{ETCD}-0" in images
