"""A container and its Pod become a plan: environment, volumes, mounts, arguments."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.installers.process.environment import container_environment
from harness.installers.process.expansion import expand
from harness.installers.process.files import write_planned
from harness.installers.process.plan import (
    ApiServer,
    Instance,
    elects_leader,
    hostname_of,
    make_plan,
    probe_urls,
)
from harness.installers.process.ports import PortPlan
from harness.installers.process.references import Context, Sources, quantity, resource_field
from harness.installers.process.volumes import container_volumes
from harness.tests.installers.samples import container, pod

MACHINE = {"cpu": 4, "memory": 1 << 30}
SERVER = ApiServer(host="127.0.0.1", port=6443)
STORE: dict[tuple[str, str], dict[str, Any]] = {
    ("ConfigMap", "settings"): {"data": {"mode": "fast", "a.b": "c", "bad key": "x"}},
    ("ConfigMap", "binary"): {"binaryData": {"blob": base64.b64encode(b"\x00\x01").decode()}},
    ("Secret", "login"): {"data": {"password": base64.b64encode(b"hunter22").decode()}},
}


def context(made: dict[str, Any], **spec: Any) -> Context:
    sources = Sources(lambda kind, name: STORE.get((kind, name)))
    return Context(made, pod(made, **spec), sources, machine=MACHINE)


def environment(*env: dict[str, Any], **parts: Any) -> tuple[dict[str, str], Sources]:
    made = context(container(env=list(env), **parts))
    found = container_environment(made, service={"HOST": "h"}, literal={})
    del found["HOST"]
    return found, made.sources


def field(path: str) -> dict[str, Any]:
    return {"name": "V", "valueFrom": {"fieldRef": {"fieldPath": path}}}


def key(kind: str, name: str, key: str, **more: Any) -> dict[str, Any]:
    return {"name": "V", "valueFrom": {kind: {"name": name, "key": key, **more}}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "1"),
        ("x$(A)y$(B)", "x1y2"),
        ("$$(A)", "$(A)"),
        ("$(MISSING)", "$(MISSING)"),
        ("$A $ $(", "$A $ $("),
        ("$$$(A)", "$1"),
    ],
)
def test_references_are_expanded_as_the_kubelet_does(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "op-abc"),
        ("metadata.namespace", "ns"),
        ("metadata.uid", "u-1"),
        ("metadata.labels['tier']", "x"),
        ("metadata.annotations['note']", 'say "hi"'),
        ("metadata.labels['absent']", ""),
        ("spec.nodeName", "node-0"),
        ("spec.serviceAccountName", "op"),
        ("status.podIP", "10.0.0.7"),
        ("status.podIPs", "10.0.0.7,fd00::7"),
        ("status.hostIP", "10.1.0.1"),
        ("status.hostIPs", "10.1.0.1"),
    ],
)
def test_the_downward_api_gives_the_pods_fields(path: str, expected: str) -> None:
    assert environment(field(path))[0] == {"V": expected}


def test_an_unknown_field_is_empty_and_said() -> None:
    found, sources = environment(field("spec.secret"))
    assert found == {"V": ""}
    assert "spec.secret" in sources.notes[0]


def test_values_come_from_config_maps_and_secrets_and_secrets_are_remembered() -> None:
    found, sources = environment(key("secretKeyRef", "login", "password"))
    assert found == {"V": "hunter22"}
    assert sources.secrets == {"hunter22"}
    assert environment(key("configMapKeyRef", "settings", "mode"))[0] == {"V": "fast"}


@pytest.mark.parametrize(
    ("reference", "missing"),
    [
        (key("secretKeyRef", "absent", "x"), "Secret 'absent'"),
        (key("secretKeyRef", "login", "x"), "key 'x' of Secret 'login'"),
        (key("configMapKeyRef", "absent", "x"), "ConfigMap 'absent'"),
    ],
)
def test_what_is_missing_is_named_unless_it_is_optional(
    reference: dict[str, Any], missing: str
) -> None:
    assert environment(reference)[1].missing == [missing]
    next(iter(reference["valueFrom"].values()))["optional"] = True
    found, sources = environment(reference)
    assert (found, sources.missing) == ({}, [])


def test_whole_maps_come_with_a_prefix_and_the_containers_own_come_over_them() -> None:
    found, sources = environment(
        {"name": "P_mode", "value": "slow"},
        envFrom=[
            {"prefix": "P_", "configMapRef": {"name": "settings"}},
            {"secretRef": {"name": "login"}},
            {"configMapRef": {"name": "absent", "optional": True}},
        ],
    )
    assert found == {"P_mode": "slow", "P_a.b": "c", "password": "hunter22"}
    assert sources.missing == []


def test_variables_refer_to_those_before_them() -> None:
    found, _ = environment(
        {"name": "A", "value": "$(HOST)/$(B)"}, {"name": "B", "value": "$(A)"}, {"name": "E"}
    )
    assert found == {"A": "h/$(B)", "B": "h/$(B)", "E": ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500m", 0.5), ("1", 1), ("128Mi", 128 << 20), ("1e3", 1000), ("1k", 1000), ("1.5G", 1.5e9)],
)
def test_quantities_are_numbers(text: str, expected: float) -> None:
    found = quantity(text)
    assert found is not None
    assert float(found) == expected


@pytest.mark.parametrize("text", ["", "x", "1Xi", "1..2"])
def test_what_is_no_quantity_is_none(text: str) -> None:
    assert quantity(text) is None


@pytest.mark.parametrize(
    ("resource", "divisor", "expected"),
    [
        ("limits.cpu", "", "1"),
        ("limits.cpu", "1m", "500"),
        ("limits.memory", "1Mi", "1024"),
        ("requests.cpu", "", "0"),
    ],
)
def test_limits_are_rounded_up_and_a_missing_one_is_the_machines(
    resource: str, divisor: str, expected: str
) -> None:
    made = container(resources={"limits": {"cpu": "500m"}})
    assert resource_field(made, resource, divisor, machine=MACHINE) == expected


def volumes(spec: dict[str, Any], **mount: Any) -> Any:
    made = context(
        container(volumeMounts=[{"name": "v", "mountPath": "/v", **mount}]),
        volumes=[{"name": "v", **spec}],
    )
    found, mounts = container_volumes(made, env={"WHO": "me"})
    return found, mounts, made.sources


def contents(spec: dict[str, Any]) -> dict[str, bytes]:
    return {file.path: file.content for file in volumes(spec)[0][0].files}


def test_config_maps_and_secrets_become_files() -> None:
    assert contents({"configMap": {"name": "binary"}}) == {"blob": b"\x00\x01"}
    assert contents({"secret": {"secretName": "login"}}) == {"password": b"hunter22"}


def test_items_choose_keys_paths_and_modes_and_cannot_leave_the_volume() -> None:
    items = [{"key": "mode", "path": "deep/m", "mode": 0o400}, {"key": "a.b", "path": "../../x"}]
    (volume,), _, _ = volumes({"configMap": {"name": "settings", "items": items}})
    assert [(file.path, file.mode) for file in volume.files] == [("deep/m", 0o400), ("x", 0o644)]


def test_the_downward_api_becomes_files() -> None:
    items = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "notes", "fieldRef": {"fieldPath": "metadata.annotations"}},
        {"path": "cpu", "resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}},
    ]
    assert contents({"downwardAPI": {"items": items}}) == {
        "labels": b'app="op"\ntier="x"',
        "notes": b'note="say \\"hi\\""',
        "cpu": b"4000",
    }


def test_projected_sources_are_merged_and_the_token_is_marked() -> None:
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "settings", "items": [{"key": "mode", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [{"path": "ns", "fieldRef": {"fieldPath": "metadata.namespace"}}]
            }
        },
        {"secret": {"name": "login"}},
    ]
    (volume,), _, seen = volumes({"projected": {"sources": sources}})
    assert [file.path for file in volume.files] == ["token", "ca.crt", "ns", "password"]
    assert [file.token for file in volume.files] == [True, False, False, False]
    assert seen.notes == []


def test_a_token_for_another_audience_is_said() -> None:
    token = {"serviceAccountToken": {"path": "token", "audience": "vault"}}
    assert "'vault'" in volumes({"projected": {"sources": [token]}})[2].notes[0]


def test_an_empty_dir_is_writable_and_all_else_is_not() -> None:
    (volume,), (mount,), _ = volumes({"emptyDir": {}})
    assert (volume.writable, mount.read_only) == (True, False)
    (_,), (mount,), _ = volumes({"configMap": {"name": "settings"}})
    assert mount.read_only


def test_a_part_of_a_volume_can_be_mounted() -> None:
    assert volumes({"emptyDir": {}}, subPath="a/b")[1][0].sub_path == "a/b"
    assert volumes({"emptyDir": {}}, subPathExpr="logs-$(WHO)")[1][0].sub_path == "logs-me"


def test_volumes_of_other_kinds_are_left_out_and_said() -> None:
    found, mounts, sources = volumes({"hostPath": {"path": "/"}})
    assert (found, mounts) == ((), ())
    assert "hostPath" in sources.notes[0]


def instance(folder: Path, **changes: Any) -> Instance:
    made = Instance(
        process="op",
        deployment="op",
        namespace="ns",
        container="manager",
        argv=("/opt/op/bin/op", "run"),
        folder=str(folder),
        target_folder="/src/op",
        log=str(folder / "op.ndjson"),
        service_account="op",
        hostname="op-abc",
    )
    return msgspec.structs.replace(made, **changes)


def test_a_plan_holds_only_the_containers_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/me/.kube/config")
    monkeypatch.setenv("GOCOVERDIR", "/x")
    made = context(container(args=["--mode=$(MODE)"], env=[{"name": "MODE", "value": "m"}]))
    launch = make_plan(instance(tmp_path), made, server=SERVER, path="/bin").launch
    assert launch.argv == ("/opt/op/bin/op", "run", "--mode=m")
    assert launch.env == {
        "PATH": "/bin",
        "HOME": str(tmp_path / "home"),
        "HOSTNAME": "op-abc",
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": "6443",
        "KUBERNETES_SERVICE_PORT_HTTPS": "6443",
        "MODE": "m",
    }
    assert "MODE" not in repr(launch)


def test_volumes_are_bound_where_the_container_mounts_them(tmp_path: Path) -> None:
    mounts = [
        {"name": "certs", "mountPath": "/certs", "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},
    ]
    projected = {"sources": [{"serviceAccountToken": {"path": "token"}}]}
    made = context(
        container(volumeMounts=mounts, workingDir="/data"),
        volumes=[{"name": "certs", "projected": projected}, {"name": "tmp", "emptyDir": {}}],
    )
    planned = make_plan(instance(tmp_path), made, server=SERVER, path="")
    source = str(tmp_path / "volumes" / "certs")
    assert [(bind.source, bind.target) for bind in planned.launch.mounts] == [(source, "/certs")]
    assert planned.tokens == (f"{source}/token",)
    assert planned.launch.folders == ("/data", "/src/op")
    path = write_planned(instance(tmp_path), planned)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "volumes" / "certs").stat().st_mode & 0o777 == 0o700


def test_what_the_operator_needs_of_a_covered_folder_is_kept(tmp_path: Path) -> None:
    made = instance(tmp_path, argv=("/tmp/x/bin/op",), target_folder="/tmp/src")
    kept = make_plan(made, context(container()), server=SERVER, path="").launch.keep
    assert {"/tmp/x", "/tmp/src", str(tmp_path / "home")} <= set(kept)
    made = instance(tmp_path, argv=("/tmp/op",))
    assert "/tmp/op" in make_plan(made, context(container()), server=SERVER, path="").launch.keep


def test_without_namespaces_paths_lead_to_the_files_and_a_kubeconfig_is_named(
    tmp_path: Path,
) -> None:
    made = context(
        container(
            args=["--dir=/certs", "--file=/certs/tls.crt", "--other=/certs2"],
            volumeMounts=[{"name": "certs", "mountPath": "/certs"}],
        ),
        volumes=[{"name": "certs", "emptyDir": {}}],
    )
    launch = make_plan(instance(tmp_path, isolated=False), made, server=SERVER, path="").launch
    place = tmp_path / "volumes" / "certs"
    assert launch.argv[2:] == (f"--dir={place}", f"--file={place}/tls.crt", "--other=/certs2")
    assert launch.env["KUBECONFIG"] == str(tmp_path / "kubeconfig")
    assert launch.env["TMPDIR"] == str(tmp_path / "tmp")


def test_probes_lead_to_the_moved_ports() -> None:
    made = container(
        ports=[{"name": "health", "containerPort": 8081}],
        readinessProbe={"httpGet": {"path": "/readyz", "port": "health", "scheme": "HTTPS"}},
        livenessProbe={"tcpSocket": {"port": 9443}},
        startupProbe={"exec": {"command": ["true"]}},
    )
    urls, notes = probe_urls(made, PortPlan(moved={8081: 20001}))
    assert urls == {
        "readinessProbe": "https://127.0.0.1:20001/readyz",
        "livenessProbe": "tcp://127.0.0.1:9443",
    }
    assert "startupProbe" in notes[0]


@pytest.mark.parametrize(
    ("parts", "elects"),
    [
        ({"args": ["--leader-elect"]}, True),
        ({"args": ["--leader-elect=true"]}, True),
        ({"args": ["-enable-leader-election"]}, True),
        ({"command": ["/op", "--leader-election=1"]}, True),
        ({"env": [{"name": "ENABLE_LEADER_ELECTION", "value": "true"}]}, True),
        ({"args": ["--leader-elect=false"]}, False),
        ({"args": ["--leader-elect", "false"]}, False),
        ({"args": ["--leader-election-id=x"]}, False),
        ({"env": [{"name": "LEADER_ELECT", "value": "false"}]}, False),
        ({}, False),
    ],
)
def test_leader_election_is_read_from_arguments(parts: dict[str, Any], elects: object) -> None:
    assert elects_leader(container(**parts)) is elects


def test_a_host_name_is_the_pods_cut_to_what_a_host_name_may_be() -> None:
    assert hostname_of(pod()) == "op-abc"
    assert hostname_of(pod(hostname="own")) == "own"
    long = pod()
    long["metadata"]["name"] = "a" * 62 + "-b"
    assert hostname_of(long) == "a" * 62
