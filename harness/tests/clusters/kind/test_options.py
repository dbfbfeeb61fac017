"""Options of kind clusters on the command line, and what is refused before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.cli.kind import kind_settings
from harness.clusters import provider
from harness.clusters.kind.images import NODES_LABEL
from harness.errors import ClusterError, UsageError
from harness.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from harness.tests.clusters.kind.conftest import RecordedDocker

GIVEN = {"kind_image": "", "kind_workers": 0, "kind_config": "", "kind_cluster": ""}


@pytest.mark.parametrize("name", GIVEN)
def test_an_option_for_another_cluster_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} says"):
        kind_settings("local", {**GIVEN, name: "x"})
    assert kind_settings("kind", {**GIVEN, name: "x"})[name] == "x"
    assert kind_settings("local", GIVEN) == GIVEN


def test_a_run_is_refused_before_it_begins_where_no_engine_answers(docker: RecordedDocker) -> None:
    docker.answer("info", "Cannot connect to the Docker daemon at unix:///x.", code=1)
    with pytest.raises(ClusterError, match="No Docker engine answers"):
        provider(Settings(cluster="kind")).check()


def test_workers_on_an_image_for_one_node_are_refused_before_a_run(
    docker: RecordedDocker, tmp_path: Path
) -> None:
    docker.answer("info", '{"ServerVersion": "28.0.0"}')
    labels = f'{{"Id": "1", "Config": {{"Labels": {{"{NODES_LABEL}": "1"}}}}}}'
    docker.answer("inspect --type=image", labels)
    wish = Settings(cluster="kind", kind_image="own:1")
    provider(wish).check()
    with pytest.raises(UsageError, match="one node only"):
        provider(Settings(cluster="kind", kind_image="own:1", kind_workers=1)).check()
    config = tmp_path / "kind.yaml"
    config.write_text(
        "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n"
        "nodes: [{role: control-plane}, {role: worker}]\n"
    )
    with pytest.raises(UsageError, match="one node only"):
        provider(Settings(cluster="kind", kind_image="own:1", kind_config=str(config))).check()
