"""A claim: the private folder of what a run made in a cluster that isn't ours.

It lies beside the folders of clusters, not in one of them: a cluster's folder is removed when its
guard ends, a claim only when all that it names is gone. Until then it holds what is needed to
remove it: the kubeconfig (0600) and the ledger.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.errors import ClusterError
from harness.guard.descent import is_alive
from harness.guard.leftovers import make_state_folder, owner_runs, read_record, write_private
from harness.kube.ledger import Ledger
from harness.settings import state_home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model.cluster import Cluster

__all__ = ["Claim", "stale_claims"]

_ABOUT = "claim.json"
_LOCK = "lock"


class _About(msgspec.Struct, frozen=True, kw_only=True):
    """What people are told of a claim.

    Attributes:
        state_dir: Folder of the cluster whose guard keeps it.
    """

    context: str
    server: str
    state_dir: str


class Claim:
    """One claim.

    Args:
        folder: Private (0700).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def begin(cls, *, kubeconfig: bytes, context: str, server: str, state_dir: Path) -> Claim:
        """Makes a claim that holds nothing yet.

        Raises:
            ClusterError: The folder can't be made.
        """
        home = _home()
        try:
            claim = cls(make_state_folder(home))
        except OSError as error:
            raise ClusterError(
                f"Can't make a folder below {home}: {error.strerror or error}",
                hint="Set XDG_STATE_HOME to a folder that can be written.",
            ) from error
        about = _About(context=context, server=server, state_dir=str(state_dir))
        write_private(claim.kubeconfig, kubeconfig)
        write_private(claim.folder / _ABOUT, msgspec.json.encode(about))
        Ledger.begin(claim.folder)
        return claim

    @classmethod
    def of(cls, cluster: Cluster) -> Claim:
        """Returns the claim that a cluster's kubeconfig lies in."""
        return cls(Path(cluster.kubeconfig).parent)

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the one context."""
        return self.folder / "kubeconfig"

    @property
    def ca_file(self) -> Path:
        """The authority that the kubeconfig names, as a file."""
        return self.folder / "ca.crt"

    @property
    def ledger(self) -> Ledger | None:
        """What was made; None where the claim is gone, or was never whole."""
        return Ledger.beside(self.kubeconfig)

    @property
    def server(self) -> str:
        """URL of its cluster; empty where it was never written down, and nothing was made."""
        about = self._about()
        return about.server if about else ""

    @property
    def title(self) -> str:
        """Says which cluster it is about."""
        about = self._about()
        return f"context {about.context} ({about.server})" if about else "an existing cluster"

    @property
    def is_stale(self) -> bool:
        """Whether neither the run that made it lives, nor the guard that cleans up after it."""
        if owner_runs(self.folder):
            return False
        about = self._about()
        record = read_record(Path(about.state_dir)) if about else None
        return record is None or not is_alive(record.guard)

    def _about(self) -> _About | None:
        try:
            return msgspec.json.decode((self.folder / _ABOUT).read_bytes(), type=_About)
        except (OSError, msgspec.MsgspecError):
            return None

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Waits until nobody else cleans up; yields whether there is anything left to clean up.

        The lock goes with our process.
        """
        try:
            lock = os.open(self.folder / _LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            yield False
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self.folder.is_dir()
        finally:
            os.close(lock)

    def release(self) -> None:
        """Removes the folder; all that was made is gone."""
        shutil.rmtree(self.folder, ignore_errors=True)


def stale_claims() -> tuple[Claim, ...]:
    """Returns the claims of runs that were killed, or could not clean up."""
    home = _home()
    folders = sorted(path for path in home.iterdir() if path.is_dir()) if home.is_dir() else []
    claims = (Claim(path) for path in folders if not path.name.startswith("."))
    return tuple(claim for claim in claims if claim.is_stale)


def _home() -> Path:
    return state_home() / "existing"
