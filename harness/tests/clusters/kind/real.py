"""Real kind clusters for tests, and what the engine has of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.assets import Component, resolve
from harness.clusters import new_state_dir, provider
from harness.clusters.kind.provider import KindProvider
from harness.command import run
from harness.guard import Guard
from harness.kube.client import KubeClient
from harness.settings import Settings

if TYPE_CHECKING:
    from harness.evidence.folder import RunFolder
    from harness.model.cluster import Cluster

__all__ = ["KindLive", "containers", "engine_has", "networks"]


class KindLive:
    """A real kind cluster, with all that is needed to act on it."""

    def __init__(
        self, *, name: str, run: RunFolder | None, settings: Settings | None = None
    ) -> None:
        made = provider(settings or Settings(cluster="kind"))
        assert isinstance(made, KindProvider)
        self.provider = made
        self.run = run
        self.state_dir = new_state_dir()
        self.guard = Guard.start(
            state_dir=self.state_dir, evidence=None if run is None else run.evidence
        )
        self.progress: list[str] = []
        try:
            self.cluster: Cluster = self.provider.create(
                name=name,
                run=run,
                assets=resolve((Component.KIND, Component.KUBECTL)),
                guard=self.guard,
                state_dir=self.state_dir,
                on_progress=self.progress.append,
            )
        except BaseException:
            self.guard.close()
            raise
        self.client = KubeClient.from_kubeconfig(Path(self.cluster.kubeconfig))
        self.handle = self.provider.handle(self.cluster, self.guard)

    @property
    def kind_name(self) -> str:
        return str(self.handle.name)

    def close(self) -> None:
        """Takes it down as a run does."""
        self.client.connection.close()
        self.provider.delete(self.cluster, self.guard)
        self.guard.close()


def containers(kind_name: str) -> list[str]:
    argv = ("docker", "ps", "-aq", "--filter", f"label=io.x-k8s.kind.cluster={kind_name}")
    return run(argv, timeout=60).output.split()


def networks() -> list[str]:
    return run(("docker", "network", "ls", "--format", "{{.Name}}"), timeout=60).output.split()


def engine_has(kind_name: str) -> list[str]:
    """Returns what the engine has of a cluster: containers and networks."""
    return [*containers(kind_name), *(name for name in networks() if name == kind_name)]
