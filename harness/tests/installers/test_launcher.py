"""The launcher really shows the process its pod, and nobody else."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import command
from harness.installers.process import launcher
from harness.installers.process.launching import namespaces_refused

LAUNCHER = str(Path(launcher.__file__))
ABSENT = "/harness-test-absent"
NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


@pytest.fixture(autouse=True)
def possible(tmp_path: Path) -> None:
    refused = namespaces_refused(tmp_path)
    if refused:
        pytest.skip(f"this machine allows no mount namespace: {refused}")


def volume(folder: Path, **files: str) -> str:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return str(folder)


def launched(
    folder: Path, script: str, *mounts: tuple[str, str], before: tuple[str, ...] = (), **plan: Any
) -> command.Completed:
    """Runs a shell script by the launcher."""
    (folder / "root").mkdir(exist_ok=True)
    whole = {
        "argv": ["/bin/sh", "-c", script],
        "env": {"PATH": os.environ["PATH"], "ONLY": "this"},
        "folders": ["/nonexistent", "/"],
        "hostname": "my-pod",
        "isolated": True,
        "staging": str(folder / "root"),
        "mounts": [
            {"source": source, "target": target, "read_only": True} for source, target in mounts
        ],
        "private": ["/tmp"],
        "keep": [],
        "cgroups": [],
        "no_new_privileges": False,
        **plan,
    }
    path = folder / "plan.json"
    path.write_text(json.dumps(whole))
    argv = (*before, sys.executable, "-I", "-S", LAUNCHER, str(path))
    return command.run(argv, timeout=30, check=False)


def test_the_process_finds_its_service_account_where_a_pod_has_it(tmp_path: Path) -> None:
    account = volume(tmp_path / "sa", token="t0ken", namespace="ns")
    target = "/var/run/secrets/kubernetes.io/serviceaccount"
    done = launched(tmp_path, f"cat {target}/token {target}/namespace; ls /run", (account, target))
    assert done.output.startswith("t0kenns")
    assert done.exit_code == 0
    assert not Path(target).exists()


def test_a_refreshed_token_is_seen_at_once(tmp_path: Path) -> None:
    account = volume(tmp_path / "sa", token="old")
    script = f"cat /sa/token; echo new > {account}/x; mv {account}/x {account}/token; cat /sa/token"
    done = launched(tmp_path, script, (account, "/sa"), private=[])
    assert done.output == "oldnew"


@pytest.mark.parametrize("target", [f"{ABSENT}/deep/certs", "/etc/harness-absent/certs", "/usr/x"])
def test_mount_points_that_this_machine_lacks_are_made_for_the_process_only(
    tmp_path: Path, target: str
) -> None:
    source = volume(tmp_path / "v", a_txt="hello")
    script = f"cat {target}/a.txt; test -e /etc/passwd && test -d /proc/self && echo rest"
    assert launched(tmp_path, script, (source, target)).output == "hellorest"
    assert not Path(target).exists()


def test_a_single_file_can_be_mounted(tmp_path: Path) -> None:
    source = volume(tmp_path / "v", a_txt="hello")
    script = f"cat {ABSENT}.yaml"
    done = launched(tmp_path, script, (f"{source}/a.txt", f"{ABSENT}.yaml"))
    assert done.output == "hello"


def test_mounts_may_lie_in_each_other(tmp_path: Path) -> None:
    outer = volume(tmp_path / "outer", a_txt="outer")
    inner = volume(tmp_path / "inner", a_txt="inner")
    script = f"cat {ABSENT}/a.txt {ABSENT}/in/a.txt"
    done = launched(tmp_path, script, (inner, f"{ABSENT}/in"), (outer, ABSENT))
    assert done.output == "outerinner"
    assert not (tmp_path / "outer" / "in").exists()


def test_volumes_cannot_be_written(tmp_path: Path) -> None:
    source = volume(tmp_path / "v", a_txt="hello")
    done = launched(tmp_path, f"echo x > {ABSENT}/a.txt", (source, ABSENT))
    assert done.exit_code != 0
    assert "Read-only file system" in done.output


def test_tmp_is_its_own_and_only_the_operators_files_stay(tmp_path: Path) -> None:
    program = volume(tmp_path / "program", run_sh="echo ran")
    if not str(tmp_path).startswith("/tmp/"):
        pytest.skip("the tests' folder isn't below /tmp")
    script = f"sh {program}/run.sh; touch /tmp/mine; test -e {tmp_path}/plan.json || echo hidden"
    done = launched(tmp_path, script, keep=[program])
    assert done.output == "ran\nhidden"
    assert not Path("/tmp/mine").exists()


def test_host_name_environment_and_folder_are_the_pods(tmp_path: Path) -> None:
    done = launched(tmp_path, "hostname; env; pwd")
    lines = done.output.splitlines()
    assert lines[0] == "my-pod"
    assert lines[-1] == "/"
    assert {line.partition("=")[0] for line in lines[1:-1]} <= {"PATH", "ONLY", "PWD"}
    assert os.uname().nodename != "my-pod"


def test_a_program_that_cannot_run_is_said(tmp_path: Path) -> None:
    done = launched(tmp_path, "", argv=["/nonexistent/op"])
    assert done.exit_code == launcher.CANT_EXECUTE
    assert (
        done.output == "harness-launcher: can't execute /nonexistent/op: No such file or directory"
    )


def test_our_own_failures_are_told_apart(tmp_path: Path) -> None:
    done = launched(tmp_path, "echo ran", ("/nonexistent/volume", "/v"))
    assert done.exit_code == launcher.FAILED
    assert done.output.startswith(launcher.PREFIX)


def test_exit_codes_come_through(tmp_path: Path) -> None:
    assert launched(tmp_path, "exit 7").exit_code == 7


def test_without_isolation_it_is_a_plain_process(tmp_path: Path) -> None:
    assert launched(tmp_path, "hostname", isolated=False).output == os.uname().nodename


def test_a_user_without_privileges_gets_the_same(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv, to become another user")
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o755)
    account = volume(tmp_path / "sa", token="t0ken")
    target = "/var/run/secrets/kubernetes.io/serviceaccount"
    script = f"cat {target}/token {ABSENT}/token; hostname; id -u; echo x > {target}/token"
    done = launched(tmp_path, script, (account, target), (account, ABSENT), before=NOBODY)
    if "Operation not permitted" in done.output:
        pytest.skip("this machine allows no user namespace")
    assert done.output.startswith("t0kent0kenmy-pod\n65534\n")
    assert "Read-only" in done.output


def test_it_is_quick(tmp_path: Path) -> None:
    account = volume(tmp_path / "sa", token="t")
    target = "/var/run/secrets/kubernetes.io/serviceaccount"
    seconds = min(launched(tmp_path, "exit 0", (account, target)).seconds for _ in range(5))
    assert seconds < 5, "0.05 s on an idle machine"
