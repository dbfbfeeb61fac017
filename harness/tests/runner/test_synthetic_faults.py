"""The synthetic operator's faults can be switched on: nothing in faults.yaml is misspelt."""

from __future__ import annotations

import re
import signal
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import urllib3
import yaml

from harness import command
from harness.errors import ApiError
from harness.installers.process.ports import free_port
from harness.resources import bundled
from harness.targets import load
from harness.tests.kube.control_plane import ControlPlane
from harness.tests.runner.running import await_true
from harness.tests.runner.synthetic import TASKS, read_faults, read_log, write_target

if TYPE_CHECKING:
    from harness.tests.runner.synthetic import Log

SOURCE = bundled("operators_under_test", "synthetic")
FAULTS = read_faults()
CONFLICTED = 4  # of the log's results


def settings() -> set[str]:
    """Names of the operator's settings, from its source."""
    text = (SOURCE / "internal" / "settings" / "settings.go").read_text()
    return {f"SYNTHETIC_{name}" for name in re.findall(r'`env:"(\w+)"`', text)}


def manifests(folder: Path) -> dict[str, dict[str, Any]]:
    found = yaml.safe_load_all((folder / "operator.yaml").read_text())
    return {item["kind"]: item for item in found}


def test_names_are_unique() -> None:
    names = [fault["name"] for fault in FAULTS]
    assert len(set(names)) == len(names) > 10


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["name"])
def test_a_fault_sets_what_the_operator_reads(fault: dict[str, Any]) -> None:
    assert set(fault["env"]) <= settings()
    assert all(isinstance(value, str) for value in fault["env"].values())
    for patch in fault.get("patches", ()):
        kinds = yaml.safe_load_all((SOURCE / "config" / "operator.yaml").read_text())
        names = [(item["kind"], item["metadata"]["name"]) for item in kinds]
        assert tuple(patch["target"].values()) in names


def test_the_readme_lists_every_setting() -> None:
    text = (SOURCE / "README.md").read_text()
    assert {name for name in settings() if name not in text} == set()


@pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operator")
@pytest.mark.controlplane
def test_a_target_with_a_fault_is_a_target(tmp_path: Path) -> None:
    folder = write_target(tmp_path / "t", fault="slow-webhook", workers=3)
    found = manifests(folder)
    (webhook,) = found["ValidatingWebhookConfiguration"]["webhooks"]
    assert "objectSelector" not in webhook
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    assert env["SYNTHETIC_WEBHOOK_DELAY"] == "100ms"
    assert env["SYNTHETIC_WORKERS"] == "3"
    assert load(str(folder)).name == "synthetic"


class Faulty:
    """The operator beside a bare API server, with everything switched on.

    Args:
        folder: Of its target.
        plane: The API server.
    """

    COUNT = 8
    SETTINGS: ClassVar[dict[str, Any]] = {
        "workers": 2,
        "service_time": "1ms",
        "conflicts": 2,
        "leak_goroutine_every": 1,
        "leak_descriptor_every": 2,
        "leak_orphan_every": 4,
        "leak_watch": "true",
    }

    def __init__(self, folder: Path, plane: ControlPlane) -> None:
        self.folder = write_target(folder, **self.SETTINGS)
        self.client = plane.client()
        self.definition = yaml.safe_load((self.folder / "crd.yaml").read_text())
        (container,) = manifests(self.folder)["Deployment"]["spec"]["template"]["spec"][
            "containers"
        ]
        self.define()
        self._port = free_port()
        env = {entry["name"]: entry["value"] for entry in container["env"]}
        self.process = command.spawn(
            (
                self.folder / "manager",
                *("--webhook-port=0", "--health-probe-bind-address=0"),
                f"--pprof-bind-address=127.0.0.1:{self._port}",
            ),
            env=command.environment({"KUBECONFIG": str(plane.kubeconfig), **env}),
        )

    def define(self) -> None:
        """Makes the CustomResourceDefinition and waits until it is served."""
        self.client.apply(self.definition)
        await_true(self._is_served, lambda: "tasks aren't served")

    def _is_served(self) -> bool:
        try:
            self.client.list(self.client.resource(TASKS))
        except ApiError:
            self.client.resources(refresh=True)
            return False
        return True

    def serve(self) -> Log:
        """Makes Tasks and returns the log when all are served."""
        for number in range(self.COUNT):
            body = yaml.safe_load((self.folder / "task.yaml").read_text())
            body["metadata"]["name"] = f"load-0001-{number:07d}"
            self.client.create(self.client.resource(TASKS), body, namespace="default")
        await_true(lambda: self.served() == self.COUNT, lambda: f"{self.served()} are served")
        return read_log(self.folder)

    def served(self) -> int:
        """Returns how many rows say that a Task was served."""
        if not (self.folder / "log.i64").exists():
            return 0
        return len(read_log(self.folder).served)

    def goroutines(self, function: str) -> int:
        """Returns how many goroutines stand in a function."""
        url = f"http://127.0.0.1:{self._port}/debug/pprof/goroutine?debug=1"
        text = urllib3.request("GET", url).data.decode()
        stacks = [stack for stack in text.split("\n\n") if f".{function}+" in stack]
        return sum(int(stack.lstrip().split(" @ ")[0].splitlines()[-1]) for stack in stacks)

    def close(self) -> None:
        """Ends it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.client.connection.close()


@pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operator")
@pytest.mark.controlplane
def test_what_is_switched_on_happens(tmp_path: Path) -> None:
    with ControlPlane(tmp_path) as plane, closing(Faulty(tmp_path / "t", plane)) as it:
        log = it.serve()
        assert (log["result"] == CONFLICTED).sum() == 2 * it.COUNT
        assert set(log.served["retries"].tolist()) == {2}
        assert it.goroutines("leakGoroutine") == it.COUNT
        files = [str(file.readlink()) for file in Path(f"/proc/{it.process.pid}/fd").iterdir()]
        assert files.count("/proc/version") == it.COUNT // 2
        maps = it.client.list(it.client.resource("configmaps"), namespace="default")
        orphans = [item for item in maps.items if item["metadata"]["name"].startswith("orphan-")]
        assert len(orphans) == it.COUNT // 4

        assert it.goroutines("leakWatch") == 0
        definitions = it.client.resource("customresourcedefinitions.apiextensions.k8s.io")
        name = it.definition["metadata"]["name"]
        it.client.delete(definitions, name)
        await_true(lambda: it.client.find(definitions, name) is None, lambda: "the CRD stays")
        it.define()
        await_true(lambda: it.goroutines("leakWatch") == 1, lambda: "no watch was left")
