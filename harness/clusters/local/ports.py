"""Free ports, reserved machine-wide until they are bound.

A reservation is an abstract unix socket named after the port: the kernel gives each name once
in a network namespace, just as ports, to whatever user, and takes it back when its process
ends. So there is no lock file to leave behind.
"""

from __future__ import annotations

import errno
import secrets
import socket

import msgspec

from harness.errors import ClusterError

__all__ = ["Ports", "Reservation", "reserve"]

_FIRST, _LAST = 20000, 32000  # below the ports that the kernel gives to outgoing connections


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Ports of a cluster's components."""

    apiserver: int
    etcd: int
    etcd_peer: int
    controller_manager: int
    scheduler: int
    kwok: int


class Reservation:
    """Ports that no other cluster gets until they are released.

    Args:
        ports: Which ones.
        holds: The sockets that hold them.
    """

    def __init__(self, ports: Ports, holds: list[socket.socket]) -> None:
        self.ports = ports
        self._holds = holds

    def release(self) -> None:
        """Ends the reservation: the ports are bound, or won't be."""
        for hold in self._holds:
            hold.close()
        self._holds = []


def reserve() -> Reservation:
    """Reserves free ports for one cluster.

    Raises:
        ClusterError: Too few are free.
    """
    names = Ports.__struct_fields__
    span = _LAST - _FIRST
    start = secrets.randbelow(span)  # two at once seldom try the same ones
    held: dict[int, socket.socket] = {}
    for step in range(span):
        port = _FIRST + (start + step) % span
        hold = _hold(port)
        if hold is not None:
            held[port] = hold
        if len(held) == len(names):
            return Reservation(Ports(**dict(zip(names, held, strict=True))), list(held.values()))
    for hold in held.values():
        hold.close()
    raise ClusterError(
        f"Fewer than {len(names)} ports from {_FIRST} to {_LAST} are free on 127.0.0.1.",
        hint="See what listens there: ss -ltn. Clusters: harness cluster list.",
    )


def _hold(port: int) -> socket.socket | None:
    """Reserves one port; None where it's reserved or bound."""
    hold = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        hold.bind(f"\0operator-harness/port/{port}")
        if _is_free(port):
            return hold
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            hold.close()
            raise ClusterError(f"Can't reserve port {port}: {error.strerror or error}") from error
    hold.close()
    return None


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
