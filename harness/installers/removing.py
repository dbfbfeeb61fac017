"""Stage 3: gives a cluster that isn't ours back, and writes down how that went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ClusterError
from harness.evidence.ndjson import write_document
from harness.kube.ledger import Ledger
from harness.kube.removal import REST_S, remove
from harness.model.inventory import Uninstalled

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.kube.client import KubeClient
    from harness.model.cluster import Cluster

__all__ = ["give_back"]


def give_back(
    *,
    cluster: Cluster,
    client: KubeClient,
    run: RunFolder,
    patience: float,
    timeout: float = REST_S,
    end_operator: Callable[[], None],
    clock: Clock,
) -> bool:
    """Removes all that the run made, where a ledger of it is kept.

    Args:
        cluster: Whose kubeconfig the ledger lies beside.
        client: The harness's own identity.
        run: Where it's written down what the operator held on to.
        patience: Seconds that a running operator has to remove its finalizers.
        timeout: Seconds for the rest to go.
        end_operator: Called when its custom resources are gone.
        clock: Gives the deadlines.

    Returns:
        Whether there is a ledger.

    Raises:
        ClusterError: Something stays; all of it is named.
    """
    ledger = Ledger.beside(Path(cluster.kubeconfig))
    if ledger is None:
        return False
    removed = remove(
        client, ledger, patience=patience, timeout=timeout, before_rest=end_operator, clock=clock
    )
    write_document(run.uninstall_file, Uninstalled(stuck=removed.stuck, left=removed.left))
    if removed.left:
        raise ClusterError("Not everything could be deleted:\n" + "\n".join(removed.left))
    return True
