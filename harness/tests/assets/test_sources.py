"""Where binaries are found, in which order, and what is passed over and said."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import pytest

from harness import assets, command
from harness.assets import Component
from harness.clock import SYSTEM_CLOCK
from harness.errors import AssetError

if TYPE_CHECKING:
    from harness.tests.assets.fakes import Machine

TRIO = (Component.KUBE_APISERVER, Component.KUBE_CONTROLLER_MANAGER, Component.KUBE_SCHEDULER)
ETCD = Component.ETCD


def source_of(component: Component) -> str:
    return assets.resolve([component], build=False).asset(component).source


def test_sources_are_asked_in_their_order(machine: Machine) -> None:
    machine.go()
    assert assets.resolve([ETCD]).asset(ETCD).source == "built from Go modules"
    assert source_of(ETCD) == "cache"
    on_path = machine.binary("bin", ETCD)
    assert assets.resolve([ETCD]).asset(ETCD).path == on_path
    assert source_of(ETCD) == "PATH"
    machine.name("KUBEBUILDER_ASSETS", machine.binary("folder", ETCD).parent)
    assert source_of(ETCD) == "KUBEBUILDER_ASSETS"
    machine.name("TEST_ASSET_ETCD", machine.binary("file", ETCD))
    assert source_of(ETCD) == "TEST_ASSET_ETCD"
    assert len(machine.builds) == 1


def test_a_folder_that_lacks_a_binary_leaves_it_to_the_next_source(machine: Machine) -> None:
    machine.name("KUBEBUILDER_ASSETS", machine.binary("folder", ETCD).parent)
    machine.binary("bin", Component.KUBECTL)
    found = assets.resolve([ETCD, Component.KUBECTL], build=False)
    assert [asset.source for asset in found.assets] == ["KUBEBUILDER_ASSETS", "PATH"]
    assert found.notes == ()


def test_a_file_that_is_not_there_is_an_error_that_names_the_variable(machine: Machine) -> None:
    machine.name("TEST_ASSET_ETCD", machine.root / "nowhere")
    with pytest.raises(AssetError, match=r"TEST_ASSET_ETCD names .*nowhere") as caught:
        assets.resolve([ETCD])
    assert "unset TEST_ASSET_ETCD" in caught.value.hint


def test_a_folder_that_is_not_there_is_an_error_that_names_the_variable(machine: Machine) -> None:
    machine.name("KUBEBUILDER_ASSETS", machine.root / "nowhere")
    with pytest.raises(AssetError, match=r"KUBEBUILDER_ASSETS names .*nowhere"):
        assets.resolve([ETCD])


def test_a_named_file_that_does_not_work_is_an_error(machine: Machine) -> None:
    broken = machine.binary("file", ETCD)
    broken.write_text("#!/bin/sh\nexit 7\n")
    machine.name("TEST_ASSET_ETCD", broken)
    with pytest.raises(AssetError, match=r"etcd from TEST_ASSET_ETCD doesn't work: .*7"):
        assets.resolve([ETCD])


def test_a_broken_binary_in_a_folder_is_passed_over_and_said(machine: Machine) -> None:
    broken = machine.binary("folder", ETCD)
    broken.chmod(0o644)
    machine.name("KUBEBUILDER_ASSETS", broken.parent)
    machine.binary("bin", ETCD)
    found = assets.resolve([ETCD], build=False)
    assert found.asset(ETCD).source == "PATH"
    assert "etcd from KUBEBUILDER_ASSETS doesn't work" in found.notes[0]
    assert "Passed over" in found.notes[0]


def test_another_minor_version_on_path_is_passed_over_and_said(machine: Machine) -> None:
    machine.binary("bin", ETCD, "3.4.1")
    machine.go()
    found = assets.resolve([ETCD])
    assert found.asset(ETCD).source == "built from Go modules"
    assert found.notes == (
        f"etcd 3.4.1 on PATH ({machine.bin / 'etcd'}) is passed over: the harness wants 3.6.",
    )


def test_another_patch_version_on_path_is_taken(machine: Machine) -> None:
    machine.binary("bin", ETCD, "3.6.99")
    found = assets.resolve([ETCD], build=False)
    assert found.asset(ETCD).version == "3.6.99"
    assert found.notes == ()


def test_something_on_path_without_a_version_is_passed_over_and_said(machine: Machine) -> None:
    machine.binary("bin", ETCD).write_text("#!/bin/sh\necho hello\n")
    state = assets.survey([ETCD])
    assert state.missing == (ETCD,)
    assert "doesn't say its version" in state.notes[0]


def test_a_lone_api_server_of_another_minor_is_passed_over_and_said(machine: Machine) -> None:
    machine.name(
        "KUBEBUILDER_ASSETS", machine.binary("old", Component.KUBE_APISERVER, "1.31.0").parent
    )
    for component in TRIO:
        machine.binary("bin", component)
    found = assets.resolve(TRIO, build=False)
    assert [asset.source for asset in found.assets] == ["PATH"] * 3
    (note,) = found.notes
    assert "kube-apiserver 1.31.0 from KUBEBUILDER_ASSETS" in note
    assert "one minor version with kube-controller-manager, kube-scheduler" in note
    assert "that is 1.34" in note


def test_the_three_of_one_other_minor_are_taken_together(machine: Machine) -> None:
    for component in TRIO:
        machine.name("KUBEBUILDER_ASSETS", machine.binary("old", component, "1.31.0").parent)
    found = assets.resolve(TRIO, build=False)
    assert {asset.version for asset in found.assets} == {"1.31.0"}
    assert all("is used as asked; the harness is made for 1.34" in note for note in found.notes)
    assert len(found.notes) == 3


def test_three_named_ones_that_disagree_are_not_mixed(machine: Machine) -> None:
    for component, version in zip(TRIO, ("1.31.0", "1.31.0", "1.30.9"), strict=True):
        machine.name("KUBEBUILDER_ASSETS", machine.binary("old", component, version).parent)
        machine.binary("bin", component)
    found = assets.resolve(TRIO, build=False)
    assert {asset.source for asset in found.assets} == {"PATH"}
    assert len(found.notes) == 3


def test_the_choice_does_not_depend_on_which_of_the_three_is_asked_for(machine: Machine) -> None:
    machine.name(
        "KUBEBUILDER_ASSETS", machine.binary("old", Component.KUBE_APISERVER, "1.31.0").parent
    )
    machine.binary("bin", Component.KUBE_APISERVER)
    assert source_of(Component.KUBE_APISERVER) == "PATH"


def test_a_named_etcd_of_another_minor_is_used_and_said(machine: Machine) -> None:
    machine.name("TEST_ASSET_ETCD", machine.binary("file", ETCD, "3.5.9"))
    found = assets.resolve([ETCD])
    assert found.asset(ETCD).version == "3.5.9"
    assert "used as asked" in found.notes[0]


def test_a_binary_is_asked_for_its_version_once_until_it_changes(machine: Machine) -> None:
    path = machine.binary("bin", ETCD)
    for _ in range(3):
        assets.resolve([ETCD])
    assert machine.asked.read_text().splitlines() == ["etcd"]
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assets.resolve([ETCD])
    assert machine.asked.read_text().splitlines() == ["etcd", "etcd"]


def test_damaged_memories_of_versions_are_forgotten(machine: Machine) -> None:
    machine.binary("bin", ETCD)
    assets.resolve([ETCD])
    (machine.cache / "harness" / "assets" / "versions.json").write_text('{"half a')
    assert assets.resolve([ETCD]).asset(ETCD).source == "PATH"


def test_a_warm_resolve_is_silent_fast_and_runs_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.go()
    machine.binary("bin", Component.KUBECTL)
    assets.resolve()

    def forbidden(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a process was run")

    monkeypatch.setattr(command, "stream", forbidden)
    said: list[str] = []
    seconds = []
    for _ in range(5):
        start = SYSTEM_CLOCK.now().mono_ns
        found = assets.resolve(on_progress=said.append)
        seconds.append((SYSTEM_CLOCK.now().mono_ns - start) / 1e9)
    assert len(found.assets) == len(assets.CONTROL_PLANE)
    assert said == []
    assert min(seconds) < 2, "0.02 s on an idle machine"


def test_what_is_missing_is_an_error_where_nothing_may_be_built(machine: Machine) -> None:
    machine.go()
    with pytest.raises(AssetError, match=r"etcd 3\.6\.5, kwok 0\.8\.0 aren't on this machine") as e:
        assets.resolve([ETCD, Component.KWOK], build=False)
    assert "harness assets fetch" in e.value.hint
    assert machine.builds == []


def test_all_binaries_can_be_linked_into_one_folder(machine: Machine) -> None:
    machine.go()
    folder = assets.resolve([ETCD, Component.KUBECTL]).link(machine.root / "links")
    assets.resolve([ETCD, Component.KUBECTL]).link(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["etcd", "kubectl"]
    machine.name("KUBEBUILDER_ASSETS", folder)
    assert source_of(ETCD) == "KUBEBUILDER_ASSETS"


def test_a_set_says_what_it_does_not_hold(machine: Machine) -> None:
    machine.binary("bin", ETCD)
    with pytest.raises(AssetError, match="kwok isn't among the binaries"):
        assets.resolve([ETCD]).path(Component.KWOK)
