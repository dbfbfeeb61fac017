"""Stage 1: makes a target definition from a project, for `harness init`.

layouts      what kind of project it is, and where its manifests are
workloads    which Deployments are the operator; grants, containers, scope help
programs     how the operator is built and started
crds         versions and readiness of each kind; mutations
samples      those that are there; invention, validation, patterns for one that is made up
writing      the file, with comments
"""

from harness.targets.detection.detecting import Detected, Tools, Wishes, detect

__all__ = ["Detected", "Tools", "Wishes", "detect"]
