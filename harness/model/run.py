"""What a run was: its manifest (`run.json`) and the private session of its processes."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.model.cluster import Cluster
from harness.model.comparison import ComparisonPlan
from harness.model.installation import Installation
from harness.model.result import Fact
from harness.model.target import Target
from harness.model.time import Stamp

__all__ = ["Build", "RunManifest", "Session", "Suite"]


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A suite, as its `suite.yaml` describes it.

    Attributes:
        name: One word, for example "smoke".
        title: What it answers, in one sentence.
        checks: Ids of the checks that it judges.
        needs: Capabilities of the cluster without which none of it can run.
        static: It needs no cluster: it is judged on the rendered manifests, the samples and the
            operator's own unit tests, and has no tests of its own.
        assets: Names of binaries that it runs itself, for example "prometheus".
        timeline: Its evidence holds every state of every object. A suite that makes thousands of
            objects leaves it out, and what would be judged on it.
        uninstalls: The operator is uninstalled at the end also from a cluster that is thrown away,
            and the cluster compared with what it was before.
        own_tests: Whether the operator's own end-to-end tests are run after them.
        folder: Absolute path of its tests.
    """

    name: str
    title: str = ""
    checks: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    static: bool = False
    assets: tuple[str, ...] = ()
    timeline: bool = True
    uninstalls: bool = False
    own_tests: bool = False
    folder: str = ""


class RunManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for and where it ran; the first file of a run folder.

    Attributes:
        checks: Ids of all checks of the suites, in the order of the report.
        cluster: Provider; empty where the run needed none.
        kubernetes: The version that manifests are judged for, "X.Y.Z".
        fail_on: What else turns the verdict: "minor", "not_verified".
        facts: Host, versions and settings, as the environment table shows them.
        command: The command line, for people who want to repeat it.
    """

    id: str
    suites: tuple[str, ...]
    checks: tuple[str, ...]
    target: str
    twin: str
    cluster: str
    started: Stamp
    harness_version: str
    seed: int
    fail_on: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    command: str = ""
    kubernetes: str = ""
    timeouts: dict[str, float] = {}


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """One of two builds of an operator that a run interleaves: what is needed to install it."""

    target: Target
    manifests: tuple[dict[str, Any], ...]  # Kubernetes objects, as rendered


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What the pytest child needs of its parent; a private file (0600), never in the run folder.

    Attributes:
        run_folder: Absolute path.
        guard_socket: Path of the guard's socket.
        load: What the load suite was asked for (`harness.settings.LoadSettings`).
        cluster, installation: None while tests are only collected.
        prometheus_url: Of the user's Prometheus; empty for one of the run's own.
        tools: Paths of the binaries that the suite asks for, by name.
        comparison: Of two builds; None where there is but one.
        builds: Both, by `BASE` and `HEAD`; empty where there is but one.
    """

    run_folder: str
    target: Target
    suite: Suite
    seed: int
    timeouts: dict[str, float]
    guard_socket: str = ""
    load: dict[str, Any] = {}  # strings and numbers
    cluster: Cluster | None = None
    installation: Installation | None = None
    prometheus_url: str = ""
    tools: dict[str, str] = {}
    comparison: ComparisonPlan | None = None
    builds: dict[str, Build] = {}
