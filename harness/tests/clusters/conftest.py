"""Fixtures of the clusters' tests: private state, binaries, a real cluster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.assets import AssetSet, Component, resolve
from harness.clock import SYSTEM_CLOCK
from harness.clusters import new_state_dir, provider
from harness.clusters.local.components import ASSETS
from harness.evidence.folder import RunFolder
from harness.guard import Guard
from harness.kube.client import KubeClient
from harness.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.clusters.provider import Provider
    from harness.model.cluster import Cluster


class Live:
    """A real cluster, with all that is needed to act on it."""

    def __init__(self, *, name: str, assets: AssetSet, run: RunFolder | None) -> None:
        self.provider: Provider = provider(Settings())
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
                assets=assets,
                guard=self.guard,
                state_dir=self.state_dir,
                on_progress=self.progress.append,
            )
        except BaseException:
            self.guard.close()
            raise
        self.client = KubeClient.from_kubeconfig(Path(self.cluster.kubeconfig))

    def close(self) -> None:
        """Takes it down as a run does."""
        self.client.connection.close()
        self.provider.delete(self.cluster, self.guard)
        self.guard.close()


@pytest.fixture(scope="session")
def assets() -> AssetSet:
    given = os.environ.get("HARNESS_TEST_ASSETS")
    if given:
        os.environ["KUBEBUILDER_ASSETS"] = given
    return resolve(tuple(Component(name) for name in ASSETS), build=False)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Private state of these tests alone."""
    folder = tmp_path_factory.mktemp("state")
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["XDG_STATE_HOME"]
    else:
        os.environ["XDG_STATE_HOME"] = before


def new_run(parent: Path) -> RunFolder:
    return RunFolder.create(parent, suite="smoke", target="none", now=SYSTEM_CLOCK.now())


@pytest.fixture(scope="session")
def live(
    home: Path,  # noqa: ARG001 - set before any state folder is made
    assets: AssetSet,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Live]:
    """One cluster for the tests that don't break it."""
    made = Live(name="shared", assets=assets, run=new_run(tmp_path_factory.mktemp("runs")))
    yield made
    made.close()
