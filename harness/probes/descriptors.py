"""Stage 4b: what a process's descriptors lead to: files, connections, and what the kernel made."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    import psutil

__all__ = ["is_connection", "opened"]

_DELETED = " (deleted)"
_KERNELS = "anon_inode:"
_MOST = 200
"""Different files that are told by name; of more only their folders are."""


def opened(pid: int) -> dict[str, int]:
    """Returns how many descriptors of a process and its children lead to what.

    A connection is told by the end that stays the same: the server that was dialled, or the own
    port on which it was accepted. Files are told by their path, of very many by their folder.

    Args:
        pid: The parent's.

    Returns:
        Counts by, for example, "TCP to 127.0.0.1:6443", "TCP accepted on 8443", "timerfd",
        "/var/lib/x"; empty where the system doesn't tell.
    """
    import psutil  # noqa: PLC0415 - only where processes are sampled

    try:
        parent = psutil.Process(pid)
        members = [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return {}
    found: Counter[str] = Counter()
    for member in members:
        found += _of_one(member)
    return dict(sorted(_by_folder(found).items()))


def is_connection(leads_to: str) -> bool:
    """Whether a descriptor, as `opened` tells it, is a TCP connection, and not a port's own."""
    return leads_to.startswith(("TCP to ", "TCP accepted on "))


def _of_one(process: psutil.Process) -> Counter[str]:
    import psutil  # noqa: PLC0415 - loaded already

    links = _links(process.pid)
    if not links:
        return Counter()
    try:
        sockets = {one.fd: one for one in process.net_connections(kind="all") if one.fd >= 0}
    except psutil.Error:
        sockets = {}
    listening = {one.laddr.port for one in sockets.values() if one.status == psutil.CONN_LISTEN}
    return Counter(
        _socket(sockets.get(descriptor), listening)
        if leads_to.startswith("socket:")
        else _other(leads_to)
        for descriptor, leads_to in links.items()
    )


def _links(pid: int) -> dict[int, str]:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208 - Path makes an object of each
    except OSError:
        return {}
    found: dict[int, str] = {}
    for name in names:
        try:
            found[int(name)] = os.readlink(f"{folder}/{name}")  # noqa: PTH115 - as above
        except OSError:  # it was closed meanwhile
            continue
    return found


def _socket(one: Any, listening: set[int]) -> str:  # noqa: ANN401 - psutil has no public name for it
    import psutil  # noqa: PLC0415 - loaded already

    if one is None:
        return "socket"
    if one.family.name == "AF_UNIX":
        return f"UNIX socket {one.laddr}".rstrip()
    kind = "TCP" if one.type.name == "SOCK_STREAM" else "UDP"
    if one.status == psutil.CONN_LISTEN:
        return f"{kind} listening on {one.laddr.port}"
    if not one.raddr:
        return f"{kind} unconnected"
    # One that isn't established is half closed: who forgets to close them leaks these.
    state = "" if one.status in {psutil.CONN_ESTABLISHED, psutil.CONN_NONE} else f" ({one.status})"
    if one.laddr.port in listening:
        return f"{kind} accepted on {one.laddr.port}{state}"
    return f"{kind} to {one.raddr.ip}:{one.raddr.port}{state}"


def _other(leads_to: str) -> str:
    if leads_to.startswith(_KERNELS):
        return leads_to.removeprefix(_KERNELS).strip("[]")
    if leads_to.startswith("pipe:"):
        return "pipe"
    return leads_to.removesuffix(_DELETED)


def _by_folder(found: Counter[str]) -> Counter[str]:
    paths = [name for name in found if name.startswith("/")]
    if len(paths) <= _MOST:
        return found
    short: Counter[str] = Counter()
    for name, count in found.items():
        short[f"{os.path.dirname(name)}/*" if name.startswith("/") else name] += count  # noqa: PTH120
    return short
