"""The build from Go modules, and what happens when it can't be done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import assets
from harness.assets import Component
from harness.assets.components import CONTROL_PLANE, module_of
from harness.assets.store import Store
from harness.errors import AssetError

if TYPE_CHECKING:
    from harness.tests.assets.fakes import Machine

ETCD = Component.ETCD


def drafts() -> list[Path]:
    return list(Store().root.glob(".draft-*"))


def test_each_module_is_built_by_one_call(machine: Machine) -> None:
    machine.go()
    found = assets.resolve()
    assert {asset.source for asset in found.assets} == {"built from Go modules"}
    assert {asset.component for asset in found.assets} == set(CONTROL_PLANE)
    assert all(asset.path.name == asset.component for asset in found.assets)
    assert len(machine.builds) == len({module_of(component).name for component in CONTROL_PLANE})


def test_only_what_is_asked_for_is_built(machine: Machine) -> None:
    machine.go()
    assets.resolve([ETCD])
    (call,) = machine.builds
    assert call.endswith("go.etcd.io/etcd/server/v3")
    assert assets.survey().missing == tuple(c for c in CONTROL_PLANE if c is not ETCD)


def test_the_build_is_read_only_static_local_and_in_a_copy(machine: Machine) -> None:
    machine.go()
    assets.resolve([ETCD])
    assert machine.go_settings.read_text().strip() == "-mod=readonly 0 local"
    (call,) = machine.builds
    assert "-trimpath" in call
    assert call.split()[0].startswith(str(Store().root / ".draft-"))
    assert drafts() == []


def test_the_start_says_how_long_it_takes_and_progress_counts_packages(machine: Machine) -> None:
    listing = "echo 'go: downloading example.org/a v1.2.3'; echo compile a; echo compile b; echo"
    machine.go(listing=listing, before="echo a; echo b; echo c; echo d")
    said: list[str] = []
    assets.resolve(on_progress=said.append)
    assert said[0].startswith("building etcd, etcdctl, ")
    assert "about 20 minutes" in said[0]
    assert "kubernetes: downloading module 1 (example.org/a v1.2.3)" in said
    assert "kubernetes: 1 of 2 packages" in said
    assert "kubernetes: 2 of 2 packages" in said
    assert "etcd: built etcd 3.6.5, etcdctl 3.6.5, etcdutl 3.6.5" in said


def test_without_go_one_paragraph_says_what_to_do(machine: Machine) -> None:
    with pytest.raises(AssetError, match=r"Can't build etcd: There is no `go` on PATH\.") as caught:
        assets.resolve([ETCD])
    assert "Install Go" in caught.value.hint
    assert "KUBEBUILDER_ASSETS" in caught.value.hint
    assert "\n" not in f"{caught.value}{caught.value.hint}"
    assert machine.builds == []


def test_a_go_that_is_too_old_is_said_before_anything_is_built(machine: Machine) -> None:
    machine.go(version="go1.19.8")
    with pytest.raises(AssetError, match=r"needs Go 1\.\d+\S* or newer, and .* is 1\.19\.8"):
        assets.resolve()
    assert machine.builds == []


def test_a_go_that_is_broken_is_one_paragraph(machine: Machine) -> None:
    machine.go().write_text("#!/bin/sh\necho 'cannot find GOROOT' >&2; exit 2\n")
    with pytest.raises(AssetError, match="doesn't work") as caught:
        assets.resolve([ETCD])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("printed", "message", "hint"),
    [
        ("a.go:1: write /x: no space left on device", "the disk is full", "GOCACHE"),
        (
            'go: x@v1: Get "http://user:secret@proxy.test/x": dial tcp: lookup: no such host',
            "module proxy can't be reached",
            "GOPROXY",
        ),
        ("verifying x@v1: checksum mismatch", "isn't the one that go.sum pins", "modcache"),
        ("x.go:1: compile: signal: killed", "ran out of memory", "KUBEBUILDER_ASSETS"),
        ("go: could not create module cache: mkdir /x: permission denied", "caches", "GOCACHE"),
        ("go: module x requires go >= 9.9 (running go 1.1; GOTOOLCHAIN=local)", "too old", "newer"),
        (
            "# some/package\nx.go:3:5: undefined: y\nmore",
            "x.go:3:5: undefined: y",
            "build-etcd.log",
        ),
    ],
    ids=["disk", "proxy", "checksum", "memory", "permission", "old", "other"],
)
def test_a_failed_build_is_one_paragraph_that_names_the_cause(
    machine: Machine, printed: str, message: str, hint: str
) -> None:
    quoted = printed.replace('"', '\\"')
    machine.go(before=f'echo "{quoted}" >&2; exit 1')
    with pytest.raises(AssetError) as caught:
        assets.resolve([ETCD])
    assert message in str(caught.value)
    assert hint in caught.value.hint
    assert "\n" not in f"{caught.value}{caught.value.hint}"
    log = Store().log_file("etcd").read_text()
    assert "secret" not in f"{caught.value}{log}"
    assert drafts() == []
    assert assets.survey([ETCD]).missing == (ETCD,)


def test_a_module_that_can_t_be_listed_is_one_paragraph(machine: Machine) -> None:
    machine.go(listing="echo 'go: x@v1: module lookup disabled by GOPROXY=off' >&2; exit 1")
    with pytest.raises(AssetError, match="module proxy can't be reached"):
        assets.resolve([ETCD])
    assert machine.builds == []


def test_a_build_that_says_another_version_is_refused(machine: Machine) -> None:
    machine.go(says="9.9.9")
    with pytest.raises(AssetError, match=r"says version 9\.9\.9, not 3\.6\.5"):
        assets.resolve([ETCD])
    assert assets.survey([ETCD]).missing == (ETCD,)


def test_a_build_that_does_not_run_is_refused(machine: Machine) -> None:
    machine.go(after='chmod -x "${out}server"')
    with pytest.raises(AssetError, match="was built but doesn't run") as caught:
        assets.resolve([ETCD])
    assert "noexec" in caught.value.hint


def test_modules_that_were_done_stay_when_a_later_one_fails(machine: Machine) -> None:
    machine.go(before='case "$packages" in *kwok*) exit 1 ;; esac')
    with pytest.raises(AssetError, match=r"Building kwok 0\.8\.0"):
        assets.resolve()
    assert assets.survey().missing == (Component.KWOK, Component.KWOKCTL)


def test_go_gets_caches_of_its_own_where_it_can_t_write(machine: Machine) -> None:
    script = machine.go()
    home = f"echo {machine.root}; echo {machine.root}"
    text = script.read_text().replace(home, "echo /dev/null/go-build; echo off")
    script.write_text(text.replace("$GOTOOLCHAIN", "$GOTOOLCHAIN $GOCACHE $GOMODCACHE"))
    assets.resolve([ETCD])
    folder = machine.cache / "harness" / "go"
    expected = f"-mod=readonly 0 local {folder}/gocache {folder}/gomodcache"
    assert machine.go_settings.read_text().strip() == expected
