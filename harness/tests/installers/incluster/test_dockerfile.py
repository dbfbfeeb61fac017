"""On a real kind cluster: an operator whose image is made from its Dockerfile."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from harness import command
from harness.errors import BuildError
from harness.kube.pods import pods_of
from harness.model.target import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model.target import Target
    from harness.tests.installers.incluster.conftest import Bench

pytestmark = pytest.mark.kind

_NAME = "example.com/guestbook:v0.1.0"
_ABSENT = "operator-harness.example/no-such-base:1"
_RECIPE = """\
FROM {base}
COPY bin/manager /manager
USER 65532:65532
ENTRYPOINT ["/manager"]
"""


def _from_dockerfile(target: Target, folder: Path, base: str) -> Target:
    """Returns the operator with a Dockerfile beside its program, which can't be packed without.

    The tutorial's own folder hides programs from Docker (.dockerignore), so they lie elsewhere.
    """
    shutil.copytree(Path(target.folder) / "bin", folder / "bin")
    recipe = folder / "Dockerfile"
    recipe.write_text(_RECIPE.format(base=base))
    image = Image(dockerfile=str(recipe))
    return msgspec.structs.replace(
        target,
        folder=str(folder),
        install=msgspec.structs.replace(target.install, image=image),
        workloads=tuple(
            msgspec.structs.replace(workload, process=None) for workload in target.workloads
        ),
    )


@pytest.fixture
def no_image() -> Iterator[None]:
    """The Docker engine has no image of the operator, before and after."""
    remove = ["docker", "image", "rm", "--force", _NAME]
    command.run(remove, timeout=60, check=False)
    yield
    command.run(remove, timeout=60, check=False)


@pytest.mark.usefixtures("no_image")
def test_an_image_from_scratch_is_built_by_docker_and_runs_in_the_pod(
    bench: Bench, guestbook: Target, tmp_path: Path
) -> None:
    target = _from_dockerfile(guestbook, tmp_path, "scratch")
    installer = bench.installer(target)
    try:
        made = installer.install(bench.render(target))
        deployments = bench.client.resource("deployments.apps")
        found = bench.client.get(deployments, "guestbook-controller-manager", "guestbook-system")
        (pod,) = pods_of(bench.client, found)
    finally:
        installer.uninstall()
    assert f"Image {_NAME}: built from Dockerfile by Docker." in made.notes
    assert pod["status"]["containerStatuses"][0]["ready"]


@pytest.mark.usefixtures("no_image")
def test_a_base_that_cannot_be_had_is_named(
    bench: Bench, guestbook: Target, tmp_path: Path
) -> None:
    target = _from_dockerfile(guestbook, tmp_path, _ABSENT)
    installer = bench.installer(target)
    try:
        with pytest.raises(BuildError, match=f"begins FROM {_ABSENT}, which isn't on") as caught:
            installer.install(bench.render(target))
    finally:
        installer.uninstall()
    assert f"docker pull {_ABSENT}" in (caught.value.hint or "")
