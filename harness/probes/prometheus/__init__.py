"""Stage 4b: a real Prometheus beside a suite that measures for longer.

configuration  what is scraped, as Prometheus' own file
server         Prometheus as a process under the guard, its data in the run's evidence
queries        PromQL, by prometheus-api-client; every answer is evidence
gates          bounds on PromQL expressions, evaluated while the suite runs
"""

from __future__ import annotations

from harness.probes.prometheus.configuration import ScrapeTarget
from harness.probes.prometheus.gates import PromqlGates, require_gates
from harness.probes.prometheus.queries import Promql, secrets_of
from harness.probes.prometheus.server import PrometheusServer

__all__ = [
    "PrometheusServer",
    "Promql",
    "PromqlGates",
    "ScrapeTarget",
    "require_gates",
    "secrets_of",
]
