"""A definition becomes a Target with absolute paths; it is found by name, folder or file."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import resources
from harness.errors import TargetError
from harness.model.target import (
    Gate,
    InstallMode,
    Manifests,
    Mutation,
    Process,
    Readiness,
    Scope,
    Waiver,
    Webhooks,
)
from harness.targets import TargetEntry, available, load

FULL = """\
apiVersion: harness/v1
kind: Target
name: widget
install:
  manifests: {files: [config/default/kustomization.yaml]}
  skip: [ServiceMonitor]
  image: {dockerfile: Dockerfile, name: example.com/widget}
  webhooks: self-managed
workloads:
- deployment: widget-manager
  container: manager
  process: {build: [go, build], command: [bin/manager, --flag]}
  metrics: {port: 8443, dialect: plain, path: /m}
  pprof: {port: 8082}
scope: {mode: MultiNamespace, namespaces: [a, b], owns: [deployments.apps, services]}
kinds:
- resource: widgets.example.com
  samples: [config/samples/widget.yaml]
  ready: {cel: self.status.ready == self.spec.size}
  mutations: [{path: "spec.ports[0].port", values: [1, null, {a: [true]}]}]
tests: {unit: [go, test], integration: [make, e2e]}
gates: {convergence_latency_p99: 2s, knee: ">= 50/s", restarts: 0}
waivers: [{check: RBA-103, match: secrets, reason: known, link: "https://x", expires: 2020-06-01}]
"""


def test_a_minimal_definition_has_defaults(project: Path) -> None:
    target = load("target.yaml")
    assert target.name == "widget"
    assert target.folder == str(project)
    assert target.install.manifests == Manifests(kustomize=str(project / "config/default"))
    assert target.install.webhooks is Webhooks.MANAGED
    assert target.kinds[0].samples == (str(project / "config/samples/widget.yaml"),)
    assert target.kinds[0].ready == Readiness()
    assert target.scope == Scope(mode=InstallMode.ALL_NAMESPACES)
    assert target.twin is None


def test_every_key_arrives(project: Path) -> None:
    (project / "target.yaml").write_text(FULL)
    (project / "Dockerfile").write_text("")
    target = load(".")
    assert target.install.manifests.files == (str(project / "config/default/kustomization.yaml"),)
    assert target.install.skip == ("ServiceMonitor",)
    assert target.install.image is not None
    assert target.install.image.dockerfile == str(project / "Dockerfile")
    (workload,) = target.workloads
    assert workload.process == Process(command=("bin/manager", "--flag"), build=("go", "build"))
    assert workload.metrics is not None
    assert workload.metrics.dialect == "plain"
    assert target.scope.owns == ("deployments.apps", "services")
    assert target.kinds[0].mutations == (
        Mutation(path="spec.ports[0].port", values=(1, None, {"a": [True]})),
    )
    assert target.tests.integration == ("make", "e2e")
    assert target.gates == (
        Gate(measurement="convergence_latency_p99", operator="", bound=2, unit="s", text="2s"),
        Gate(measurement="knee", operator=">=", bound=50, unit="1/s", text=">= 50/s"),
        Gate(measurement="restarts", operator="", bound=0, unit="1", text="0"),
    )
    assert target.waivers == (
        Waiver(
            check="RBA-103",
            match="secrets",
            reason="known",
            link="https://x",
            expires="2020-06-01",
        ),
    ), "an expired waiver fails later, not here"


def test_an_operator_may_have_names_of_its_own_for_metrics(project: Path) -> None:
    file = project / "target.yaml"
    names = "names: {workqueue_depth: my_depth}, labels: {name: queue}"
    file.write_text(FULL.replace("path: /m}", f"path: /m, {names}}}"))
    (project / "Dockerfile").write_text("")
    (workload,) = load(".").workloads
    assert workload.metrics is not None
    assert workload.metrics.names == {"workqueue_depth": "my_depth"}
    assert workload.metrics.labels == {"name": "queue"}


def test_a_family_that_nobody_reads_is_refused(project: Path) -> None:
    file = project / "target.yaml"
    names = "names: {workqueue_deptth: my_depth}"
    file.write_text(FULL.replace("path: /m}", f"path: /m, {names}}}"))
    (project / "Dockerfile").write_text("")
    with pytest.raises(TargetError, match="workqueue_deptth") as caught:
        load(".")
    assert "workqueue_depth" in f"{caught.value} {caught.value.hint}"


def test_an_image_can_be_named_alone(project: Path) -> None:
    file = project / "target.yaml"
    file.write_text(file.read_text().replace("kinds:", "  image: {name: a/b}\nkinds:"))
    image = load(".").install.image
    assert image is not None
    assert (image.name, image.dockerfile) == ("a/b", None)


def test_a_folder_and_a_file_of_another_name_are_found(project: Path) -> None:
    (project / "other.yaml").write_text((project / "target.yaml").read_text())
    assert load(str(project)) == load("other.yaml") == load(str(project / "other.yaml"))


def test_a_problem_names_the_file_as_the_user_would(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "target.yaml").write_text("")
    with pytest.raises(TargetError, match=r"(?m)^target.yaml: the file"):
        load(".")
    monkeypatch.chdir(project / "config")
    with pytest.raises(TargetError) as caught:
        load("..")
    assert "target.yaml: the file is empty" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("gestbook", "There is no bundled target 'gestbook'.", "Did you mean 'guestbook'?"),
        ("zzz", "There is no bundled target 'zzz'.", "Bundled: "),
        ("none/target.yaml", "There is no file or folder 'none/target.yaml'.", "Bundled:"),
        ("none.yaml", "There is no file or folder 'none.yaml'.", "Give the path of a target.yaml"),
        ("", "'' is no target.", "Bundled: "),
        ("a\0b", "'a\\x00b' is no target.", "Bundled: "),
        ("config", "The folder 'config' has no target.yaml.", "`harness init config` writes one"),
        ("x" * 300, "is no target: File name too long.", ""),
        ("/dev/null", "/dev/null: isn't a regular file", "Mend the file"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_cant_be_found_is_said_with_what_there_is(name: str, message: str, hint: str) -> None:
    with pytest.raises(TargetError) as caught:
        load(name)
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_a_folder_with_a_file_of_nearly_the_name_says_so(project: Path) -> None:
    (project / "target.yaml").rename(project / "target.yml")
    with pytest.raises(TargetError) as caught:
        load(".")
    assert caught.value.hint == "Give the file's own path; target.yml is there."


def test_the_bundled_guestbook_loads_with_each_of_its_twins() -> None:
    (entry,) = [entry for entry in available() if entry.name == "guestbook"]
    assert entry.has_sources
    assert len(entry.twins) >= 5
    for twin in entry.twins:
        target = load("guestbook", twin=twin)
        assert target.twin is not None
        assert target.twin.name == twin


def test_fixtures_are_no_examples_and_load_by_path_only() -> None:
    folder = resources.bundled("operators_under_test", "fixtures")
    names = {file.parent.name for file in folder.glob("*/target.yaml")}
    assert names >= {"cluster-scoped", "multi-version", "one-namespace", "own-namespace"}
    assert not names & {entry.name for entry in available()}
    for name in names:
        twins = sorted(file.stem for file in (folder / name / "twins").glob("*.yaml"))
        for twin in (None, *twins):
            assert load(str(folder / name), twin=twin).name == name


@pytest.fixture
def wheel(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns the bundled folder of an installed package that holds `project` as "widget"."""
    bundled = project / "bundled"
    monkeypatch.setattr(resources, "is_checkout", lambda: False)
    monkeypatch.setattr(resources, "bundled", bundled.joinpath)
    widget = bundled / "operators_under_test" / "widget"
    widget.mkdir(parents=True)
    for name in ("target.yaml", "config", "twins"):
        (project / name).rename(widget / name)
    return widget


def test_an_installed_target_with_its_sources_loads(wheel: Path) -> None:
    assert load("widget", twin="never-ready").folder == str(wheel)
    entry = TargetEntry(name="widget", folder=str(wheel), has_sources=True, twins=("never-ready",))
    assert available() == (entry,)


@pytest.mark.parametrize(
    "missing", ["config/samples/widget.yaml", "config/default", "go", "env, CGO_ENABLED=0, go"]
)
def test_an_installed_target_without_its_sources_says_that_a_checkout_is_needed(
    wheel: Path, missing: str
) -> None:
    if missing.endswith("go"):
        process = f"{{build: [{missing}, build], command: [x]}}"
        with (wheel / "target.yaml").open("a") as file:
            file.write(f"workloads: [{{deployment: x, process: {process}}}]\n")
    else:
        (wheel / missing).rename(wheel / "elsewhere")
    assert [entry.has_sources for entry in available()] == [False]
    with pytest.raises(TargetError, match="'widget' needs its sources") as caught:
        load("widget")
    assert "checkout" in caught.value.hint


def test_an_installation_without_targets_says_where_some_are(wheel: Path) -> None:
    (wheel / "target.yaml").unlink()
    assert available() == ()
    with pytest.raises(TargetError) as caught:
        load("guestbook")
    assert "a checkout of the project" in caught.value.hint
