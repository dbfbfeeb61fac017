"""Overloads whose cause lies in no setting of the operator: they are made while it runs.

-k stopped   SIGUSR1: the operator serves nothing for a while
-k starved   the API server waits for etcd, which may run for a quarter of the time only
"""

import signal
import threading
from contextlib import contextmanager

import psutil

from harness.clock import SYSTEM_CLOCK
from harness.model.load import PhaseRole
from harness.stimulus.load.schedule import Schedule

REST_RATE, REST_S = 2.0, 4.0
BEFORE_STOP_S = 1.0
HELD_S, FREE_S = 0.06, 0.02
LIMIT_S = 60.0


def of_this_run(name):
    """Returns the process of this name that the run's guard has started."""
    guard = psutil.Process().parent()
    (found,) = (one for one in guard.children(recursive=True) if one.name() == name)
    return found


@contextmanager
def starved(process):
    """Lets a process run for a quarter of the time, in slices that no time-out notices."""
    over = threading.Event()

    def hold():
        while not over.is_set():
            process.send_signal(signal.SIGSTOP)
            over.wait(HELD_S)
            process.send_signal(signal.SIGCONT)
            SYSTEM_CLOCK.sleep(FREE_S)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        process.send_signal(signal.SIGCONT)


def rest(load, metrics):
    """What a few arrivals take, with nothing wrong."""
    metrics.scrape()
    schedule = Schedule.constant(REST_RATE, REST_S)
    load.run("rest", schedule, profile="causes", role=PhaseRole.WARM_UP)
    load.drain(limit=LIMIT_S)
    metrics.scrape()


def overload(load, metrics):
    metrics.scrape()
    load.run(
        "steady", Schedule.poisson(load.settings.rate, load.settings.duration), profile="causes"
    )
    metrics.scrape()


def test_stopped(load, metrics, operator, window):
    with window("stopped", checks=["INS-002"]) as seen:
        seen.facts.update(operator.readiness())
        rest(load, metrics)
        stop = threading.Timer(BEFORE_STOP_S, of_this_run("manager").send_signal, [signal.SIGUSR1])
        stop.start()
        overload(load, metrics)
        stop.join()
        load.drain(limit=LIMIT_S, name="drain")


def test_starved(load, metrics, operator, window):
    with window("starved", checks=["INS-002"]) as seen:
        seen.facts.update(operator.readiness())
        rest(load, metrics)
        with starved(of_this_run("etcd")):
            overload(load, metrics)
        load.drain(limit=LIMIT_S, name="drain")
