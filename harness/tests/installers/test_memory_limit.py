"""A process that needs more than its container's limit ends, and it is said why."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from harness.guard import Guard
from harness.installers.process import cgroups
from harness.model.records import ProcessEvent
from harness.tests.installers.samples import container
from harness.tests.installers.test_plan import instance

_LIMITED = container(resources={"limits": {"memory": "48Mi"}})
_JOINS = "import os, sys; [open(x, 'w').write(str(os.getpid())) for x in sys.argv[1:]]; "
_HUNGRY = _JOINS + "x = bytearray(256 << 20)"
_KILLED = _JOINS + "os.kill(os.getpid(), 9)"


@pytest.mark.parametrize(("code", "reason"), [(_HUNGRY, "OOMKilled"), (_KILLED, "")])
def test_the_end_at_a_memory_limit_differs_from_other_kills(
    tmp_path: Path, code: str, reason: str
) -> None:
    paths = cgroups.usable("memory-limit-test")
    if not paths:
        pytest.skip("this machine lets us make no control groups")
    if len(Path("/proc/swaps").read_text().splitlines()) > 1:
        pytest.skip("this machine swaps, so that a limit of memory ends nothing")
    about = instance(tmp_path, cgroups=paths)
    state, evidence = tmp_path / "state", tmp_path / "evidence"
    state.mkdir(mode=0o700)
    evidence.mkdir()
    with ExitStack() as stack:
        stack.callback(cgroups.remove, about)
        for group in cgroups.limits(about, _LIMITED):
            Path(group.path).mkdir()
            for name, text in group.files.items():
                Path(group.path, name).write_text(text)
        guard = stack.enter_context(Guard.start(state_dir=state, evidence=evidence))
        guard.spawn(
            "hungry",
            (sys.executable, "-c", code, *(f"{path}/cgroup.procs" for path in paths)),
            env={"PATH": os.environ["PATH"]},
            log=tmp_path / "log",
            record=True,
            oom_file=cgroups.oom_file(about),
        )
        ended = guard.wait("hungry", timeout=60)
    assert (ended.exit_code, ended.asked, ended.reason) == (-9, False, reason)
    lines = (evidence / "processes.ndjson").read_bytes().splitlines()
    last = msgspec.json.decode(lines[-1], type=ProcessEvent)
    assert (last.event, last.reason) == ("ended", reason)


def test_where_the_kernel_counts_its_kills_depends_on_the_groups_version(tmp_path: Path) -> None:
    one = instance(tmp_path, cgroups=("/sys/fs/cgroup/cpu/x", "/sys/fs/cgroup/memory/x"))
    two = instance(tmp_path, cgroups=("/sys/fs/cgroup/a/x",))
    assert cgroups.oom_file(one) == Path("/sys/fs/cgroup/memory/x/memory.oom_control")
    assert cgroups.oom_file(two) == Path("/sys/fs/cgroup/a/x/memory.events")
    assert cgroups.oom_file(instance(tmp_path)) is None
