"""Which node image is taken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from harness.assets.versions import KUBERNETES
from harness.clusters.kind.images import (
    NODES_LABEL,
    OWN_LABEL,
    NodeImage,
    choose,
    pull,
    require_workers,
)
from harness.errors import ClusterError, UsageError

if TYPE_CHECKING:
    from harness.clusters.kind.calls import Calls
    from harness.tests.clusters.kind.conftest import RecordedDocker

OFFICIAL = f"kindest/node:v{KUBERNETES}"
OWN = f"operator-harness.example/kind-node:v{KUBERNETES}-abc"
ABSENT = "[]\nError: No such image: x\n"


def has_own(docker: RecordedDocker) -> None:
    labels = {OWN_LABEL: f"v{KUBERNETES}", NODES_LABEL: "1"}
    docker.answer(f"label={OWN_LABEL}=v{KUBERNETES}", "sha256:draft\nsha256:abc\nsha256:old\n")
    config = {"Labels": labels, "Entrypoint": ["/init"]}
    draft = {"Id": "sha256:draft", "RepoTags": ["draft:1"], "Config": {"Labels": labels}}
    docker.answer("sha256:draft", json.dumps(draft))
    docker.answer(
        "sha256:abc", json.dumps({"Id": "sha256:abc", "RepoTags": [OWN], "Config": config})
    )


def test_kinds_own_image_is_taken_where_it_is(docker: RecordedDocker, calls: Calls) -> None:
    docker.answer(OFFICIAL, json.dumps({"Id": "sha256:def", "Config": {"Labels": None}}))
    image = choose(calls)
    assert image == NodeImage(reference=OFFICIAL, id="sha256:def")
    assert image.is_present
    assert not image.is_own
    assert image.spans_nodes


def test_else_the_newest_whole_one_that_was_built_here(
    docker: RecordedDocker, calls: Calls
) -> None:
    docker.answer(OFFICIAL, ABSENT, code=1)
    has_own(docker)
    image = choose(calls)
    assert (image.reference, image.is_own, image.has_network, image.spans_nodes) == (
        OWN,
        True,
        True,
        False,
    )


def test_else_kinds_own_is_pulled(docker: RecordedDocker, calls: Calls) -> None:
    docker.answer("inspect --type=image", ABSENT, code=1, once=True)
    image = choose(calls)
    assert image == NodeImage(reference=OFFICIAL)
    docker.answer("inspect --type=image", json.dumps({"Id": "sha256:def"}))
    told: list[str] = []
    assert pull(calls, image, told.append).is_present
    assert f"pull --quiet {OFFICIAL}" in docker.asked
    assert told == [f"pulling {OFFICIAL}"]


def test_one_that_cannot_be_pulled_names_the_step_that_builds_one(
    docker: RecordedDocker, calls: Calls
) -> None:
    docker.answer("pull", "dial tcp: lookup registry-1.docker.io: no such host", code=1)
    with pytest.raises(ClusterError, match=r"(?s)can't be pulled.*no such host") as error:
        pull(calls, NodeImage(reference=OFFICIAL), lambda _: None)
    assert "ci/steps/kind-node.sh" in error.value.hint


def test_a_given_image_is_taken_and_no_other_looked_for(
    docker: RecordedDocker, calls: Calls
) -> None:
    docker.answer("mine:1", json.dumps({"Id": "sha256:1"}))
    assert choose(calls, image="mine:1", kubernetes="1.30.0").id == "sha256:1"
    assert len(docker.asked) == 1


def test_a_version_of_kubernetes_chooses_the_image(docker: RecordedDocker, calls: Calls) -> None:
    docker.answer("inspect --type=image", ABSENT, code=1)
    assert choose(calls, kubernetes="1.33.6").reference == "kindest/node:v1.33.6"
    assert any(f"label={OWN_LABEL}=v1.33.6" in asked for asked in docker.asked)


def test_an_engine_that_does_not_answer_is_no_missing_image(
    docker: RecordedDocker, calls: Calls
) -> None:
    docker.answer("inspect", "Cannot connect to the Docker daemon at unix:///x.", code=1)
    with pytest.raises(ClusterError, match="No Docker engine answers"):
        choose(calls)


def test_workers_are_refused_where_the_network_spans_one_node() -> None:
    own = NodeImage(reference=OWN, id="1", labels={NODES_LABEL: "1"})
    require_workers(own, 0)
    require_workers(NodeImage(reference=OFFICIAL), 3)
    with pytest.raises(UsageError, match=r"2 workers.*one node only") as error:
        require_workers(own, 2)
    assert "kindest/node" in error.value.hint
