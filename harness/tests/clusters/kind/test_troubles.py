"""Errors of kind and Docker, as they were printed, and the cause and remedy that people get."""

from __future__ import annotations

import pytest

from harness.clusters.kind.troubles import TROUBLES, explained

RECORDED = {
    "no engine": (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon "
        "running?",
        "No Docker engine answers.",
        "ci/steps/docker.sh",
    ),
    "no permission": (
        "permission denied while trying to connect to the Docker daemon socket at "
        'unix:///var/run/docker.sock: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/info": dial '
        "unix /var/run/docker.sock: connect: permission denied",
        "may not use the Docker engine's socket",
        "usermod -aG docker",
    ),
    "no image": (
        'ERROR: failed to create cluster: failed to pull image "kindest/node:v1.34.4": command '
        '"docker pull kindest/node:v1.34.4" failed with error: exit status 1\n\n'
        'Command Output: Error response from daemon: Get "https://registry-1.docker.io/v2/": dial '
        "tcp: lookup registry-1.docker.io: no such host",
        "isn't here and can't be pulled",
        "ci/steps/kind-node.sh",
    ),
    "no such tag": (
        "Error response from daemon: manifest for kindest/node:v9.9.9 not found: manifest unknown: "
        "manifest unknown",
        "isn't here and can't be pulled",
        "--kind-image",
    ),
    "port taken": (
        "docker: Error response from daemon: driver failed programming external connectivity on "
        "endpoint x-control-plane (5f0c): Bind for 127.0.0.1:8080 failed: port is already "
        "allocated.",
        "is taken",
        "extraPortMappings",
    ),
    "disk full": (
        "write /var/lib/docker/tmp/GetImageBlob123: no space left on device",
        "disk is full",
        "docker system prune",
    ),
    "memory": (
        "runtime: cannot allocate memory",
        "too little memory",
        "harness cluster down --all",
    ),
    "old engine": (
        "Error response from daemon: client version 1.50 is too new. Maximum supported API version "
        "is 1.40",
        "too old",
        "20.10",
    ),
    "old client": ("unknown flag: --cgroupns", "too old", "20.10"),
    "inotify": (
        "Failed to create control group inotify object: Too many open files",
        "limits for inotify",
        "fs.inotify.max_user_instances",
    ),
    "name taken": (
        "ERROR: failed to create cluster: node(s) already exist for a cluster with the name "
        '"harness-1a2b3c4d"',
        "of that name is there",
        "--kind-cluster",
    ),
    "networks": (
        "Error response from daemon: could not find an available, non-overlapping IPv4 address "
        "pool among the defaults to assign to the network",
        "no addresses left",
        "docker network prune",
    ),
    "configuration": (
        "ERROR: failed to create cluster: unable to decode config: yaml: unmarshal errors:\n  line "
        "3: field nods not found in type v1alpha4.Cluster",
        "doesn't understand the configuration",
        "--kind-config",
    ),
    "no node image": (
        "WARNING: Here be dragons! This is not supported currently.\n"
        'ERROR: failed to create cluster: command "docker run --name x-control-plane" failed with '
        "error: exit status 125\n\nCommand Output: docker: Error response from daemon: No command "
        "specified",
        "isn't a node image",
        "kindest/node",
    ),
    "no boot": (
        'ERROR: failed to create cluster: could not find a log line that matches "Reached target '
        '.*Multi-User System.*|detected cgroup v1"',
        "doesn't boot",
        "known-issues",
    ),
    "kubeadm": (
        "WARNING: cgroup v1 is deprecated in Kubernetes and will not be supported in a future kind "
        "release\nERROR: failed to create cluster: failed to init node with kubeadm: command "
        '"docker exec --privileged x-control-plane kubeadm init" failed with error: exit status 1',
        "kubeadm can't make a control plane",
        "kubelet.log",
    ),
}


@pytest.mark.parametrize("case", RECORDED)
def test_an_error_tells_its_cause_and_what_to_do(case: str) -> None:
    printed, cause, remedy = RECORDED[case]
    error = explained("kind can't make the cluster", printed)
    assert cause in str(error)
    assert remedy in error.hint
    assert printed.splitlines()[-1].strip()[:60] in str(error), "and what was printed"


def test_each_known_trouble_is_shown_by_a_recorded_error() -> None:
    shown = {explained("x", printed).hint for printed, _, _ in RECORDED.values()}
    assert {trouble.remedy for trouble in TROUBLES} == shown


def test_an_unknown_error_shows_its_last_lines() -> None:
    error = explained("kind can't", "\n".join(f"line {number}" for number in range(100)))
    assert "line 99" in str(error)
    assert "line 50" not in str(error)
    assert "harness doctor" in error.hint


def test_what_says_nothing_to_people_is_left_out() -> None:
    printed, _, _ = RECORDED["no node image"]
    assert "dragons" not in str(explained("x", printed))


def test_no_secret_is_shown() -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    printed = f"token {token}\nproxy http://me:hunter2@proxy:3128\n"
    printed += "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----"
    text = str(explained("x", printed))
    assert token not in text
    assert "hunter2" not in text
    assert "MIGHAgEA" not in text
