"""A real kind cluster, and a real operator for it, shared by all tests beside."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import clusters, targets
from harness.assets import AssetSet, Component, resolve
from harness.clock import SYSTEM_CLOCK
from harness.evidence.folder import RunFolder
from harness.guard import Guard
from harness.installers import render
from harness.installers.incluster.control import ClusterControl
from harness.installers.incluster.installer import InClusterInstaller
from harness.kube.client import KubeClient
from harness.resources import bundled
from harness.settings import Settings, Timeouts
from harness.targets import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.manifests.objects import Object
    from harness.model.cluster import Cluster
    from harness.model.installation import Installation
    from harness.model.target import Target

_PATIENT = Timeouts(cluster=300.0, install=120.0, ready=120.0, delete=120.0)


class Bench:
    """A cluster, and what it takes to install something in it.

    Attributes:
        messages: What the installers said that they do.
    """

    def __init__(self, folder: Path, assets: AssetSet) -> None:
        settings = Settings(cluster="kind", timeouts=_PATIENT)
        self.assets = assets
        self.messages: list[str] = []
        self.run = RunFolder.create(folder, suite="x", target="x", now=SYSTEM_CLOCK.now())
        self.provider = clusters.provider(settings)
        state = clusters.new_state_dir()
        self.guard = Guard.start(state_dir=state, evidence=self.run.evidence)
        self.guard.owns(state)
        try:
            self.cluster: Cluster = self.provider.create(
                name="incluster", run=self.run, assets=assets, guard=self.guard, state_dir=state
            )
        except BaseException:
            self.guard.close()
            raise
        self.client = KubeClient.from_kubeconfig(Path(self.cluster.kubeconfig))

    def installer(self, target: Target, *, ready: float = 120.0) -> InClusterInstaller:
        """Returns an installer; `ready` is its patience in seconds."""
        return InClusterInstaller(
            target=target,
            cluster=self.cluster,
            client=self.client,
            guard=self.guard,
            run=self.run,
            assets=self.assets,
            timeouts=Timeouts(install=120.0, ready=ready, delete=120.0),
            on_progress=self.messages.append,
            load_image=lambda archive: self.provider.load_image(self.cluster, self.guard, archive),
        )

    def render(self, target: Target) -> tuple[Object, ...]:
        """Returns a target's manifests."""
        helm = self.assets.path(Component.HELM) if target.install.manifests.helm else None
        return render(target, kubectl=self.assets.path(Component.KUBECTL), helm=helm)

    def control(self, installation: Installation) -> ClusterControl:
        """As another process of the run makes it."""
        return ClusterControl(
            installation=installation,
            cluster=self.cluster,
            client=KubeClient.from_kubeconfig(Path(self.cluster.kubeconfig)),
            guard=self.guard,
        )

    def close(self) -> None:
        """Takes the cluster down."""
        try:
            self.client.connection.close()
            self.provider.delete(self.cluster, self.guard)
        finally:
            self.guard.close()


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One kind cluster for all of these tests."""
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        if "HARNESS_TEST_ASSETS" in os.environ:
            patch.setenv("KUBEBUILDER_ASSETS", os.environ["HARNESS_TEST_ASSETS"])
        provider = clusters.provider(Settings(cluster="kind"))
        provider.check()  # who asks for these tests has Docker; without it they fail, and say why
        made = Bench(folder / "runs", resolve((*provider.needed_assets, Component.HELM)))
    yield made
    made.close()


@pytest.fixture(scope="session")
def guestbook(tmp_path_factory: pytest.TempPathFactory) -> Target:
    """The bundled operator, built in a copy of its folder."""
    folder = tmp_path_factory.mktemp("source") / "guestbook"
    shutil.copytree(bundled("operators_under_test", "guestbook"), folder)
    made = load(str(folder))
    targets.build(made, on_line=lambda _: None)
    return made
