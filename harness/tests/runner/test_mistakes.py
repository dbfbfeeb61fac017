"""A user's mistake, or what the machine lacks, is told in one paragraph, by 4 or by 3."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.tests.runner.mounts import mounted
from harness.tests.runner.running import SHORT, Finished, Home, guestbook, suite

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.controlplane

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
FAILING_BUILD = "build: [sh, -c, 'echo the compiler gave up >&2; exit 7']"


def nothing_began(done: Finished) -> None:
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not done.home.runs.exists()
    assert done.home.processes() == []
    assert done.home.files() == []


def test_a_wrong_target_is_told_with_every_mistake_and_its_place(home: Home) -> None:
    target = guestbook(
        home, ("kinds:\n", "kindz:\n"), ("metrics: {port: 8443", "metrics: {prot: 1")
    )
    done = home.run(target=target).finish()
    assert done.exit_code == 4
    lines = target.read_text(encoding="utf-8").splitlines()
    for key, meant in (("kindz", "kinds"), ("prot", "port")):
        number = next(place for place, line in enumerate(lines, 1) if key in line)
        assert f"target.yaml:{number}:" in done.stderr
        assert f"did you mean {meant!r}?" in done.stderr
    nothing_began(done)


def test_a_proof_by_removal_that_can_come_to_nothing_is_refused(home: Home) -> None:
    done = home.run("--suite", "unit", "--prove-rbac").finish()
    assert done.exit_code == 4
    assert "Add --suite smoke." in done.stderr
    nothing_began(done)


def test_so_is_one_on_an_existing_cluster_without_its_audit_log(home: Home) -> None:
    done = home.run("--cluster", "existing", "--context", "none", "--prove-rbac").finish()
    assert done.exit_code == 4
    assert "--audit-log" in done.stderr
    nothing_began(done)


def test_a_build_that_fails_ends_with_4_and_its_last_lines(home: Home) -> None:
    right = "build: [env, CGO_ENABLED=0, go, build, -trimpath, -o, bin/manager, ./cmd]"
    done = home.run(target=guestbook(home, (right, FAILING_BUILD))).finish()
    assert done.exit_code == 4
    assert "the compiler gave up" in done.stderr
    nothing_began(done)


def test_a_missing_binary_ends_with_3_and_says_what_to_do(home: Home) -> None:
    done = home.run(TEST_ASSET_ETCD="/nowhere/etcd").finish()
    assert done.exit_code == 3
    assert "/nowhere/etcd" in done.stderr
    assert "hint:" in done.stderr
    nothing_began(done)


def test_a_state_folder_where_no_cluster_can_work_is_refused(home: Home) -> None:
    done = home.run(XDG_STATE_HOME=str(home.path / "my state, here")).finish()
    assert done.exit_code == 3
    assert "XDG_STATE_HOME" in done.stderr
    nothing_began(done)


def test_a_suite_whose_conftest_raises_is_told_with_its_own_words(home: Home) -> None:
    own = suite(home, test_it="def test_it(): pass\n", conftest="raise RuntimeError('not today')\n")
    done = home.run("--suite", own).finish()
    assert done.exit_code == 4
    assert "not today" in done.stderr
    assert not done.home.runs.exists()


def test_a_pytest_that_cannot_start_is_no_fault_of_the_suite(home: Home) -> None:
    broken = home.work / "pytest.py"
    broken.write_text("import sys\nsys.exit('no pytest here')\n", encoding="utf-8")
    paths = (str(home.work), os.environ.get("PYTHONPATH", ""))
    done = home.run(PYTHONPATH=os.pathsep.join(filter(None, paths))).finish()
    assert done.exit_code == 3
    assert "no pytest here" in done.stderr
    nothing_began(done)


def test_a_dry_run_says_what_would_run_and_starts_nothing(home: Home) -> None:
    done = home.run("--dry-run").finish()
    assert done.exit_code == 0, done.stderr
    assert "Apply     Deployment guestbook-system/guestbook-controller-manager" in done.stdout
    assert "test_life.py::TestLife::test_converges" in done.stdout
    assert "Nothing was started" in done.stdout
    assert not home.runs.exists()
    assert home.processes() == []
    assert home.files() == []


FILLS = """
import os
from pathlib import Path

def test_the_disk_fills_up(custom_resource):
    run = Path(os.environ["OUTPUT"])
    with (run / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    custom_resource.create().await_ready()
"""


@pytest.fixture
def small_disk(home: Home) -> Iterator[Path]:
    with mounted(home.runs, "size=12m") as disk:
        yield disk


@NEEDS_ROOT
def test_a_full_disk_is_told_in_one_paragraph(home: Home, small_disk: Path) -> None:
    own = suite(home, test_it=FILLS)
    done = home.run("--suite", own, *SHORT, OUTPUT=str(small_disk)).finish()
    assert done.exit_code == 3, done.stdout + done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert home.processes() == []
    assert home.files() == []
