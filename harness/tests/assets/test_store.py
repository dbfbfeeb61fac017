"""The cache: nothing half, stale, changed or foreign is ever taken."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from harness import assets
from harness.assets import Component
from harness.assets.sources import recipe_of
from harness.assets.store import Recipe, Store, platform_name
from harness.errors import AssetError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.tests.assets.fakes import Machine

ETCD = Component.ETCD


def cached(machine: Machine) -> Path:
    machine.go()
    return assets.resolve([ETCD]).path(ETCD)


def test_a_key_names_component_version_platform_and_inputs() -> None:
    recipe = Recipe(component=ETCD, version="3.6.5", inputs="0123456789abcdef0123")
    assert recipe.key == f"etcd-3.6.5-{platform_name()}-0123456789abcdef"


def test_other_build_inputs_are_another_binary(machine: Machine) -> None:
    cached(machine)
    other = Recipe(component=ETCD, version="3.6.5", inputs="f" * 64)
    assert Store().find(recipe_of(ETCD)) is not None
    assert Store().find(other) is None


def test_a_binary_of_another_size_is_made_again(machine: Machine) -> None:
    path = cached(machine)
    path.write_text(path.read_text() + "# torn\n")
    assert assets.survey([ETCD]).missing == (ETCD,)
    assert assets.resolve([ETCD]).asset(ETCD).source == "built from Go modules"
    assert "torn" not in path.read_text()


def test_a_change_that_size_and_time_hide_is_found_by_its_hash(machine: Machine) -> None:
    path = cached(machine)
    status = path.stat()
    path.write_text(path.read_text().replace("echo", "ECHO"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert assets.resolve([ETCD]).asset(ETCD).source == "cache"
    found = assets.resolve([ETCD], verify=True)
    assert found.asset(ETCD).source == "built from Go modules"
    assert "was changed on disk" in found.notes[0]
    assert "ECHO" not in path.read_text()


@pytest.mark.parametrize("content", [None, "{", "{}"], ids=["absent", "torn", "empty"])
def test_a_binary_without_its_manifest_is_not_used(machine: Machine, content: str | None) -> None:
    manifest = cached(machine).with_name("manifest.json")
    manifest.unlink()
    if content is not None:
        manifest.write_text(content)
    assert assets.survey([ETCD]).missing == (ETCD,)


def test_a_cache_that_others_may_write_is_refused(machine: Machine) -> None:
    machine.go()
    root = machine.cache / "harness" / "assets"
    root.mkdir(parents=True)
    root.chmod(0o777)
    with pytest.raises(AssetError, match="can't be trusted") as caught:
        assets.resolve([ETCD])
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_a_cache_that_is_a_file_is_one_paragraph(machine: Machine) -> None:
    machine.go()
    (machine.cache / "harness").write_text("")
    with pytest.raises(AssetError, match="can't be used"):
        assets.resolve([ETCD])
