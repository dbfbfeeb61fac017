"""What the operator says of itself while a suite measures: Prometheus, and gates on PromQL."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness.evidence.ndjson import NdjsonWriter
from harness.model.promql import queue_depth
from harness.probes.prometheus import (
    PrometheusServer,
    Promql,
    PromqlGates,
    ScrapeTarget,
    require_gates,
    secrets_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.load import Load
    from harness.pytest_plugin.load.beside import Observed
    from harness.pytest_plugin.scraping import Metrics

__all__ = ["WhiteBox"]

_DEPTH, _QUEUE = "workqueue_depth", "name"
_OPERATOR_S = 1.0
_CLUSTER_S = 15.0  # its pages are large, and its server is what is being measured


class WhiteBox:
    """A Prometheus over operator, API server and etcd; use as a context manager.

    With `--prometheus-url` it is the user's, and only asked. Where a suite brings no Prometheus,
    nothing is scraped and PromQL gates can't be decided.

    Args:
        context: The suite's view of the run.
        metrics: Whose token may read the pages.
    """

    def __init__(self, context: Context, metrics: Metrics) -> None:
        self._context = context
        self._metrics = metrics
        self._rest = ExitStack()
        self._token_file = Path(context.cluster.state_dir) / "prometheus-token"
        self._own = ""
        self.promql: Promql | None = None

    def __enter__(self) -> Self:
        session, run = self._context.session, self._context.run
        url = session.prometheus_url
        with ExitStack() as rest:
            if not url and "prometheus" in session.tools:
                self._write_token()
                rest.callback(self._token_file.unlink, missing_ok=True)
                server = PrometheusServer(
                    binary=Path(session.tools["prometheus"]),
                    targets=self._targets(),
                    guard=self._context.guard,
                    state_dir=Path(self._context.cluster.state_dir),
                    data=run.prometheus,
                    log=run.components / "prometheus.log",
                )
                rest.enter_context(server)
                self._own = url = server.url
            if url:
                self._context.guard.redact(secrets_of(url))
                writer = NdjsonWriter(run.promql_file)
                rest.callback(writer.close)
                self.promql = Promql(url, writer=writer, clock=self._context.clock)
            self._rest = rest.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._rest.close()

    def refresh(self) -> None:
        """Gives a Prometheus of the run's own a new token; it reads the file at each scrape.

        Tokens live for an hour: who measures for longer calls this now and then.
        """
        if self._own:
            self._write_token()

    def gates(self, phase: Callable[[], str]) -> PromqlGates | None:
        """Returns what evaluates the target's PromQL gates while it is entered; None without one.

        Args:
            phase: Returns the name of the load phase of the moment; empty outside of any.

        Raises:
            UsageError: Prometheus refuses an expression, whatever series there are.
        """
        gates = self._context.session.target.gates
        if self.promql is None or not any(gate.promql for gate in gates):
            return None
        require_gates(self.promql, gates)
        return PromqlGates(self.promql, gates, phase=phase)

    def beside(self, load: Load) -> Observed:
        """Returns what watches the operator while it is entered and there is load.

        That is: scrapes at the bounds of phases, PromQL gates, the depth of its queues.
        """
        from harness.pytest_plugin.load.beside import Observed  # noqa: PLC0415 - loads NumPy

        return Observed(load, self, self._metrics, self._context.clock)

    def unrecorded(self) -> Promql | None:
        """Returns a client whose answers aren't kept; None without a Prometheus of the run's own.

        In another one, the labels of this operator's series aren't known.
        """
        return Promql(self._own, clock=self._context.clock) if self._own else None

    @property
    def depths(self) -> str:
        """What asks a Prometheus of the run's own for the depth of each queue."""
        ways = [workload.metrics for workload in self._context.installation.workloads]
        return queue_depth(
            (way.names[_DEPTH], way.labels.get(_QUEUE, _QUEUE))
            for way in ways
            if way is not None and _DEPTH in way.names
        )

    def _write_token(self) -> None:
        draft = self._token_file.with_suffix(".new")
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(self._metrics.token())
        draft.replace(self._token_file)

    def _targets(self) -> list[ScrapeTarget]:
        context, token = self._context, str(self._token_file)
        operator = [
            ScrapeTarget(
                job="operator",
                url=workload.metrics.url,
                interval_s=_OPERATOR_S,
                token_file=token if workload.metrics.url.startswith("https:") else "",
                labels={"workload": workload.name},
            )
            for workload in context.installation.workloads
            if workload.metrics is not None
        ]
        server = ScrapeTarget(
            job="kube-apiserver",
            url=f"{context.cluster.server}/metrics",
            interval_s=_CLUSTER_S,
            token_file=token,
            ca_file=context.cluster.ca_file,
        )
        others = [
            ScrapeTarget(job=name, url=url, interval_s=_CLUSTER_S)
            for name, url in context.cluster.metrics.items()
        ]
        # An existing cluster's API server is elsewhere, and its own Prometheus' matter.
        ours = [server, *others] if context.cluster.provider != "existing" else []
        return [*operator, *ours]
