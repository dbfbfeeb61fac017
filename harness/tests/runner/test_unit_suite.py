"""The unit suite: what ships is judged without a cluster, and the operator's own tests are run."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from harness import command
from harness.model.findings import Severity, Status
from harness.model.verdict import Verdict
from harness.runner.suites import load_suite
from harness.tests.analysis.static.shop import HEALTHY, SAMPLE, Shop
from harness.tests.runner.running import SHORT, Finished, Home, await_true

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.tests.runner.running import Started

TARGET = """
apiVersion: harness/v1
kind: Target
name: shop
install:
  manifests: {files: [all.yaml]}
kinds:
- resource: shops.example.org
  samples: [sample.yaml]
"""
REMOVED = (
    "name: {type: string, maxLength: 63, default: shop, description: What it is called.}",
    "",
)


def shop(home: Home, *changes: tuple[str, str], tests: Sequence[str] = ()) -> Path:
    """Writes the healthy operator with changes in its manifests; returns its target.yaml."""
    folder = home.work / "shop"
    folder.mkdir(exist_ok=True)
    text = HEALTHY
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    (folder / "all.yaml").write_text(text, encoding="utf-8")
    (folder / "sample.yaml").write_text(SAMPLE, encoding="utf-8")
    extra = f"tests: {{unit: {list(tests)}}}\n" if tests else ""
    file = folder / "target.yaml"
    file.write_text(TARGET + extra, encoding="utf-8")
    return file


def start(home: Home, *words: str, target: Path) -> Started:
    return home.run("--suite", "unit", *words, target=target, KUBEBUILDER_ASSETS="")


def judged(home: Home, *words: str, target: Path) -> Finished:
    return start(home, *words, target=target).finish()


def statuses(done: Finished) -> dict[str, Status]:
    return {item.check.id: item.status for item in done.result.checks}


def git(folder: Path, *words: str) -> None:
    names = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    command.run(("git", *names, *words), timeout=30, cwd=folder)


def test_healthy_manifests_pass_without_a_cluster(home: Home) -> None:
    done = judged(home, target=shop(home))
    assert done.exit_code == 0, done.stdout + done.stderr
    assert done.result.verdict is Verdict.PASS
    found = statuses(done)
    assert set(found) == set(load_suite("unit").checks), "nothing of a cluster is judged"
    assert set(found.values()) == {Status.PASS, Status.NOT_APPLICABLE}
    assert "unit suite, no cluster" in done.stdout
    assert done.result.run.cluster_provider == ""
    assert [stage.name for stage in done.evidence.stages()] == ["manifests"]
    assert done.home.files() == []


def test_the_evidence_holds_what_was_judged_and_no_secret(home: Home) -> None:
    done = judged(home, target=shop(home))
    records = done.evidence.manifests
    assert [record.origin for record in records].count("sample") == 1
    assert records[-1].file == "sample.yaml"
    (secret,) = (record.object for record in records if record.object["kind"] == "Secret")
    assert secret["stringData"] == {"password": ""}
    kept = [path for path in done.run.path.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"never-written-down" in path.read_bytes()]
    assert {"report.html", "junit.xml", "summary.md", "result.json"} <= {path.name for path in kept}


def test_a_mistake_in_the_manifests_fails_and_is_found_again_in_the_kept_run(home: Home) -> None:
    done = judged(home, target=shop(home, ("    subresources: {status: {}}\n", "")))
    assert done.exit_code == 1
    assert done.failing == {"API-003"}
    again = home.start("report", done.run.path).finish()
    assert again.exit_code == 1
    assert again.failing == {"API-003"}


def test_a_chart_or_a_control_plane_that_cannot_be_had_does_not_matter(home: Home) -> None:
    done = start(home, target=shop(home)).finish()
    assert "control plane" not in done.stderr
    done = home.run(
        "--suite", "unit", target=shop(home), TEST_ASSET_ETCD="/nowhere/etcd", PATH="/nowhere"
    ).finish()
    assert done.exit_code == 0, done.stderr


def test_a_dry_run_says_what_would_be_judged(home: Home) -> None:
    done = judged(home, "--dry-run", target=shop(home, tests=[sys.executable, "-c", "pass"]))
    assert done.exit_code == 0
    assert "Cluster   none" in done.stdout
    assert "Judge     Deployment shops/keeper" in done.stdout
    assert f"Tests     {sys.executable} -c pass" in done.stdout
    assert not done.home.runs.exists()


def test_own_tests_that_pass_are_part_of_the_verdict(home: Home) -> None:
    done = judged(home, target=shop(home, tests=[sys.executable, "-c", "print('3 passed')"]))
    assert done.exit_code == 0, done.stdout + done.stderr
    assert statuses(done)["UNI-001"] is Status.PASS
    assert "shop passes its own unit tests" in done.stdout
    assert done.run.own_tests_log.read_text() == "3 passed\n"


def test_own_tests_that_fail_are_told_with_their_last_lines(home: Home) -> None:
    script = "print('want 2, got 3'); raise SystemExit(3)"
    done = judged(home, target=shop(home, tests=[sys.executable, "-c", script]))
    assert done.exit_code == 1
    assert done.failing == {"UNI-001"}
    assert "ended with 3" in done.finding("UNI-001")
    assert "want 2, got 3" in done.finding("UNI-001")


def test_a_secret_of_the_manifests_that_they_print_is_not_kept(home: Home) -> None:
    script = "print(open('all.yaml').read()); raise SystemExit(1)"
    done = judged(home, target=shop(home, tests=[sys.executable, "-c", script]))
    assert "stringData: {password: [redacted]}" in done.finding("UNI-001")
    kept = [path for path in done.run.path.rglob("*") if path.is_file()]
    assert not [path.name for path in kept if b"never-written-down" in path.read_bytes()]


def test_own_tests_run_in_the_target_s_folder(home: Home) -> None:
    target = shop(home, tests=["./check.sh"])
    script = target.parent / "check.sh"
    script.write_text("#!/bin/sh\ntest -f target.yaml && echo here\n")
    script.chmod(0o755)
    done = judged(home, target=target)
    assert done.exit_code == 0, done.stdout
    assert done.run.own_tests_log.read_text() == "here\n"


def test_own_tests_that_hang_are_stopped_with_all_they_started(home: Home) -> None:
    target = shop(home, tests=["sh", "-c", "sleep 300 & echo started; wait"])
    done = judged(home, "--timeout", "tests=2", target=target)
    assert done.exit_code == 1
    assert "took longer than 2 s and were stopped" in done.finding("UNI-001")
    assert "started" in done.finding("UNI-001")
    done.home.await_quiet()
    assert done.home.files() == []


def test_an_interrupted_run_stops_them_too(home: Home) -> None:
    target = shop(home, tests=["sh", "-c", "echo started > here; sleep 300"])
    started = start(home, target=target)
    await_true((target.parent / "here").exists, within=60)
    done = started.send(signal.SIGINT).finish()
    assert done.exit_code == 2
    assert done.result.verdict is Verdict.INTERRUPTED
    assert "own tests" in done.result.sentence
    done.home.await_quiet()
    assert done.home.files() == []


def test_own_tests_can_be_left_out(home: Home) -> None:
    done = judged(home, "--no-own-tests", target=shop(home, tests=["false"]))
    assert done.exit_code == 0
    assert statuses(done)["UNI-001"] is Status.NOT_VERIFIED


def test_a_command_of_tests_that_is_missing_is_a_mistake_of_usage(home: Home) -> None:
    done = judged(home, target=shop(home, tests=["no-such-program"]))
    assert done.exit_code == 4
    assert "need 'no-such-program', which isn't there" in done.stderr
    assert "--no-own-tests" in done.stderr
    assert not done.home.runs.exists()


def test_a_user_s_folder_of_tests_cannot_be_static(home: Home) -> None:
    folder = home.work / "mine"
    folder.mkdir()
    (folder / "test_mine.py").write_text("def test_it(): pass\n")
    (folder / "suite.yaml").write_text("name: mine\nstatic: true\n")
    done = home.run("--suite", folder, target=shop(home)).finish()
    assert done.exit_code == 4
    assert "static: true, but the folder holds tests" in done.stderr


@pytest.mark.parametrize("way", ["folder", "file"])
def test_the_release_before_is_a_folder_or_a_file(way: str, home: Home) -> None:
    before = home.work / "before"
    (before / "crds").mkdir(parents=True)
    file = before / "crds" / "shops.yaml"
    file.write_text(yaml.safe_dump(Shop().crd), encoding="utf-8")
    (before / "values.yaml").write_text("replicas: 2\n")
    named = before if way == "folder" else file
    done = judged(home, "--previous", str(named), target=shop(home, REMOVED))
    assert done.exit_code == 1
    assert done.failing == {"UPG-001"}
    assert "v1: spec.name is gone" in done.finding("UPG-001")
    assert [record.origin for record in done.evidence.manifests].count("previous") == 1


def test_the_release_before_is_a_git_reference(home: Home) -> None:
    target = shop(home)
    git(target.parent, "init", "--quiet")
    git(target.parent, "add", ".")
    git(target.parent, "commit", "--quiet", "--message", "First")
    git(target.parent, "tag", "v1")
    same = judged(home, "--previous", "v1", target=target)
    assert statuses(same)["UPG-001"] is Status.PASS
    done = judged(home, "--previous", "v1", target=shop(home, REMOVED))
    assert done.failing == {"UPG-001"}
    assert done.result.findings[0].severity is Severity.BLOCKER


def test_a_release_before_that_is_nowhere_is_a_mistake_of_usage(home: Home) -> None:
    done = judged(home, "--previous", "v0", target=shop(home))
    assert done.exit_code == 4
    assert "no folder, no file and no git reference" in done.stderr


def test_a_release_before_without_crds_is_a_mistake_of_usage(home: Home) -> None:
    empty = home.work / "empty"
    empty.mkdir()
    done = judged(home, "--previous", str(empty), target=shop(home))
    assert done.exit_code == 4
    assert "holds no CustomResourceDefinition" in done.stderr


def test_only_the_unit_suite_compares_releases(home: Home) -> None:
    done = home.run("--suite", "smoke", "--previous", "v1", target=shop(home)).finish()
    assert done.exit_code == 4
    assert "Add --suite unit." in done.stderr


GO_TESTS = {
    "go.mod": "module example.org/shop\n\ngo 1.22\n",
    "shop_test.go": """package shop

import "testing"

func TestOpen(t *testing.T) {}

func TestClose(t *testing.T) { t.Run("late", func(t *testing.T) { t.Error("want 2, got 3") }) }
""",
    "broken/broken_test.go": "package broken\n\nvar x = undefined\n",
}


@pytest.mark.controlplane
def test_each_failed_go_test_and_package_is_a_finding(home: Home) -> None:
    target = shop(home, tests=["go", "test", "./..."])
    for name, text in GO_TESTS.items():
        file = target.parent / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    done = judged(home, target=target)
    assert done.exit_code == 1
    subjects = {item.subject: item.detail for item in done.result.findings}
    assert set(subjects) == {
        "example.org/shop TestClose/late",
        "example.org/shop/broken (doesn't build)",
    }
    assert "want 2, got 3" in subjects["example.org/shop TestClose/late"]
    assert "undefined" in subjects["example.org/shop/broken (doesn't build)"]
    assert "--- FAIL: TestClose/late" in done.run.own_tests_log.read_text()


@pytest.mark.controlplane
def test_tests_that_use_envtest_are_given_a_control_plane(home: Home) -> None:
    target = shop(home, tests=["sh", "-c", 'ls "$KUBEBUILDER_ASSETS"'])
    (target.parent / "suite_test.go").write_text(
        'package shop\n\nimport _ "sigs.k8s.io/controller-runtime/pkg/envtest"\n'
    )
    done = judged(home, target=target)
    assert done.exit_code == 0, done.stdout
    assert done.run.own_tests_log.read_text().split() == ["etcd", "kube-apiserver", "kubectl"]


@pytest.mark.controlplane
def test_beside_smoke_it_adds_its_checks_to_one_verdict(home: Home) -> None:
    done = home.run("--suite", "unit", "--suite", "smoke", "--no-own-tests", *SHORT).finish()
    assert done.exit_code == 0, done.stdout + done.stderr
    found = statuses(done)
    assert {found[check] for check in ("API-001", "SEC-002", "INS-001", "REC-001")} == {Status.PASS}
    assert done.result.run.suites == ("unit", "smoke")
    assert done.result.run.cluster_provider == "local"


@pytest.mark.controlplane
@pytest.mark.parametrize("target", ["guestbook", "application", "imoocpod", "podtato-head"])
def test_healthy_operators_pass(target: str, home: Home) -> None:
    done = home.run("--suite", "unit", "--no-own-tests", target=target).finish()
    assert done.exit_code == 0, done.stdout
    assert not done.result.findings


def test_the_healthy_reference_operator_passes(home: Home) -> None:
    done = home.run("--suite", "unit", "--no-own-tests", target="reference").finish()
    assert done.exit_code == 0, done.stdout
    assert not done.result.findings
