"""Which way an operator is installed, and by which classes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from harness.clock import SYSTEM_CLOCK
from harness.errors import UsageError
from harness.model.installation import InstallWay

if TYPE_CHECKING:
    from harness.clock import Clock
    from harness.guard import Guard
    from harness.installers.installer import Control, Installer
    from harness.kube.client import KubeClient
    from harness.model.cluster import Cluster
    from harness.model.installation import Installation

__all__ = ["choose_way", "control", "installer_for"]

_INSTALLERS = {
    InstallWay.PROCESS: "harness.installers.process.installer:ProcessInstaller",
    InstallWay.IN_CLUSTER: "harness.installers.incluster.installer:InClusterInstaller",
    InstallWay.PRESENT: "harness.installers.present:PresentInstaller",
}
_CONTROLS = {
    InstallWay.PROCESS: "harness.installers.process.control:OperatorControl",
    InstallWay.IN_CLUSTER: "harness.installers.incluster.control:ClusterControl",
    InstallWay.PRESENT: "harness.installers.present:PresentControl",
}
_USUAL = {
    "local": InstallWay.PROCESS,  # its pods are simulated
    "kind": InstallWay.IN_CLUSTER,
    "existing": InstallWay.PROCESS,  # no image of ours can be brought to its nodes
}


def choose_way(*, cluster: str, wish: str, present: bool = False) -> InstallWay:
    """Returns how a target is installed.

    Args:
        cluster: Name of the provider.
        wish: What the user asked for; empty for what suits the cluster.
        present: Whether the target says that its operator is there already.

    Raises:
        UsageError: That can't be had on this cluster.
    """
    if present:
        return _present(cluster, wish)
    way = InstallWay(wish) if wish else _USUAL.get(cluster, InstallWay.PROCESS)
    if cluster == "local" and way is not InstallWay.PROCESS:
        raise UsageError(
            f"--install {way}: the pods of a local cluster are simulated, so nothing runs in them.",
            hint="Take --cluster kind, or leave --install out.",
        )
    return way


def _present(cluster: str, wish: str) -> InstallWay:
    if cluster != "existing":
        raise UsageError(
            "The target says that its operator is present already (install.present), and a new "
            f"{cluster} cluster is empty.",
            hint="Name the cluster in which it runs: --cluster existing --context NAME.",
        )
    if wish:
        raise UsageError(
            f"--install {wish}: the target says that its operator is present already.",
            hint="Leave --install out, or name manifests instead of install.present.",
        )
    return InstallWay.PRESENT


def installer_for(way: InstallWay) -> type[Installer]:
    """Returns the installer of a way."""
    return cast("type[Installer]", _load(_INSTALLERS[way]))


def control(
    *,
    installation: Installation,
    cluster: Cluster,
    client: KubeClient,
    guard: Guard,
    clock: Clock = SYSTEM_CLOCK,
) -> Control:
    """Returns what handles an installed operator.

    Args:
        installation: As its installer made it.
        cluster: Where it's installed.
        client: The harness's own identity.
        guard: Under which its processes run.
        clock: For pauses between probes, which have no watch.
    """
    made: Control = _load(_CONTROLS[installation.way])(
        installation=installation, cluster=cluster, client=client, guard=guard, clock=clock
    )
    return made


def _load(place: str) -> Any:  # noqa: ANN401 - a class; which one is known at run time only
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
