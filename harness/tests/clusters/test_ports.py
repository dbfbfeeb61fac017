"""Ports of clusters that are made at the same time."""

from __future__ import annotations

import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import msgspec

from harness.clusters.local.ports import _hold, reserve
from harness.command import run


def test_reservations_never_share_a_port() -> None:
    with ThreadPoolExecutor(8) as pool:
        reservations = list(pool.map(lambda _: reserve(), range(40)))
    ports = [port for made in reservations for port in msgspec.structs.astuple(made.ports)]
    for made in reservations:
        made.release()
    assert len(set(ports)) == 240


def test_a_reservation_holds_for_other_processes_and_until_it_is_released() -> None:
    script = (
        "from harness.clusters.local import ports; import sys;"
        "sys.exit(ports._hold(int(sys.argv[1])) is None)"
    )
    made = reserve()
    argv = (sys.executable, "-c", script, str(made.ports.apiserver))
    assert run(argv, timeout=30, check=False, env=dict(os.environ)).exit_code == 1
    made.release()
    assert run(argv, timeout=30, check=False, env=dict(os.environ)).exit_code == 0


def test_a_bound_port_is_passed_over() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert _hold(listener.getsockname()[1]) is None
