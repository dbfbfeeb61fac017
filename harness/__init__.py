"""Operator harness: judges an unmodified Kubernetes operator, generically.

The flow, one package per stage (`ARCHITECTURE.md` has the picture): targets (1),
clusters (2), installers (3), stimulus and probes (4), analysis (5), verdict (6),
reporting (7). `harness.runner` is the only module that knows their order.
"""

__version__ = "0.1.0"
