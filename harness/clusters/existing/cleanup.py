"""Removes what a claim's ledger holds.

Run as `python -m harness.clusters.existing.cleanup CLAIM`, after a run that could not do it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clusters.existing.claim import Claim, stale_claims
from harness.errors import HarnessError
from harness.kube.client import KubeClient
from harness.kube.removal import Removed, remove

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["clean", "main", "sweep_claims"]

_ORPHANED_S = 2.0
"""Seconds for finalizers whose operator ended with its run: nobody will remove them."""


def clean(
    claim: Claim,
    *,
    patience: float = _ORPHANED_S,
    before_rest: Callable[[], None] = lambda: None,
) -> Removed:
    """Removes what a claim names, and the claim itself once all is gone.

    Args:
        claim: Of a run that is over.
        patience: Seconds for custom resources; see `remove`.
        before_rest: As in `remove`.

    Raises:
        HarnessError: The cluster can't be reached; the claim stays.
    """
    with claim.locked() as is_there:
        if not is_there:
            return Removed()
        return _clean(claim, patience=patience, before_rest=before_rest)


def _clean(claim: Claim, *, patience: float, before_rest: Callable[[], None]) -> Removed:
    ledger = claim.ledger
    if ledger is None or not ledger.read():
        claim.release()  # somebody was faster, or nothing was made
        before_rest()
        return Removed()
    client = KubeClient.from_kubeconfig(claim.kubeconfig)
    try:
        removed = remove(client, ledger, patience=patience, before_rest=before_rest)
    finally:
        client.connection.close()
    if not removed.left:
        claim.release()
    return removed


def sweep_claims(server: str = "") -> list[str]:
    """Cleans up after runs that were killed together with their guard.

    Args:
        server: Only in the cluster of this URL; empty for all.

    Returns:
        A sentence for each.
    """
    told = []
    for claim in stale_claims():
        if server and claim.server not in ("", server):
            continue
        title = claim.title
        try:
            removed = clean(claim)
        except HarnessError as error:
            told.append(
                f"What a run left in {title} can't be removed now: {error} "
                f"(if that cluster is gone for good, remove {claim.folder})"
            )
            continue
        if removed.gone or removed.left:
            told.append(f"Removed what a run left in {title}: {removed.gone} objects.")
        told += [f"Still there: {line}" for line in removed.left]
    return told


def main(arguments: Sequence[str]) -> int:
    """Cleans one claim up.

    Returns:
        0 also where something is left, or the cluster doesn't answer: the claim stays then, and
        the next run there tries again.
    """
    claim = Claim(Path(arguments[0]))
    title = claim.title
    try:
        removed = clean(claim)
    except HarnessError as error:
        sys.stderr.write(f"{title}: {error}\n")
        return 0
    for line in removed.left:
        sys.stderr.write(f"{title}: still there: {line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
