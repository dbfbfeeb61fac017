"""The guard: a process of its own that ends whatever must not outlive a run.

`Guard.start` starts `python -m harness.guard`, a child-subreaper that holds the read end of a
pipe whose write end is the starter's. When that pipe closes (the starter ended, be it by
SIGKILL) or on `Guard.close`, it ends all its descendants, also daemons that forked twice,
removes the folders that it owns and exits. Any process of the run reaches it by its socket.
What is left when even the guard was killed is found by `harness.guard.leftovers`.

How a child dies with the guard: the guard starts it through `launcher.py`, a Python of 10 ms
without site packages that asks the kernel for PR_SET_PDEATHSIG and then becomes the program.
That needs neither a function between fork and exec nor a tool of the host. The kernel forgets
the wish when a program forks (daemons) or changes its credentials (a new user namespace):
those are what `leftovers` is for.
"""

from harness.guard.client import Guard
from harness.guard.protocol import ProcessStatus

__all__ = ["Guard", "ProcessStatus"]
