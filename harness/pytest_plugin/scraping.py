"""Scrapes the operator's metrics as a monitoring system would: with a bound ServiceAccount."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from harness.evidence.ndjson import write_document
from harness.probes.metrics import scrape

if TYPE_CHECKING:
    from harness.model.records import MetricsPage
    from harness.pytest_plugin.context import Context

__all__ = ["Metrics"]

_TOKEN_NS = 1_800_000_000_000  # half of a token's life
_NAME = "harness-metrics-reader"  # with the run's id, since runs may share a cluster


class Metrics:
    """The operator's metrics.

    Args:
        context: The suite's view of the run.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._scrapes = 0
        self._made: tuple[int, str] | None = None  # when, and the token

    @property
    def valid_token(self) -> str:
        """A token for the scrapes of this process, the same for half an hour; they live for one."""
        now = self._context.clock.now().mono_ns
        if self._made is None or now - self._made[0] > _TOKEN_NS:
            self._made = (now, self.token())
        return self._made[1]

    @cached_property
    def _account(self) -> tuple[str, str]:
        """Namespace and name of a ServiceAccount that may read /metrics.

        The role is bound before the first scrape: an operator's authorizer remembers a refusal
        for 30 s.
        """
        client = self._context.client
        namespace = self._context.installation.namespace
        name = f"{_NAME}-{self._context.run.id.rsplit('-', 1)[-1]}"
        account = {"name": name, "namespace": namespace}
        client.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        )
        group = "rbac.authorization.k8s.io"
        client.apply(
            {
                "apiVersion": f"{group}/v1",
                "kind": "ClusterRole",
                "metadata": {"name": name},
                "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}],
            }
        )
        client.apply(
            {
                "apiVersion": f"{group}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": name},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
                "subjects": [{"kind": "ServiceAccount", **account}],
            }
        )
        return namespace, name

    def token(self) -> str:
        """Returns a new token that may read metrics pages, the API server's among them."""
        made = self._context.client.token(*self._account)
        self._context.guard.redact([made.value])
        return made.value

    def scrape(self) -> tuple[MetricsPage, ...]:
        """Scrapes every workload that has metrics once, and keeps the pages as evidence."""
        pages = []
        for workload in self._context.installation.workloads:
            if workload.metrics is None:
                continue
            page = scrape(
                workload.metrics.url,
                token=self.valid_token,
                timeout=10.0,
                workload=workload.name,
            )
            self._scrapes += 1
            name = f"{self._scrapes:04d}-{workload.name}.json"
            write_document(self._context.run.metrics / name, page)
            pages.append(page)
        return tuple(pages)
