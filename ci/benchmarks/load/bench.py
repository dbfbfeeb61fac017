"""What the load benchmarks share: a cluster, an identity, the load generator's process."""

from __future__ import annotations

import random
import shlex
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np
import psutil
import yaml

from harness import command
from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ApiError, HarnessError
from harness.evidence.columns import read_columns
from harness.kube.client import KubeClient
from harness.model.load import ARRIVAL_COLUMNS, LoadPlan, Mix
from harness.model.target import Kind, Mutation, Readiness
from harness.stimulus.load.client import LoadClient
from harness.stimulus.load.identity import make_identity
from harness.stimulus.load.protocol import Assignment, PhaseOrder
from harness.stimulus.load.rendering import plan_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from harness.command import Spawned
    from harness.model.resource import Resource
    from harness.stimulus.load.schedule import Schedule

__all__ = ["TRUTH", "Cluster", "Generator", "interval"]

TRUTH = Path(__file__).parent / "suites" / "truth"
"""The suite of the benchmarks that know what really happened."""

_OPERATOR = Path(__file__).parents[3] / "operators_under_test" / "synthetic"
_RESOURCE = "tasks.synthetic.operator-harness.example"
_NAME = "bench-load"
_UP_S, _DOWN_S, _START_S, _GONE_S = 180.0, 60.0, 60.0, 120.0
_RESAMPLES = 10_000
_LEAD_NS = 200_000_000


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Returns the 95 % bootstrap interval of the mean."""
    rng = random.Random(1)  # noqa: S311 - the same interval from the same values
    means = sorted(statistics.fmean(rng.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    return means[int(_RESAMPLES * 0.025)], means[int(_RESAMPLES * 0.975)]


class Cluster:
    """A local cluster that serves the synthetic operator's resource; no operator runs.

    Attributes:
        client: Of the administrator.
        resource: What is created.
        namespaces: Where.
        folder: Private; goes with the cluster.
        identity: The load generator's.
    """

    def __init__(self) -> None:
        self._rest = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as rest:
            self.folder = Path(rest.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            program = (sys.executable, "-P", "-m", "harness", "cluster")
            env = command.environment({"XDG_STATE_HOME": str(self.folder)})
            up = command.run((*program, "up", "--name", _NAME), timeout=_UP_S, env=env)
            rest.callback(
                command.run, (*program, "down", _NAME), timeout=_DOWN_S, env=env, check=False
            )
            lines = (line for line in up.output.splitlines() if line.startswith("export "))
            told = dict(shlex.split(line)[1].split("=", 1) for line in lines)
            self.kubeconfig = Path(told["KUBECONFIG"])
            self.client = KubeClient.from_kubeconfig(self.kubeconfig)
            self._prepare()
            self._rest = rest.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._rest.close()

    def _prepare(self) -> None:
        client = self.client
        client.apply(yaml.safe_load((_OPERATOR / "config" / "crd.yaml").read_text()))
        self.resource = self._await_resource()
        self.namespaces = ("bench-0", "bench-1")
        for name in self.namespaces:
            metadata = {"name": name}
            client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        self.identity = make_identity(
            client,
            self.kubeconfig,
            namespace=self.namespaces[0],
            name=_NAME,
            resource=self.resource,
            folder=self.folder,
        )
        sample = yaml.safe_load((_OPERATOR / "samples" / "task.yaml").read_text())
        sample["metadata"]["name"] = "dry-run"
        self.body = client.create(self.resource, sample, namespace=self.namespaces[0], dry_run=True)

    def _await_resource(self) -> Resource:
        deadline = Deadline(_START_S)
        while True:
            try:
                return self.client.resource(_RESOURCE)
            except ApiError:
                if deadline.passed:
                    raise
                SYSTEM_CLOCK.sleep(0.2)

    def created(self) -> int:
        """Returns how many creates the API server has answered by 201, as it counts them."""
        page = self.client.connection.open("GET", "/metrics").data
        total = 0.0
        for line in page.split(b"\n"):
            if (
                line.startswith(b"apiserver_request_total{")
                and b'code="201"' in line
                and b'resource="%s"' % self.resource.plural.encode() in line
                and b'dry_run=""' in line
            ):
                total += float(line.rpartition(b" ")[2])
        return round(total)

    def empty(self) -> None:
        """Deletes every object of the resource, and waits until none is there."""
        for namespace in self.namespaces:
            path = self.resource.path(namespace)
            self.client.connection.open("DELETE", path, timeout=_GONE_S)
        deadline = Deadline(_GONE_S)
        while self.client.list(self.resource, metadata_only=True).items:
            if deadline.passed:
                raise HarnessError("The objects of a round didn't go.")
            SYSTEM_CLOCK.sleep(0.1)


class Generator:
    """The load generator as the load suite starts it, without operator and receiver.

    Args:
        cluster: Where it creates.
        seed: Names its objects.
        connections: How many.
        workers: How many processes.
    """

    def __init__(
        self, cluster: Cluster, *, seed: int, connections: int = 32, workers: int = 1
    ) -> None:
        self._folder = cluster.folder / f"generator-{seed}-{workers}"
        self._folder.mkdir(mode=0o700)
        kind = Kind(
            resource=cluster.resource.key,
            samples=(),
            mutations=(Mutation(path="spec.step", values=(2, 3, 4, 1)),),
        )
        self.plan = LoadPlan(
            seed=seed,
            profile="bench",
            resource=cluster.resource,
            samples=("task",),
            namespaces=cluster.namespaces,
            ready=Readiness(),
            identity=cluster.identity.user,
            workers=workers,
            burst_connections=connections,
        )
        socket = self._folder / "load.sock"
        assignment = Assignment(
            plan=self.plan,
            kubeconfig=str(cluster.identity.kubeconfig),
            renderings=(plan_changes(kind, cluster.body),),
            folder=str(self._folder),
            socket=str(socket),
            master=f"127.0.0.1:{command_port(seed)}" if workers > 1 else "",
        )
        file = self._folder / "load.json"
        file.touch(mode=0o600)
        file.write_bytes(msgspec.json.encode(assignment))
        module = (sys.executable, "-P", "-m", "harness.stimulus.load.child", str(file))
        own = [(), *((str(number),) for number in range(workers if workers > 1 else 0))]
        env = command.environment()
        self._processes: list[Spawned] = [
            command.spawn((*module, *words), env=env, stderr=2) for words in own
        ]
        deadline = Deadline(_START_S)
        while not socket.exists():
            if deadline.passed or any(one.poll() is not None for one in self._processes):
                raise HarnessError("The load generator didn't start.")
            SYSTEM_CLOCK.sleep(0.02)
        self._client = LoadClient(socket)
        self._phase = 0
        self._arrivals = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.quit()
        self._client.close()
        for process in self._processes:
            process.wait(_DOWN_S)

    @property
    def cpu_s(self) -> float:
        """CPU time that its processes have used so far."""
        return sum(sum(psutil.Process(one.pid).cpu_times()[:2]) for one in self._processes)

    def run(
        self,
        schedule: Schedule,
        *,
        mix: Mix | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> NDArray[np.int64]:
        """Runs a phase; returns its rows, in the order of ARRIVAL_COLUMNS."""
        phase = self._phase
        self._phase += 1
        order = PhaseOrder(
            index=phase, first_arrival=self._arrivals, schedule=schedule, mix=mix or Mix()
        )
        self._arrivals += self._client.prepare(order).arrivals * self.plan.workers
        self._client.begin(SYSTEM_CLOCK.now().mono_ns + _LEAD_NS)
        while self._client.ask(wait_s=0.2).running:
            meanwhile()
        files = (self._folder / f"arrivals-{worker}.i64" for worker in range(self.plan.workers))
        rows = np.concatenate(
            [np.array(list(read_columns(file).rows), dtype=np.int64) for file in files]
        )
        found: NDArray[np.int64] = rows[rows[:, ARRIVAL_COLUMNS.index("phase")] == phase]
        return found


def command_port(seed: int) -> int:
    """Returns a port of the loopback interface for Locust's master."""
    return 20_000 + seed % 10_000
