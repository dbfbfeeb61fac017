"""Phases that are held against the synthetic operator's log and the API server's audit log.

-k calibration   constant, then Poisson arrivals at --rate for --duration, scrapes at the edges
-k stall         the operator is frozen for 2 s in the middle of --duration
"""

import threading

from harness.clock import SYSTEM_CLOCK
from harness.model.load import PhaseRole
from harness.stimulus.load.schedule import Schedule

WARM_UP_S = 5.0
STALL_S = 2.0
POPULATION_S = 10.0
LIMIT_S = 120.0


def warm_up(load, name):
    schedule = Schedule.constant(load.settings.rate, WARM_UP_S)
    load.run(name, schedule, profile="truth", role=PhaseRole.WARM_UP)
    assert load.drain(limit=LIMIT_S), "the operator doesn't keep up"


def test_calibration(load, metrics, operator, window):
    with window("calibration", checks=["INS-002"]) as seen:
        seen.facts.update(operator.readiness())
        warm_up(load, "warm-up")
        for name, draw in (("constant", Schedule.constant), ("poisson", Schedule.poisson)):
            metrics.scrape()
            load.run(name, draw(load.settings.rate, load.settings.duration), profile="truth")
            seen.facts[name] = load.drain(limit=LIMIT_S, name=f"{name}-drain")
            metrics.scrape()


def test_stall(load, operator, window):
    with window("stall", checks=["INS-002"]) as seen:
        seen.facts.update(operator.readiness())
        warm_up(load, "warm-up-stall")
        stamps = {}

        def freeze():
            operator.pause()
            stamps["paused_ns"] = SYSTEM_CLOCK.now().mono_ns
            SYSTEM_CLOCK.sleep(STALL_S)
            stamps["resumed_ns"] = SYSTEM_CLOCK.now().mono_ns
            operator.resume()

        seconds = load.settings.duration
        timer = threading.Timer(seconds / 2, freeze)
        timer.start()
        load.run("stall", Schedule.constant(load.settings.rate, seconds), profile="truth")
        timer.join()
        seen.facts["drained"] = load.drain(limit=LIMIT_S, name="stall-drain")
        seen.facts.update(stamps)


def test_capacity(load, operator, window):
    with window("capacity", checks=["INS-002"]) as seen:
        seen.facts.update(operator.readiness())
        schedule = Schedule.constant(load.settings.rate, POPULATION_S)
        load.run("population", schedule, profile="truth", role=PhaseRole.WARM_UP)
        load.drain(limit=LIMIT_S)
        start = SYSTEM_CLOCK.now().mono_ns
        SYSTEM_CLOCK.sleep(load.settings.duration)
        seen.facts["counted_ns"] = (start, SYSTEM_CLOCK.now().mono_ns)
