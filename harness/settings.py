"""Settings: command line over environment over suite over default.

Every value has one field, with its unit and why its default is what it is.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

__all__ = ["LoadSettings", "Settings", "Timeouts", "cache_home", "state_home"]


class Timeouts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits and windows, in seconds."""

    cluster: float = 90.0
    """Until a cluster is ready. Ten times what two idle cores need; `kind` has four times that."""
    install: float = 60.0
    """Until CRDs are established and discoverable. The API server publishes within seconds."""
    ready: float = 60.0
    """Until the operator's probes answer and it leads. A lease that wasn't released lasts 15 s."""
    converge: float = 60.0
    """Until a custom resource is ready for its generation. Simulated pods start in seconds."""
    delete: float = 60.0
    """Until a custom resource and all that it made are gone."""
    silence: float = 10.0
    """Window of silence at rest. Longer than a usual requeue; conformance uses 60 s."""
    stop: float = 15.0
    """Between SIGTERM and SIGKILL of an operator process; a pod gets 30 s."""
    tests: float = 600.0
    """For the operator's own tests, unit or end-to-end; what `go test` allows a package."""


class LoadSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the load suite does; a suite of the user's own may read it, too."""

    profile: str = ""
    """"burst", "steady", "ramp", "churn", "knee" or "growth"; empty for the knee, then two minutes
    at 70 % of it, then a burst."""
    rate: float = 0.0
    """Arrivals a second of steady, churn, growth and a soak, the last rate of a ramp, the first of
    the search for the knee; 0 for the profile's own."""
    duration: float = 0.0
    """Seconds of steady, ramp, churn and a soak, budget of the search, seconds at each size of
    growth; 0 for the profile's own."""
    objects: int = 0
    """Custom resources, and then unrelated objects, at the last size of growth; 0 for 1,600."""
    burst: int = 0
    """Arrivals of a burst; 0 for 200: more than an operator's first retries and queues hide."""
    mix: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Shares of creates, updates of the spec, updates that change nothing, and deletes in steady,
    ramp and churn; all 0 for the profile's own."""
    workers: int = 1
    """Processes that generate load. One sends more than most operators can take."""
    ui: str = ""
    """HOST:PORT of Locust's web UI; empty for none."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was asked to do, apart from the target."""

    output: str = "harness-runs"
    """Folder for run folders, relative to where the user stands."""
    cluster: str = "local"
    """Cluster provider. `local` needs neither Docker nor an account."""
    install: str = ""
    """How the operator is installed: "process", "in-cluster"; empty for what suits the cluster."""
    kubeconfig: str = ""
    """File that holds the context of an existing cluster; empty for what kubectl would read."""
    context: str = ""
    """Context of an existing cluster. Never guessed: a run writes there."""
    audit_log: str = ""
    """Audit log of an existing cluster, a file of this machine; empty where there is no access."""
    kind_image: str = ""
    """Node image of a kind cluster; empty for kind's own, or the one that was built here."""
    kind_workers: int = 0
    """Worker nodes of a kind cluster. One node suffices for most, and boots fastest."""
    kind_config: str = ""
    """A kind config that is merged into ours; empty for none."""
    kind_cluster: str = ""
    """Name of a kind cluster: used if it's up (and it stays), else made; empty for a new one."""
    kubernetes_version: str = ""
    """Version of the local cluster, "X.Y.Z"; empty for the one that the harness is made for."""
    keep: bool = False
    """Leave cluster and operator up when the run ends."""
    durable: bool = False
    """Let etcd fsync. Off by default, as in envtest: a run's data needs no crash safety."""
    audit_bodies: tuple[str, ...] = ()
    """Resources ("<plural>.<group>") whose requests and answers the local cluster's audit log holds
    whole. Of a calibration only: it costs the API server time, which a load would measure."""
    seed: int = 0
    """Seed of every random choice; 0 draws one and records it."""
    own_tests: bool = True
    """Whether the suites unit and integration run the operator's own tests."""
    previous: str = ""
    """The release before: a folder, a file or a git reference; empty for none."""
    prove_rbac: bool = False
    """Run smoke again with the smallest roles in the place of those that the operator has."""
    fail_fast: bool = False
    """Stop at the first failing test."""
    fail_on: tuple[str, ...] = ()
    """What else turns the verdict: "minor", "not_verified"."""
    baseline: str = ""
    """An earlier run that this one is held against: its folder or result.json; empty for none."""
    allowed: dict[str, float] = {}
    """By which share each figure may be worse than in the baseline."""
    prometheus_url: str = ""
    """A Prometheus that scrapes the operator already; empty for one of the run's own."""
    keyword: str = ""
    """pytest's -k expression for the suite's tests."""
    timeouts: Timeouts = Timeouts()
    load: LoadSettings = LoadSettings()


def state_home() -> Path:
    """Returns the folder for private state; `$TMPDIR` where HOME can't be written.

    Cluster state (keys, tokens, etcd data) lives below it, never in a run folder.
    """
    return _home("XDG_STATE_HOME", ".local/state") / "harness"


def cache_home() -> Path:
    """Returns the folder for what can be made again: binaries, downloads."""
    return _home("XDG_CACHE_HOME", ".cache") / "harness"


def _home(variable: str, default: str) -> Path:
    import tempfile  # noqa: PLC0415 - rarely needed at start

    chosen = os.environ.get(variable)
    folder = Path(chosen) if chosen else Path.home() / default
    probe = folder
    while not probe.exists() and probe != probe.parent:
        probe = probe.parent
    if os.access(probe, os.W_OK):
        return folder
    return Path(tempfile.gettempdir()) / f"harness-{os.getuid()}"
