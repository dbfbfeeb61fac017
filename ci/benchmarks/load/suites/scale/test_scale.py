"""--burst objects are created while the operator is stopped; then they live, and are updated.

While it is stopped nothing can be done, so each of them is in flight. --rate and --duration are of
the updates.
"""

import psutil

from harness.clock import SYSTEM_CLOCK
from harness.model.load import Mix, PhaseRole
from harness.stimulus.load.schedule import Schedule

PARTS = 4
WARM_UP_S = 5.0
SETTLE_S = 2.0  # rows are on disk within a tenth of a second, and followed each fifth
LIMIT_S = 300.0
UPDATES = Mix(create=0.0, update=1.0)


def anonymous(pid):
    """Memory of a process in bytes, without mapped files: those it shares with other programs."""
    with open(f"/proc/{pid}/smaps_rollup") as lines:  # noqa: PTH123 - no evidence of the run
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Anonymous:"))


def of_the_harness():
    """Returns the pids of all of this run's Python processes by what they are."""
    guard = psutil.Process().parent()
    found = {"runner": guard.parent().pid, "guard": guard.pid, "suite": psutil.Process().pid}
    for child in guard.children(recursive=True):
        words = child.cmdline()
        for name, module in (
            ("receiver", "harness.probes.receiver"),
            ("generator", "harness.stimulus.load.child"),
        ):
            if module in words:
                found[name] = child.pid
    return found


def taken(load):
    """What is in flight now, and what the harness holds."""
    SYSTEM_CLOCK.sleep(SETTLE_S)
    load.live.follow()
    held = {name: anonymous(pid) for name, pid in of_the_harness().items()}
    return {"in_flight": load.live.waiting, "bytes": held}


def test_scale(load, operator, window):
    with window("scale", checks=["INS-002"]) as seen:
        seen.facts.update(operator.readiness())
        rate, seconds = load.settings.rate, load.settings.duration
        warm_up = Schedule.constant(rate, WARM_UP_S)  # what loads with the first tick is there then
        load.run("warm-up", warm_up, profile="scale", role=PhaseRole.WARM_UP)
        assert load.drain(limit=LIMIT_S), "the operator doesn't keep up"
        operator.pause()
        memory = [taken(load)]
        part = Schedule.burst(load.settings.burst // PARTS)
        for number in range(PARTS):
            load.run(f"flight-{number}", part, profile="scale")
            memory.append(taken(load))
        operator.resume()
        seen.facts["memory"] = memory
        seen.facts["drained"] = load.drain(limit=LIMIT_S, name="flight-drain")
        load.run("updates-warm-up", warm_up, profile="scale", role=PhaseRole.WARM_UP, mix=UPDATES)
        load.run("updates", Schedule.poisson(rate, seconds), profile="scale", mix=UPDATES)
        seen.facts["kept_up"] = load.drain(limit=LIMIT_S, name="updates-drain")
