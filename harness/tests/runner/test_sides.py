"""What the two sides of `harness compare` may be, and how a git reference is checked out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness import command
from harness.cli import main
from harness.errors import TargetError, UsageError
from harness.runner.sides import are_runs, check_out, split_reference
from harness.targets import load

needs_git = pytest.mark.skipif(command.which("git") is None, reason="needs git")

TARGET = """\
apiVersion: harness/v1
kind: Target
name: shop
install: {{manifests: {{files: [all.yaml]}}}}
workloads: [{{deployment: shop, process: {{command: [{program}]}}}}]
kinds: [{{resource: carts.shop.example.org, samples: [cart.yaml]}}]
"""
MANIFESTS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: example.org/shop}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: carts.shop.example.org}
spec:
  group: shop.example.org
  names: {kind: Cart, plural: carts}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
SAMPLE = "apiVersion: shop.example.org/v1\nkind: Cart\nmetadata: {name: cart}\n"


def write(folder: Path, program: str = "sh") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "target.yaml").write_text(TARGET.format(program=program))
    (folder / "all.yaml").write_text(MANIFESTS)
    (folder / "cart.yaml").write_text(SAMPLE)
    return folder


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    return command.run(("git", *who, *words), timeout=60, cwd=folder).output


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """First a target in deploy/ whose program is sh, tagged old; then it is env."""
    top = tmp_path / "repository"
    top.mkdir()
    git(top, "init", "--quiet", "--initial-branch=main")
    git(top, "commit", "--quiet", "--allow-empty", "--message=Nothing")
    git(top, "tag", "empty")
    for program, tag in (("sh", "old"), ("env", "new@1")):
        write(top / "deploy", program)
        git(top, "add", ".")
        git(top, "commit", "--quiet", f"--message={program}")
        git(top, "tag", tag)
    return top


def program(side_target: str) -> str:
    (workload,) = load(side_target).workloads
    assert workload.process is not None
    return workload.process.command[0]


def test_a_target_without_reference_is_taken_as_it_lies_there(tmp_path: Path) -> None:
    folder = write(tmp_path / "shop@home")
    found = check_out(str(folder), tmp_path / "room")
    assert (found.target, found.commit, found.title) == (str(folder), "", str(folder))
    assert not (tmp_path / "room").exists()


@needs_git
@pytest.mark.parametrize(
    ("reference", "expected"),
    [("old", "sh"), ("new@1", "env"), ("main", "env"), ("HEAD~1", "sh")],
)
def test_a_reference_is_checked_out_beside_what_lies_there(
    repository: Path, tmp_path: Path, reference: str, expected: str
) -> None:
    write(repository / "deploy", "changed-and-not-committed")
    text = f"{repository / 'deploy'}@{reference}"
    found = check_out(text, tmp_path / "room")
    assert program(found.target) == expected
    assert found.commit == git(repository, "rev-parse", f"{reference}^{{commit}}").strip()
    assert found.commit[:10] in found.title
    assert git(repository, "status", "--porcelain").split() == ["M", "deploy/target.yaml"]


@needs_git
def test_a_folder_that_has_a_definition_at_that_commit_only_is_a_target(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "deploy" / "target.yaml").unlink()
    found = check_out(f"{repository / 'deploy'}@old", tmp_path / "room")
    assert program(found.target) == "sh"


@needs_git
def test_what_can_not_be_checked_out_is_told(repository: Path, tmp_path: Path) -> None:
    alone = write(tmp_path / "alone")
    for text, words in (
        (f"{alone}@old", "isn't in a git repository"),
        (f"{repository / 'deploy'}@nothing", "knows no commit 'nothing'"),
        (f"{repository / 'deploy'}@--output=x", "knows no commit '--output=x'"),
        (f"{repository / 'deploy'}@empty", "there is no target.yaml in"),
        (f"{repository / 'deploy'}@", "no git reference after the @"),
    ):
        with pytest.raises(UsageError, match=words) as raised:
            check_out(text, tmp_path / "room")
        assert text in str(raised.value)
        shutil.rmtree(tmp_path / "room", ignore_errors=True)


def test_what_is_no_target_is_told(tmp_path: Path) -> None:
    for text, words in (
        ("no-such-target@main", "no bundled target 'no-such-target'"),
        (str(tmp_path / "nothing"), "no file or folder"),
        (str(tmp_path), "neither a kept run"),
    ):
        with pytest.raises(TargetError, match=words):
            split_reference(text)


def test_a_kept_run_and_a_target_are_not_compared(tmp_path: Path) -> None:
    run, shop = tmp_path / "run", write(tmp_path / "shop")
    run.mkdir()
    (run / "run.json").write_text("{}")
    assert are_runs((str(run), str(run)))
    assert not are_runs((str(shop), str(shop)))
    for pair in ((run, shop), (shop, run)):
        with pytest.raises(UsageError, match=f"{run} is a kept run, and {shop} is a target"):
            are_runs([str(side) for side in pair])


def test_two_operators_are_not_builds_of_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop, other = write(tmp_path / "shop"), write(tmp_path / "other")
    file = other / "target.yaml"
    file.write_text(file.read_text().replace("name: shop\n", "name: other\n"))
    with pytest.raises(SystemExit) as done:
        main(["compare", str(shop), str(other), "--quiet", "--runs", str(tmp_path / "runs")])
    assert done.value.code == 4
    assert "Base is shop and serves" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--blocks", "5"), "it must be even"),
        (("--blocks", "2"), "not in the range"),
        (("--duration", "0"), "no time"),
        (("--allow", "5"), "it isn't N%"),
        (("--allow", "5%", "--gate", "p50<=5%"), "--allow is for the usual figures"),
    ],
)
def test_options_that_can_not_be_meant_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    shop = str(write(tmp_path / "shop"))
    with pytest.raises(SystemExit) as done:
        main(["compare", shop, shop, *words])
    assert done.value.code == 4
    assert told in capsys.readouterr().err
