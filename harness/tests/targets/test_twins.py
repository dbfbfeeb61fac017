"""Twin files are as strict as targets, and their problems come together with the target's."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import TargetError
from harness.model.target import ManifestPatch, Twin
from harness.targets import load

pytestmark = pytest.mark.usefixtures("project")

HEAD = "apiVersion: harness/v1\nkind: Twin\nname: never-ready\ntitle: Never.\nexpect: [REC-001]\n"


def test_a_twin_switches_its_defect_on() -> None:
    assert load(".", twin="never-ready").twin == Twin(
        name="never-ready",
        title="It never becomes ready.",
        expect=("REC-001",),
        env={"WIDGET_DEFECT": "never-ready"},
    )


def test_patches_arrive_as_written(project: Path) -> None:
    patches = "patches: [{target: {kind: Role, name: a}, patch: [{op: remove, path: /rules/0}]}]"
    (project / "twins/never-ready.yaml").write_text(HEAD + patches)
    twin = load(".", twin="never-ready").twin
    assert twin is not None
    assert twin.patches == (
        ManifestPatch(
            target={"kind": "Role", "name": "a"}, patch=({"op": "remove", "path": "/rules/0"},)
        ),
    )


def test_added_manifests_arrive_as_written(project: Path) -> None:
    added = "add: [{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {any: [1, {b: c}]}}]"
    (project / "twins/never-ready.yaml").write_text(HEAD + added)
    twin = load(".", twin="never-ready").twin
    assert twin is not None
    assert twin.add == (
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "a"},
            "spec": {"any": [1, {"b": "c"}]},
        },
    )


def test_an_unknown_twin_names_the_close_ones() -> None:
    with pytest.raises(TargetError, match="has no twin 'never-redy'") as caught:
        load(".", twin="never-redy")
    assert caught.value.hint == "Did you mean 'never-ready'?"


def test_without_twins_it_says_where_they_would_be(project: Path) -> None:
    (project / "twins/never-ready.yaml").unlink()
    with pytest.raises(TargetError) as caught:
        load(".", twin="x")
    assert "There is no file in" in caught.value.hint


CORPUS = [
    ("", "the twin is no different from its operator (give it `env`, `patches` or `add`)"),
    ("env: {A: 1}", 'env.A: must be a text, not the number 1 (write "1" in quotes)'),
    ("env: {1A: x}", "env.1A: '1A' isn't the name of an environment variable"),
    ('env: {A: "a\\0b"}', "env.A: a variable can't hold a NUL"),
    ("env: {A: on}", "env.A: on is a boolean to some YAML readers"),
    ("env: []", "env: must be a mapping, not a list"),
    ("patch: []\nenv: {A: b}", "patch: there is no key 'patch' in the top level (did you mean"),
    ("patches: [{target: {kind: Role, name: a}, patch: []}]", "patches[0].patch: must have at"),
    ("patches: [{target: {kind: role, name: a}, patch: [{op: remove, path: /a}]}]", "'role' isn't"),
    ("patches: [{target: {kind: Role}, patch: [{op: remove, path: /a}]}]", "'name' is missing"),
    (
        "patches: [{target: {kind: Role, name: a}, patch: [{op: delete, path: /a}]}]",
        "patches[0].patch[0].op: 'delete' isn't one of add, remove, replace, move, copy, test",
    ),
    (
        "patches: [{target: {kind: Role, name: a}, patch: [{op: add, path: /a}]}]",
        "patches[0].patch[0]: the operation add needs the key 'value'",
    ),
    (
        "patches: [{target: {kind: Role, name: a}, patch: [{op: move, path: /a}]}]",
        "patches[0].patch[0]: the operation move needs the key 'from'",
    ),
    (
        "patches: [{target: {kind: Role, name: a}, patch: [{op: remove, path: a}]}]",
        "patches[0].patch[0].path: 'a' isn't a JSON Pointer (it is empty or begins with /)",
    ),
    ("add: [{kind: Role, metadata: {name: a}}]", "add[0]: the key 'apiVersion' is missing"),
    ("add: [{apiVersion: v1, kind: Pod, metadata: {}}]", "add[0].metadata: the key 'name' is miss"),
    ("add: [{apiVersion: v1, kind: pod, metadata: {name: a}}]", "add[0].kind: 'pod' isn't"),
]


@pytest.mark.parametrize(("body", "problem"), CORPUS)
def test_a_mistake_in_a_twin_is_told_with_its_place(project: Path, body: str, problem: str) -> None:
    (project / "twins/never-ready.yaml").write_text(HEAD + body)
    with pytest.raises(TargetError) as caught:
        load(".", twin="never-ready")
    (told,) = [line for line in map(str, caught.value.problems) if problem in line]
    assert told.startswith("twins/never-ready.yaml:")


def test_a_twin_has_its_files_name(project: Path) -> None:
    (project / "twins/never-ready.yaml").rename(project / "twins/other.yaml")
    with pytest.raises(TargetError, match=r"3:7: name: 'never-ready' isn't the file's name"):
        load(".", twin="other")


def test_problems_of_target_and_twin_come_together(project: Path) -> None:
    (project / "twins/never-ready.yaml").write_text("kind: Twin\n")
    file = project / "target.yaml"
    file.write_text(file.read_text().replace("name: widget", "name: W", 1))
    with pytest.raises(TargetError) as caught:
        load(".", twin="never-ready")
    files = [problem.file for problem in caught.value.problems]
    assert files[0] == "target.yaml"
    assert set(files) == {"target.yaml", "twins/never-ready.yaml"}
