"""A soak as suites use it: cycles of load that begin and end with nothing, a plateau after each.

plan    how many cycles, how long, how many objects
rate    how much load: asked for, or half of a knee: of an earlier run, or found now
disk    how much of it evidence takes
news    what is told while it goes on
cycles  runs them
rotation      a new token, and the end of the old one
disturbances  a restart of the API server in the middle, a new definition at the end
"""

from harness.pytest_plugin.soak.cycles import Soak
from harness.pytest_plugin.soak.disturbances import Disturbances
from harness.pytest_plugin.soak.plan import plan_soak
from harness.pytest_plugin.soak.rotation import TokenRotation

__all__ = ["Disturbances", "Soak", "TokenRotation", "plan_soak"]
