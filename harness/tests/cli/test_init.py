"""`harness init` and `harness targets`, as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from harness.assets import Component, resolve
from harness.cli import main
from harness.tests.targets import projects
from harness.tests.targets.test_detection import CRD, rules, workload


def ends(argv: list[str]) -> int:
    try:
        main(argv)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    return 0


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    projects.dump(tmp_path / "all.yaml", CRD, workload(), *rules())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_says_what_it_wrote_found_and_lacks(
    plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(["init"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[:2] == [
        "target.yaml: written from plain manifests",
        "samples/widget.yaml: written",
    ]
    assert "workloads[].process" in said.err
    assert "Next: fill in workloads[].process, then: harness run" in said.out
    assert (plain / "samples" / "widget.yaml").exists()
    assert (plain / "target.yaml").stat().st_mode & 0o077, "a file like others, not private"


def test_nothing_is_overwritten_unless_asked(
    plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (plain / "target.yaml").write_text("mine")
    assert ends(["init"]) == 4
    assert "--force" in capsys.readouterr().err
    assert (plain / "target.yaml").read_text() == "mine"
    (plain / "target.yaml").unlink()
    (plain / "samples").mkdir()
    (plain / "samples" / "other.yaml").write_text("")
    (plain / "samples" / "widget.yaml").write_text("apiVersion: v1\n")
    assert ends(["init"]) == 4
    assert not (plain / "target.yaml").exists(), "all or nothing"
    assert ends(["init", "--force"]) == 0


def test_written_elsewhere_its_paths_lead_back(plain: Path) -> None:
    argv = ["init", ".", "--output", "ci/widget.yaml", "--command", "bin/x", "--build", "make x"]
    assert ends(argv) == 0
    data = yaml.safe_load((plain / "ci" / "widget.yaml").read_text())
    assert data["install"]["manifests"]["files"] == ["../all.yaml"]
    assert data["workloads"][0]["process"] == {"build": ["make", "x"], "command": ["bin/x"]}
    assert ends(["targets", "lint", "ci/widget.yaml"]) == 0


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["init", "absent"], "absent"),
        (["init", "--output", "."], "folder"),
        (["init", "--build", "make"], "--command"),
        (["init", "--command", "'"], "--command"),
        (["init", "--sources", "absent"], "--sources"),
        (["init", "--output", "/proc/nothing/x.yaml"], "can't be written"),
    ],
)
@pytest.mark.usefixtures("plain")
def test_a_wrong_wish_is_explained(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(argv) == 4
    assert words in capsys.readouterr().err


def test_the_bundled_targets_are_listed_with_their_twins(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ends(["targets", "list"]) == 0
    assert "guestbook" in capsys.readouterr().out
    assert ends(["targets", "list", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert "hot-loop" in next(e for e in entries if e["name"] == "guestbook")["twins"]


@pytest.mark.usefixtures("plain")
def test_a_target_is_shown_as_it_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(["init", "--command", "bin/x"]) == 0
    capsys.readouterr()
    assert ends(["targets", "show", "."]) == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown["derived"]["workloads"][0]["container"] == "main"
    assert shown["kinds"][0]["ready"] == {"condition": None, "cel": None, "writes": None}
    assert ends(["targets", "show", ".", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == shown


def test_the_schema_accepts_what_init_writes(
    plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(["init"]) == 0
    capsys.readouterr()
    assert ends(["targets", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.validate(yaml.safe_load((plain / "target.yaml").read_text()), schema)
    assert ends(["targets", "schema", "--twin"]) == 0
    assert "expect" in json.loads(capsys.readouterr().out)["properties"]


def test_lint_tells_every_problem_also_of_twins(
    plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(["init"]) == 0
    assert ends(["targets", "lint", "."]) == 0
    (plain / "twins").mkdir()
    (plain / "twins" / "bad.yaml").write_text("name: bad\n")
    (plain / "samples" / "widget.yaml").write_text(
        "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: x}\nspec: {size: 1}\n"
    )
    capsys.readouterr()
    assert ends(["targets", "lint", "."]) == 4
    said = capsys.readouterr().err
    assert "twins/bad.yaml:1" in said
    assert "samples/widget.yaml:4" in said


@pytest.mark.controlplane
@pytest.mark.parametrize("layout", ["kubebuilder", "classic", "concatenated", "chart"])
def test_what_init_wrote_passes_smoke_without_an_edit(layout: str, tmp_path: Path) -> None:
    folder = tmp_path / "guestbook"
    folder.mkdir()
    place = folder
    if layout == "chart":
        resolve((Component.HELM,))
        place = folder / "charts" / "guestbook"
        place.mkdir(parents=True)
    if layout in {"concatenated", "chart"}:
        projects.copy_sources(folder)
    getattr(projects, layout)(place)
    assert ends(["init", str(place)]) == 0
    argv = ["run", "--suite", "smoke", "--target", str(place), "--timeout", "silence=2"]
    assert ends([*argv, "--output", str(tmp_path / "runs"), "--quiet"]) == 0
    result = json.loads((tmp_path / "runs" / "latest" / "result.json").read_text())
    assert result["verdict"] == "pass"
