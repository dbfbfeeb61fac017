"""Stage 3: ports of this machine that lead to the operator's Pods, for its metrics and profiles."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness import command
from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ClusterError
from harness.evidence.ndjson import write_document
from harness.installers.process.health import probe, speaks_tls
from harness.installers.process.ports import free_port
from harness.model.installation import MetricsEndpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.clock import Clock
    from harness.guard import Guard
    from harness.installers.workloads import Chosen
    from harness.model.cluster import Cluster
    from harness.model.target import Metrics

__all__ = ["Ways", "close_ways", "lead", "metrics_of", "pprof_of"]

_NAME = "port-forward"
_START_S = 20.0  # Python's own start, on a machine that is busy
_SPEAK_S = 15.0  # a Pod that was ready may be on its way out, and the next one not ready yet
_END_S = 5.0
_TURN_S = 0.05
_LOOK_S = 0.2
_BAD_REQUEST = "400"  # what Go answers to plain HTTP where it wants TLS

Ways = dict[tuple[str, int], int]
"""Port of this machine, by Deployment and container port."""


def lead(
    workloads: Sequence[Chosen],
    *,
    cluster: Cluster,
    guard: Guard,
    folder: Path,
    clock: Clock = SYSTEM_CLOCK,
) -> Ways:
    """Starts what leads to the metrics and profiles of workloads.

    Args:
        workloads: The operator's.
        cluster: Where they run.
        guard: Starts the program.
        folder: Private folder for what the program is told.
        clock: For the deadline.

    Raises:
        ClusterError: It doesn't start.
    """
    ways: Ways = {}
    forwards = []
    for chosen in workloads:
        for spec in (chosen.spec.metrics, chosen.spec.pprof):
            if spec is None:
                continue
            listen = free_port(list(ways.values()))
            ways[chosen.spec.deployment, spec.port] = listen
            forwards.append(
                {
                    "listen": listen,
                    "namespace": chosen.namespace,
                    "deployment": chosen.spec.deployment,
                    "port": spec.port,
                }
            )
    if not forwards:
        return ways
    told = folder / "forwards.json"
    write_document(told, {"kubeconfig": cluster.kubeconfig, "forwards": forwards}, mode=0o600)
    package = str(Path(__file__).resolve().parents[3])
    log = folder / "port-forward.log"
    guard.spawn(
        _NAME,
        (sys.executable, "-P", "-m", "harness.probes.portforward", str(told)),
        env=command.environment({"PYTHONPATH": package}),
        log=log,
    )
    _await(ways, guard, log, Deadline(_START_S, clock=clock))
    return ways


def close_ways(guard: Guard) -> None:
    """Ends what `lead` started, if it did and it still runs: an operator may be installed again."""
    if any(process.name == _NAME and process.running for process in guard.processes()):
        guard.stop(_NAME, grace_s=_END_S)


def _await(ways: Ways, guard: Guard, log: Path, deadline: Deadline) -> None:
    for port in ways.values():
        while not _listens(port):
            if not guard.wait(_NAME, timeout=_TURN_S).running or deadline.passed:
                said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
                tail = "\n".join(said.splitlines()[-10:])
                raise ClusterError(f"The ports of the operator's Pods can't be reached:\n{tail}")


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


def metrics_of(
    chosen: Chosen, ways: Ways, *, clock: Clock = SYSTEM_CLOCK
) -> MetricsEndpoint | None:
    """Returns where a workload's metrics are, by HTTPS or HTTP, whichever it speaks.

    Where it answers neither in time, HTTPS is taken: the scrape tells what is wrong.
    """
    spec = chosen.spec.metrics
    if spec is None:
        return None
    port = ways[chosen.spec.deployment, spec.port]
    plain = f"http://127.0.0.1:{port}{spec.path}"
    deadline = Deadline(_SPEAK_S, clock=clock)
    while not (secure := speaks_tls(port)) and not deadline.passed:
        said = probe(plain)
        if not said or (said[:3].isdigit() and not said.startswith(_BAD_REQUEST)):
            return _endpoint(plain, spec)
        clock.sleep(_TURN_S if secure is None else _LOOK_S)
    return _endpoint(plain.replace("http:", "https:", 1), spec)


def _endpoint(url: str, spec: Metrics) -> MetricsEndpoint:
    return MetricsEndpoint(url=url, dialect=spec.dialect, names=spec.names, labels=spec.labels)


def pprof_of(chosen: Chosen, ways: Ways) -> str:
    """Returns where a workload's profiles are; empty where it has none."""
    spec = chosen.spec.pprof
    return f"http://127.0.0.1:{ways[chosen.spec.deployment, spec.port]}" if spec else ""
