"""Another version of Kubernetes: taken where it can be had, else said what can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import assets
from harness.assets.components import KUBERNETES_FAMILY, UNIFORM, Component, Pins, module_of
from harness.assets.generation import written
from harness.assets.modules import kubernetes
from harness.assets.network import MIRROR, OFFLINE
from harness.assets.store import Store
from harness.errors import AssetError, UsageError
from harness.model.verdict import ExitCode
from harness.tests.assets.server import serving
from harness.tests.assets.test_commands import run

if TYPE_CHECKING:
    from pathlib import Path

    from harness.tests.assets.fakes import Machine

API = Component.KUBE_APISERVER
OTHER = "1.33.6"
UPSTREAM = """\
module k8s.io/kubernetes

go 1.24.0

require (
	k8s.io/api v0.0.0
	example.test/other v1.2.3
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/kubectl => ./staging/src/k8s.io/kubectl
	example.test/other => example.test/fork v1.0.0
)
"""


@pytest.fixture
def folder(machine: Machine) -> Path:
    """All of Kubernetes in another version, in KUBEBUILDER_ASSETS."""
    for component in KUBERNETES_FAMILY:
        machine.name("KUBEBUILDER_ASSETS", machine.binary("folder", component, OTHER).parent)
    return machine.root / "folder"


def test_the_environment_s_binaries_of_that_version_are_taken_without_a_note(folder: Path) -> None:
    found = assets.resolve(KUBERNETES_FAMILY, kubernetes=OTHER, build=False)
    assert {asset.path.parent for asset in found.assets} == {folder}
    assert found.notes == ()


@pytest.mark.usefixtures("folder")
def test_the_environment_s_binaries_of_another_version_are_passed_over_and_said() -> None:
    state = assets.survey(UNIFORM, kubernetes="1.33.5")
    assert state.missing == UNIFORM
    assert len(state.notes) == 3
    assert "is passed over: Kubernetes 1.33.5 was asked for." in state.notes[0]


def test_on_path_the_servers_must_be_of_that_very_version(machine: Machine) -> None:
    machine.binary("bin", API, "1.33.5")
    machine.binary("bin", Component.KUBECTL, "1.33.5")
    state = assets.survey((API, Component.KUBECTL), kubernetes=OTHER)
    assert state.missing == (API,)
    assert "the harness wants 1.33.6" in state.notes[0]


def test_the_others_keep_their_versions(machine: Machine) -> None:
    etcd = machine.binary("bin", Component.ETCD)
    found = assets.resolve((Component.ETCD,), kubernetes=OTHER, build=False)
    assert found.path(Component.ETCD) == etcd


def test_a_release_of_that_version_is_taken(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server:
        server.publish(*UNIFORM, pins=Pins.of(OTHER))
        machine.name(MIRROR, server.url)
        monkeypatch.delenv(OFFLINE)
        found = assets.resolve(UNIFORM, kubernetes=OTHER)
    assert {(asset.version, asset.source) for asset in found.assets} == {(OTHER, "release mirror")}
    assert assets.survey(UNIFORM).missing == UNIFORM, "it isn't taken for the harness's own"
    assert assets.survey(UNIFORM, kubernetes=OTHER).missing == ()


def test_else_a_go_module_is_generated_checked_and_built(machine: Machine) -> None:
    machine.upstream.write_text(UPSTREAM)
    machine.go(says=OTHER)
    said: list[str] = []
    found = assets.resolve((API,), kubernetes=OTHER, on_progress=said.append)
    assert (found.asset(API).version, found.asset(API).source) == (OTHER, "built from Go modules")
    assert machine.go_mods.read_text().splitlines() == [
        "mod download -json k8s.io/kubernetes@v1.33.6",
        "mod tidy",
    ]
    assert "require k8s.io/kubernetes v1.33.6" in machine.tidied.read_text()
    assert f"-X k8s.io/component-base/version.gitVersion=v{OTHER}" in machine.builds[0]
    assert assets.resolve((API,), kubernetes=OTHER).asset(API).source == "cache"


def test_the_generated_module_replaces_what_upstream_stages_and_nothing_else() -> None:
    files = written(kubernetes(OTHER), UPSTREAM)
    assert files["go.mod"].splitlines()[2:] == [
        "go 1.24.0",
        "",
        "require k8s.io/kubernetes v1.33.6",
        "",
        "replace (",
        "\tk8s.io/api => k8s.io/api v0.33.6",
        "\tk8s.io/kubectl => k8s.io/kubectl v0.33.6",
        ")",
    ]
    assert '\t_ "k8s.io/kubernetes/cmd/kube-apiserver"' in files["tools.go"]


def test_the_generated_module_is_like_the_pinned_one() -> None:
    pinned = module_of(API)
    theirs = pinned.files()["go.mod"].decode()
    staged = [line.split()[0] for line in theirs.splitlines() if " => " in line]
    upstream = "go 1.24.0\n" + "\n".join(f"{path} => ./staging/src/{path}" for path in staged)
    ours = written(pinned, upstream)["go.mod"]
    assert ours.splitlines()[-len(staged) - 2 :] == theirs.splitlines()[-len(staged) - 2 :]


def test_a_module_that_the_checksum_database_refuses_is_not_built(machine: Machine) -> None:
    machine.upstream.write_text(UPSTREAM)
    machine.go(tidy="echo 'verifying x@v1: checksum mismatch' >&2; exit 1")
    with pytest.raises(AssetError, match=r"Completing the Go module of kubernetes 1\.33\.6 failed"):
        assets.resolve((API,), kubernetes=OTHER)
    assert "checksum mismatch" in Store().log_file("kubernetes").read_text()
    assert machine.builds == []


def test_a_version_that_needs_a_newer_go_is_said(machine: Machine) -> None:
    machine.upstream.write_text(UPSTREAM.replace("1.24.0", "1.99.0"))
    machine.go(version="go1.25.0")
    with pytest.raises(AssetError, match=r"kubernetes 1\.33\.6 needs Go 1\.99\.0 or newer"):
        assets.resolve((API,), kubernetes=OTHER)
    assert machine.builds == []


def test_a_version_that_does_not_exist_is_one_paragraph_that_names_what_can_be_had(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.go()
    assets.resolve((API,))
    with serving() as server:
        machine.name(MIRROR, server.url)
        monkeypatch.delenv(OFFLINE)
        with pytest.raises(AssetError, match=r"^Kubernetes 1\.33\.99 can't be had\.") as caught:
            assets.resolve((API,), kubernetes="1.33.99")
    assert caught.value.exit_code is ExitCode.ERROR
    assert "unknown revision" in str(caught.value)
    assert "answered 404" in str(caught.value)
    assert "1.34.4 is the harness's own; in the cache: 1.34.4; as Go modules: 1.33.5, 1.33.6." in (
        caught.value.hint
    )
    assert "\n" not in f"{caught.value}{caught.value.hint}"


def test_without_go_it_names_what_can_be_had_too(machine: Machine) -> None:
    assert machine.builds == []
    with pytest.raises(AssetError, match=r"Kubernetes 1\.33\.6 can't be had") as caught:
        assets.resolve((API,), kubernetes=OTHER)
    assert "To be had are: 1.34.4 is the harness's own." in caught.value.hint


@pytest.mark.parametrize("text", ["1.33", "latest", "2.0.0", "1.33.6-rc.1", "1.33.x"])
def test_what_is_no_version_is_the_users_mistake(text: str) -> None:
    with pytest.raises(UsageError, match="is no version of Kubernetes"):
        Pins.of(text)


def test_a_leading_v_is_fine() -> None:
    assert Pins.of("v1.33.6") == Pins(kubernetes=OTHER, exact=True)


@pytest.mark.parametrize(
    "words",
    [
        ("assets", "fetch"),
        ("cluster", "up"),
        ("run", "--suite", "smoke", "--target", "guestbook"),
    ],
    ids=["fetch", "up", "run"],
)
def test_the_option_is_checked_before_anything_else(
    machine: Machine, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert run(*words, "--kubernetes-version", "1.33") == ExitCode.USAGE
    assert "error: '1.33' is no version of Kubernetes" in capsys.readouterr().err
    assert machine.builds == []


def test_fetch_gets_the_version_that_is_asked_for(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.upstream.write_text(UPSTREAM)
    machine.go(says=OTHER)
    code = run("assets", "fetch", "--kubernetes-version", OTHER, "kube-scheduler")
    assert code == ExitCode.PASS
    assert "kube-scheduler-1.33.6-" in " ".join(
        path.name for path in (machine.cache / "harness" / "assets").iterdir()
    )
    assert capsys.readouterr().out == "1 binaries ready (built from Go modules).\n"
