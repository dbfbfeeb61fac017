"""Stage 1: the families of metrics that load and soak read, by controller-runtime's names.

An operator that has them under names of its own says so in target.yaml.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FAMILIES", "LABELS"]

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "workqueue_depth": "Items that wait.",
        "workqueue_adds_total": "Items added to a queue.",
        "workqueue_retries_total": "Items added again after a failure.",
        "workqueue_queue_duration_seconds": "Histogram or summary: how long items waited.",
        "workqueue_work_duration_seconds": "Histogram or summary: how long a worker had an item.",
        "workqueue_unfinished_work_seconds": "How long items have been worked on by now.",
        "controller_runtime_reconcile_total": "Reconciles.",
        "controller_runtime_reconcile_errors_total": "Reconciles that failed.",
        "controller_runtime_reconcile_panics_total": "Reconciles that panicked.",
        "controller_runtime_max_concurrent_reconciles": "Workers of a controller.",
        "controller_runtime_webhook_latency_seconds": "Histogram or summary: of its webhooks.",
        "rest_client_requests_total": "Requests to the API server.",
        "rest_client_request_size_bytes": "Histogram or summary: bytes of their bodies.",
        "rest_client_response_size_bytes": "Histogram or summary: bytes of the answers.",
        "rest_client_rate_limiter_duration_seconds": "Histogram or summary: how long the client "
        "held them back.",
        "process_cpu_seconds_total": "CPU time of the process.",
    }
)

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "name": "Name of a queue, which is that of its controller.",
        "controller": "Name of a controller.",
        "result": "How a reconcile ended.",
        "code": "HTTP status of an answer.",
    }
)
