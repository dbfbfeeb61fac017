"""A kind cluster as a fixture, for people who write tests of their own with pytest.

pytest-kind's own options are obeyed where its plugin is loaded: `--cluster-name`,
`--keep-cluster`, `--kubeconfig`, `--kind-image`, `--kind-bin` and `--kind-kubectl-bin`. What it
yields is a `KindCluster`, with time-outs, an audit log, and an end that is certain.

    pytest_plugins = ["harness.pytest_plugin.kind"]

    def test_nodes(harness_kind_cluster):
        assert "Ready" in harness_kind_cluster.kubectl("get", "nodes")
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.clusters.kind.cluster import HarnessKindCluster
    from harness.guard import Guard
    from harness.settings import Settings

__all__ = ["harness_kind_cluster"]

_PYTEST_KIND_NAME = "pytest-kind"  # its default; two runs at once would share that cluster


def _option(config: pytest.Config, name: str) -> str:
    return str(config.getoption(name, default=None) or "")


@pytest.fixture(scope="session")
def harness_kind_cluster(request: pytest.FixtureRequest) -> Iterator[HarnessKindCluster]:
    """A kind cluster for the whole session, removed at its end, whatever that is."""
    from harness.clusters import new_state_dir  # noqa: PLC0415 - only for those who ask
    from harness.guard import Guard  # noqa: PLC0415 - likewise

    config = request.config
    keep = bool(config.getoption("keep_cluster", default=False))
    name = _option(config, "cluster_name")
    if name == _PYTEST_KIND_NAME and not keep:
        name = ""
    settings = _settings(name, _option(config, "kind_image"))
    state_dir = new_state_dir()
    guard = Guard.start(state_dir=state_dir, evidence=None)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for asset, option in (("KIND", "kind_bin"), ("KUBECTL", "kind_kubectl_bin")):
                if path := _option(config, option):
                    patch.setenv(f"TEST_ASSET_{asset}", str(Path(path).absolute()))
            yield from _provided(
                settings, guard, state_dir, keep=keep, copy=_option(config, "kubeconfig")
            )
    except BaseException:
        guard.owns(state_dir)
        guard.close()
        raise


def _settings(name: str, image: str) -> Settings:
    from harness.settings import Settings  # noqa: PLC0415 - only for those who ask

    return Settings(cluster="kind", kind_cluster=name, kind_image=image)


def _provided(
    settings: Settings, guard: Guard, state_dir: Path, *, keep: bool, copy: str
) -> Iterator[HarnessKindCluster]:
    from harness.assets import resolve  # noqa: PLC0415 - only for those who ask
    from harness.clusters.kind.provider import KindProvider  # noqa: PLC0415 - likewise
    from harness.guard.leftovers import write_private  # noqa: PLC0415 - likewise

    provider = KindProvider(settings)
    provider.check()
    cluster = provider.create(
        name=settings.kind_cluster or state_dir.name,
        run=None,
        assets=resolve(provider.needed_assets),
        guard=guard,
        state_dir=state_dir,
    )
    if copy:
        write_private(Path(copy), Path(cluster.kubeconfig).read_bytes())
    yield provider.handle(cluster, guard)
    if keep:
        guard.detach()
        return
    provider.delete(cluster, guard)
    guard.close()
