"""Load as suites use it: the fixture `load` runs phases, and knows when the operator has caught up.

setup      what the load is made of: samples, namespaces, identity, plan
processes  load generator and watch receiver as processes under the guard
live       follows the rows of both while they come
ticks      what is told of it once a second
gauges     what is shown beside it
losses     what a worker that died owes
beside     watches the operator from the inside meanwhile
driver     runs phases, waits for drains, clears up
search     the search for the knee
profiles   what each profile does
interleaved  two builds in turn, in blocks of the same load
"""

from __future__ import annotations

from harness.pytest_plugin.load.driver import Load

__all__ = ["Load"]
