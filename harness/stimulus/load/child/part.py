"""Stage 4a: a worker's part of the load, run as Locust's one user."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gevent.event import Event
from gevent.lock import BoundedSemaphore

from harness import __version__
from harness.clock import SYSTEM_CLOCK
from harness.errors import HarnessError
from harness.kube.kubeconfig import read_kubeconfig
from harness.model.load import object_name
from harness.stimulus.load.child.statistics import count_rows
from harness.stimulus.load.generator import Generator, Material
from harness.stimulus.load.population import Population
from harness.stimulus.load.rendering import render
from harness.stimulus.load.rows import ArrivalRows
from harness.stimulus.load.wire import Address

if TYPE_CHECKING:
    from locust.env import Environment

    from harness.kube.connection import Credentials
    from harness.stimulus.load.protocol import Assignment, PhaseOrder

__all__ = ["Part"]


class Part:
    """One worker's generator, and the phase that it is in.

    Args:
        assignment: What the child was started with.
        worker: Its number.
        environment: Locust's; its statistics are kept.

    Raises:
        HarnessError: The API server can't be reached.
    """

    def __init__(self, assignment: Assignment, worker: int, environment: Environment) -> None:
        plan = assignment.plan
        self.worker = worker
        self._assignment = assignment
        access = read_kubeconfig(Path(assignment.kubeconfig))
        self._credentials = access.credentials
        self._rows = ArrivalRows(
            Path(assignment.folder, f"arrivals-{worker}.i64"),
            written=lambda rows: count_rows(
                environment.stats, plan.resource.key, rows, now_s=SYSTEM_CLOCK.now().wall_ns / 1e9
            ),
        )
        self._generator = Generator(
            address=_address(self._credentials),
            connections=plan.connections,
            burst_connections=plan.burst_connections,
            patience_ns=plan.patience_ms * 1_000_000,
            material=self._material(),
            population=Population(worker=worker, workers=plan.workers),
            rows=self._rows,
            seed=plan.seed,
            worker=worker,
            workers=plan.workers,
        )
        try:
            self._generator.open()
        except OSError as error:
            raise HarnessError(f"The load generator can't reach the API server: {error}") from error
        self._begun = Event()
        self._start_ns = 0
        self._serving = BoundedSemaphore()
        self.running = False
        self.failure = ""

    def prepare(self, order: PhaseOrder) -> int:
        """Draws a phase; returns how many arrivals are this worker's.

        Raises:
            HarnessError: It can't be drawn.
        """
        self._generator.renew(self._material())
        count = self._generator.prepare(order)
        gc.collect()
        gc.freeze()
        return count

    def begin(self, start_ns: int) -> None:
        """Lets the phase that was prepared run, in the user's greenlet."""
        self.running = True
        self._start_ns = start_ns
        self._begun.set()

    def halt(self) -> None:
        """Cuts the phase short."""
        self._generator.stop()

    @property
    def progress(self) -> tuple[int, int, int]:
        """Arrivals that have been due, all of the phase, and requests without an answer."""
        return *self._generator.progress, self._generator.in_flight

    def serve(self) -> None:
        """Runs one phase after the other, for ever; what Locust's user does."""
        with self._serving:  # a user that Locust puts in the place of another one waits
            while True:
                self._begun.wait()
                self._begun.clear()
                gc.disable()  # a collection would delay what is due meanwhile
                try:
                    self._generator.run(self._start_ns)
                except HarnessError as error:
                    self.failure = str(error)
                finally:
                    gc.enable()
                    self.running = False

    def close(self) -> None:
        """Closes connections and the file."""
        self._generator.close()

    def _material(self) -> Material:
        plan = self._assignment.plan
        headers = {"Host": urlsplit(self._credentials.server).netloc, "Accept": "application/json"}
        authorization = self._credentials.authorization()
        if authorization:
            headers["Authorization"] = authorization
        headers["User-Agent"] = f"operator-harness-load/{__version__}"
        return Material(
            samples=tuple(
                render(
                    rendering,
                    plan.resource,
                    headers=headers,
                    name_width=len(object_name(plan.name_prefix, 0)),
                )
                for rendering in self._assignment.renderings
            ),
            namespaces=tuple(name.encode() for name in plan.namespaces) or (b"",),
            name_prefix=plan.name_prefix.encode(),
        )


def _address(credentials: Credentials) -> Address:
    url = urlsplit(credentials.server)
    host = url.hostname or ""
    port = url.port or (443 if url.scheme == "https" else 80)
    tls = credentials.tls if url.scheme == "https" else None
    return Address(host, port, tls, credentials.server_name or host)
