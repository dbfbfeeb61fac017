"""Machines that lack what others have: a run works there, or says in one paragraph why not."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from harness import command
from harness.assets import Component, resolve
from harness.clusters.local.components import ASSETS
from harness.model.verdict import Verdict
from harness.tests.runner.mounts import mounted
from harness.tests.runner.running import SHORT, Finished, Home, Runs, Started, suite

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.skipif(
        os.geteuid() != 0, reason="mounts and network namespaces of their own need root"
    ),
]

DEAD_PROXY = "http://me:s3cret@127.0.0.1:9"
CONVERGES = """
def test_it_becomes_ready(custom_resource):
    custom_resource.create().await_ready()
"""
FILLS = """
import os
from pathlib import Path

def test_the_disk_fills_up(custom_resource):
    with Path(os.environ["OUTPUT"], "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    custom_resource.create().await_ready()
"""
WITHOUT_IPV6 = """
set -e
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip link set lo up
test -z "$(ip -6 address show)"
exec "$@"
"""


def own_tools(home: Home) -> dict[str, str]:
    """Returns an environment that finds binaries and Go's caches without a home."""
    found = resolve(tuple(Component(name) for name in ASSETS), build=False)
    binaries = found.link(home.path / "bin")
    told = command.run(["go", "env", "GOCACHE", "GOMODCACHE"], timeout=30).output.split()
    return {
        "KUBEBUILDER_ASSETS": str(binaries),
        **dict(zip(("GOCACHE", "GOMODCACHE"), told, strict=True)),
    }


def converges(home: Home, **env: str) -> Finished:
    """Runs a small suite to its end."""
    return home.run("--suite", suite(home, test_it=CONVERGES), *SHORT, **env).finish()


def left(home: Home) -> list[Path]:
    """Returns what lies in private places, without the cache, which lasts."""
    return [path for path in home.files() if path.parent.name != "assets"]


def read_only_home(home: Home) -> Finished:
    """Neither state nor cache can be written where they belong; TMPDIR can't run programs."""
    env = own_tools(home)
    with ExitStack() as stack:
        stack.enter_context(mounted(home.path / "user"))
        command.run(["mount", "-o", "remount,ro", home.path / "user"], timeout=20)
        del home.env["XDG_STATE_HOME"]
        return converges(home, HOME=str(home.path / "user"), **env)


def noexec_temporary(home: Home) -> Finished:
    with mounted(home.temporary, "noexec", "size=400m"):
        done = converges(home)
        assert left(home) == []
    return done


def read_only_home_and_noexec_temporary(home: Home) -> Finished:
    """Then the cluster's state lies where no program can be started."""
    env = own_tools(home)
    with ExitStack() as stack:
        stack.enter_context(mounted(home.path / "user"))
        stack.enter_context(mounted(home.temporary, "noexec", "size=400m"))
        command.run(["mount", "-o", "remount,ro", home.path / "user"], timeout=20)
        del home.env["XDG_STATE_HOME"]
        done = converges(home, HOME=str(home.path / "user"), **env)
        assert left(home) == []
    return done


def no_ipv6(home: Home) -> Finished:
    """In a network namespace that has nothing but 127.0.0.1, so nothing else can be asked."""
    own = suite(home, test_it=CONVERGES)
    words = ("run", "--suite", own, "--target", "guestbook", "--output", home.runs, *SHORT)
    harness = (sys.executable, "-m", "harness", *map(str, words), "--verbose")
    shell = ("unshare", "--net", "sh", "-c", WITHOUT_IPV6, "sh")
    return Started(home, (*shell, *harness), home.env).finish()


def dead_proxy(home: Home) -> Finished:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    for name in ("NO_PROXY", "no_proxy"):
        home.env.pop(name, None)
    return converges(home, **{each: DEAD_PROXY for name in names for each in (name, name.lower())})


def full_output(home: Home) -> Finished:
    with mounted(home.runs, "size=12m"):
        own = suite(home, test_it=FILLS)
        done = home.run("--suite", own, *SHORT, OUTPUT=str(home.runs)).finish()
        kept = home.work / "kept"
        command.run(["cp", "-r", f"{done.run.path}/.", kept], timeout=30)
    return done


def full_state(home: Home) -> Finished:
    with mounted(home.state, "size=150m"):
        done = converges(home)
        assert left(home) == []
    return done


SCENARIOS: dict[str, Any] = {
    "read-only HOME": read_only_home,
    "noexec TMPDIR": noexec_temporary,
    "read-only HOME and noexec TMPDIR": read_only_home_and_noexec_temporary,
    "no IPv6": no_ipv6,
    "a proxy that is dead": dead_proxy,
    "full output": full_output,
    "full state": full_state,
}
WORKS = [name for name in SCENARIOS if not name.startswith("full")]


@pytest.mark.parametrize("name", WORKS)
def test_it_works(runs: Runs, name: str) -> None:
    done: Finished = runs[name]
    assert done.exit_code == 0, done.stdout + done.stderr
    assert done.evidence.tests()[0].outcome == "passed"
    assert "s3cret" not in done.stdout + done.stderr
    assert done.home.processes() == []
    assert left(done.home) == []


def told(done: Finished) -> str:
    """Returns what a run that broke says, in lines of its own."""
    assert done.exit_code == 3, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "goroutine " not in said
    return " ".join(said.split())


def test_a_full_disk_of_the_runs_is_told_and_the_evidence_so_far_stays(runs: Runs) -> None:
    done: Finished = runs["full output"]
    assert "error: " in done.stderr
    assert "No space left on device" in told(done)
    assert done.home.processes() == []
    assert left(done.home) == []
    evidence = done.home.work / "kept" / "evidence"
    assert (evidence / "audit.log").stat().st_size > 0
    assert list(evidence.rglob("*operator*"))


def test_a_disk_without_room_for_the_state_is_told_before_anything_starts(runs: Runs) -> None:
    done: Finished = runs["full state"]
    assert "A cluster needs 200 MiB in" in told(done)
    assert "MiB are left there" in told(done)
    assert "XDG_STATE_HOME" in told(done)
    assert done.result.verdict is Verdict.ERROR
    assert done.run.evidence.is_dir()
    assert done.home.processes() == []
