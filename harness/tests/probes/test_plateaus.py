"""Plateaus of real processes, and what a metrics page adds."""

from __future__ import annotations

import gzip
import itertools
import os
import platform
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.clock import SYSTEM_CLOCK
from harness.evidence.folder import RunFolder
from harness.model.installation import Workload
from harness.model.records import MetricsPage
from harness.model.soak import Plateau
from harness.probes.kubelet import Usage
from harness.probes.plateaus import read_gauges, take_plateau

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.clock import Clock

PAGE = """
# TYPE controller_runtime_reconcile_total counter
controller_runtime_reconcile_total{controller="a",result="success"} 40
controller_runtime_reconcile_total{controller="b",result="error"} 2
# TYPE workqueue_depth gauge
workqueue_depth{controller="a",name="a",priority=""} 3
workqueue_depth{controller="a",name="a",priority="-100"} 1
# TYPE workqueue_unfinished_work_seconds gauge
workqueue_unfinished_work_seconds{controller="a",name="a"} 1.5
"""


def page(body: str, status: int = 200) -> MetricsPage:
    return MetricsPage(
        workload="manager", url="", stamp=SYSTEM_CLOCK.now(), status=status, body=body
    )


def plateau(
    run: RunFolder,
    clock: Clock = SYSTEM_CLOCK,
    pid: int = 0,
    pprof_url: str = "",
    container: Usage | None = None,
) -> Plateau:
    run.soak.mkdir(parents=True, exist_ok=True)
    workload = Workload(
        namespace="x",
        name="manager",
        process="manager",
        service_account="manager",
        replicas=1,
        pprof_url=pprof_url,
    )
    return take_plateau(
        run,
        workload,
        cycle=0,
        pid=pid,
        token="",
        clock=clock,
        objects=5,
        gone=True,
        container=container,
    )


def test_queues_are_summed_over_controllers_and_priorities() -> None:
    gauges = read_gauges(page(PAGE))
    assert gauges.reconciles == 42
    assert gauges.values == {"queue depth": 4.0, "unfinished work": 1.5}


@pytest.mark.parametrize("asked", [page(PAGE, status=403), page("up 1\n")])
def test_a_page_that_counts_nothing_says_nothing(asked: MetricsPage) -> None:
    gauges = read_gauges(asked)
    assert gauges.reconciles is None
    assert gauges.values == {}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it counts by /proc")
def test_of_a_process_without_profiles_memory_and_descriptors_are_read(tmp_path: Path) -> None:
    held = (tmp_path / "held").open("w")
    with held:
        taken = plateau(RunFolder(tmp_path / "run"), pid=os.getpid())
    assert taken.leads_to[str(tmp_path / "held")] == 1
    assert taken.values["descriptors"] == sum(taken.leads_to.values())
    assert taken.values["RSS"] > 0
    assert taken.values["threads"] >= 1
    assert taken.notes == ()


HOLES = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
pieces = [libc.malloc(2048) for _ in range(4_000)]
for piece in pieces:
    ctypes.memset(piece, 1, 2048)
for piece in pieces[::2]:
    libc.free(piece)
print(flush=True)
input()
"""
"""Frees 4 of 8 MiB, in pieces between others."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs the GNU C library")
def test_memory_in_use_is_resident_memory_without_what_the_allocator_keeps(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen((sys.executable, "-c", HOLES), stdin=pipe, stdout=pipe) as child:
        assert child.stdout is not None
        child.stdout.readline()
        taken = plateau(RunFolder(tmp_path / "run"), pid=child.pid)
        child.communicate(b"\n")
    kept = taken.values["RSS"] - taken.values["memory in use"]
    assert 3.5 * (1 << 20) < kept < 6 * (1 << 20)


def usage(working_set: int) -> Usage:
    return Usage(
        pod="x",
        time_ns=9,
        started_s=40,
        cpu_ns=2 * 10**9,
        rss_bytes=1,
        working_set_bytes=working_set,
    )


def test_of_a_container_its_kubelet_tells_the_working_set(tmp_path: Path) -> None:
    taken = plateau(RunFolder(tmp_path / "run"), container=usage(5))
    assert taken.values == {"working set": 5.0}
    assert (taken.pid, taken.cpu_s, taken.notes) == (40, 2.0, ())


def test_where_the_kubelet_measured_nothing_it_is_the_same_container_still(tmp_path: Path) -> None:
    taken = plateau(RunFolder(tmp_path / "run"), container=usage(-1))
    assert taken.values == {}
    assert (taken.pid, taken.notes) == (40, ("its kubelet measured nothing in time",))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it counts by /proc")
def test_a_descriptor_that_comes_and_goes_is_not_held(tmp_path: Path) -> None:
    class Closes:
        """Closes a file at the first pause that is made while descriptors are counted."""

        def __init__(self) -> None:
            self.passing = (tmp_path / "passing").open("w")

        def now(self) -> object:
            return SYSTEM_CLOCK.now()

        def sleep(self, seconds: float) -> None:
            if seconds:
                self.passing.close()

    taken = plateau(RunFolder(tmp_path / "run"), clock=Closes(), pid=os.getpid())  # type: ignore[arg-type]
    assert str(tmp_path / "passing") not in taken.leads_to


def test_a_process_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    assert plateau(RunFolder(tmp_path / "run")).notes == ("its process can't be read",)


@contextmanager
def profiler(heaps: Sequence[int]) -> Iterator[str]:
    """Serves heap profiles of these sizes, one after the other and again; yields its URL."""
    sizes = itertools.cycle(heaps)

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heap = "/heap" in self.path
            body = f"# HeapAlloc = {next(sizes)}\n" if heap else "goroutine profile: total 7\n"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_what_a_scrape_leaves_to_the_next_collection_is_not_live(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with profiler([400, 1500, 1300, 500, 1500]) as url:
        taken = plateau(run, pprof_url=url)
    assert taken.values == {"live heap": 500.0, "goroutines": 7.0}
    kept = gzip.decompress(run.profile_file("heap", "manager", 0).read_bytes())
    assert kept == b"# HeapAlloc = 500\n", "the profile is that of the plateau"
