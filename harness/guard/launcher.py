"""Becomes a program that dies with the guard; run by its path, without site packages.

Arguments: process id of the guard, then the program (an absolute path) and its arguments.
Imports nothing of ours, since it is on the way of each process that the guard starts.
"""

import ctypes
import os
import signal
import sys

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1
_CANT_EXECUTE = 126


def main() -> None:
    """Asks for SIGKILL at the guard's death, then executes the program."""
    guard, *argv = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(guard):
        sys.exit(_CANT_EXECUTE)  # it died before we asked
    # Python ignores the first and handles the second itself; a program inherits what is ignored.
    for number in (signal.SIGPIPE, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    # The guard started us with it held back: one that was sent meanwhile takes effect here.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        os.execve(argv[0], argv, _environment())  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.stderr.write(f"Can't execute {argv[0]}: {error.strerror}\n")
        sys.exit(_CANT_EXECUTE)


def _environment() -> dict[bytes, bytes]:
    """Returns what we were given; Python itself may have set LC_CTYPE meanwhile."""
    with open("/proc/self/environ", "rb") as file:  # noqa: PTH123 - pathlib takes longer to import
        entries = file.read().split(b"\0")
    return dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)


if __name__ == "__main__":
    main()
