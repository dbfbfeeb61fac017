"""What goes into the wheel and into the source distribution, and what stays out."""

from __future__ import annotations

import re
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from harness import command
from harness.tests.packaging.conftest import ROOT

if TYPE_CHECKING:
    from harness.tests.packaging.conftest import Distribution

pytestmark = pytest.mark.package

BUNDLED = "harness/_bundled/"
DEFINITION = re.compile(
    r"operators_under_test/"
    r"(?:reference/.+|[^/]+/(?:target\.yaml|(?:chart|config|deploy|manifests|samples|twins)/.+))"
)
"""All that the wheel holds of operators; `reference` is Python, which needs no building."""


def tracked(*folders: str) -> set[str]:
    """Returns the tracked and the new files below folders of the checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is no list of tracked files")
    listed = command.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *folders], timeout=30, cwd=ROOT
    )
    return {line for line in listed.output.splitlines() if (ROOT / line).is_file()}


@pytest.mark.parametrize(
    "folder",
    ["suites", "reports", "ci/controlplane", "ci/helm", "ci/jobs", "ci/kind", "ci/prometheus"],
)
def test_the_wheel_holds_a_folder_that_is_loaded_by_path_whole(
    distribution: Distribution, folder: str
) -> None:
    wanted = {BUNDLED + name for name in tracked(folder)}
    assert wanted
    assert {name for name in distribution.names if name.startswith(f"{BUNDLED}{folder}/")} == wanted


def test_the_wheel_holds_the_definitions_of_operators_without_their_sources(
    distribution: Distribution,
) -> None:
    wanted = {
        BUNDLED + name for name in tracked("operators_under_test") if DEFINITION.fullmatch(name)
    }
    found = {
        name for name in distribution.names if name.startswith(f"{BUNDLED}operators_under_test/")
    }
    assert found == wanted
    for part in ("target.yaml", "twins/hot-loop.yaml", "config/default/kustomization.yaml"):
        assert f"{BUNDLED}operators_under_test/guestbook/{part}" in found


def test_the_wheel_holds_the_package_without_its_tests(distribution: Distribution) -> None:
    wanted = {name for name in tracked("harness") if not name.startswith("harness/tests/")}
    found = {
        name
        for name in distribution.names
        if not name.startswith(BUNDLED) and ".dist-info/" not in name
    }
    assert found == wanted
    assert "harness/py.typed" in found


def test_the_wheel_holds_licence_and_notice(distribution: Distribution) -> None:
    ends = {name.partition(".dist-info/")[2] for name in distribution.names}
    assert {"licenses/LICENSE", "licenses/NOTICE"} <= ends


def test_the_wheel_says_what_it_is(distribution: Distribution) -> None:
    (place,) = (name for name in distribution.names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(distribution.wheel) as archive:
        metadata = archive.read(place).decode()
    for line in (
        "Name: operator-harness",
        "License-Expression: Apache-2.0",
        "Requires-Python: >=3.11",
    ):
        assert line in metadata.splitlines()


def test_the_source_distribution_holds_what_building_and_testing_take(
    distribution: Distribution,
) -> None:
    with tarfile.open(distribution.source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in (
        "LICENSE",
        "Makefile",
        "pyproject.toml",
        "ci/requirements/dev.txt",
        "harness/tests/packaging/test_contents.py",
        "operators_under_test/guestbook/go.mod",
        "operators_under_test/guestbook/cmd/main.go",
    ):
        assert name in names
    made = re.compile(
        r"(?:^|/)(?:\.venv|__pycache__|harness-runs)(?:/|$)"
        r"|^operators_under_test/.*/bin(?:/|$)|\.pyc$"
    )
    assert [name for name in names if made.search(name)] == []
