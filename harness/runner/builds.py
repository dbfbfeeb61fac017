"""Stage 1 of a comparison: the second build of the operator, as ready to be installed as the first.

`head` is the run's own target; `base` is built and rendered beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness import targets
from harness.errors import UsageError
from harness.installers import installer_for
from harness.model.comparison import BASE, HEAD
from harness.model.installation import InstallWay
from harness.model.run import Build, Suite
from harness.runner.suites import load_suite

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from harness.model.target import Target

__all__ = ["build_beside", "comparing_suite", "load_base"]

_CHECKS = ("INS-001", "INS-002", "INS-003")


def comparing_suite() -> Suite:
    """Returns the load suite as a comparison runs it: builds are held against each other alone."""
    return msgspec.structs.replace(load_suite("load"), name="compare", checks=_CHECKS, assets=())


def load_base(name_or_path: str, head: Target) -> Target:
    """Returns the base of a comparison.

    Args:
        name_or_path: As for `targets.load`.
        head: What it is compared with.

    Raises:
        UsageError: They aren't builds of one operator that could run in turn.
        TargetError: It can't be used.
    """
    base = targets.load(name_or_path)
    targets.require(base)
    for side, target in ((BASE, base), (HEAD, head)):
        if target.install.present:
            raise UsageError(
                f"The {side} of the comparison is there already (install.present): it can't be "
                "exchanged for another build.",
                hint="Name manifests in target.yaml, or compare two kept runs.",
            )
    kinds = [target.kinds[0].resource for target in (base, head)]
    if base.name != head.name or kinds[0] != kinds[1]:
        raise UsageError(
            f"Base is {base.name} and serves {kinds[0]}, head is {head.name} and serves "
            f"{kinds[1]}: the same load can't be put on both.",
            hint="Compare two builds of one operator.",
        )
    return base


def build_beside(
    base: Target,
    head: Build,
    *,
    way: InstallWay,
    render: Callable[[Target], tuple[dict[str, Any], ...]],  # Kubernetes objects
) -> dict[str, Build]:
    """Returns both builds, by `BASE` and `HEAD`.

    Args:
        base: Built already.
        head: Ready already.
        way: How they are installed.
        render: Renders a target's manifests.

    Raises:
        UsageError: They can't be exchanged for each other this way.
        TargetError: The manifests of base can't be rendered or installed.
    """
    if way is not InstallWay.PROCESS:
        raise UsageError(
            "Two builds are exchanged for each other as processes of this machine only.",
            hint="Leave --install out, or compare two kept runs.",
        )
    manifests = render(base)
    installer_for(way).preflight(base, manifests)
    return {BASE: Build(target=base, manifests=manifests), HEAD: head}
