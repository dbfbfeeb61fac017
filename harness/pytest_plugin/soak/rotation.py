"""What happens to every operator within the hour: its token is replaced, and the old one ends."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from harness.errors import ClusterError, HarnessError, NotVerified
from harness.model.soak import TOKEN

if TYPE_CHECKING:
    from harness.installers import Rotation
    from harness.model.resource import Resource
    from harness.model.soak import SoakPlan
    from harness.model.time import Stamp
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.operator import Operator
    from harness.pytest_plugin.soak.disturbances import Disturbances

__all__ = ["TokenRotation"]

_REVOKED_S = 30.0
"""Seconds until the API server must have noticed."""

_REMEMBERED_S = 10.0
"""For which an API server may remember that it took a token, and ask no further."""

_SHORT = "soaks of less than 25 minutes don't rotate the token"
_OTHERS = "the operator isn't restarted there with a token of its own"


class TokenRotation:
    """Rotates the operator's token while the soak goes on.

    The old token stays valid for longer than a minute after it was replaced, as a kubelet leaves
    it valid for twelve: a client that reads its file again each minute notices nothing.

    Args:
        context: The suite's view of the run.
        operator: Whose token.
        disturbances: Wait for the operator, and write down how it got over it.
    """

    def __init__(self, context: Context, operator: Operator, disturbances: Disturbances) -> None:
        self._context = context
        self._operator = operator
        self._disturbances = disturbances
        self._rotation: Rotation | None = None
        self._why = ""
        self._replaced: Stamp | None = None

    def begin(self, plan: SoakPlan) -> None:
        """Starts the operator again, before the first cycle, with a token that can be revoked.

        Args:
            plan: Of the soak; it may be without a rotation.

        Raises:
            HarnessError: It can't be started.
        """
        if not plan.replaced_after:
            self._why = _SHORT
        elif self._context.cluster.provider == "existing":
            self._why = _OTHERS
        else:
            try:
                rotation = self._operator.rotation()
                self._operator.restart_for(rotation)
            except NotVerified as reason:
                self._why = str(reason)
            else:
                self._rotation = rotation
                self._operator.readiness()  # SOA-101 and others see what comes of it
        if self._why:
            now = self._context.clock.now()
            self._disturbances.not_tried(TOKEN, now, 0, self._why)

    def after(self, cycle: int, plan: SoakPlan, resource: Resource, namespace: str) -> None:
        """Replaces or revokes the token, if that is due after so many cycles.

        Args:
            cycle: How many are over.
            plan: Of the soak.
            resource: Of which an object must converge afterwards.
            namespace: Where.

        Raises:
            HarnessError: No new token can be had.
        """
        rotation = self._rotation
        if rotation is None:
            return
        if cycle == plan.replaced_after:
            rotation.replace()
            self._replaced = self._context.clock.now()
        if cycle == plan.revoked_after and self._replaced is not None:
            both_s = (self._context.clock.now().mono_ns - self._replaced.mono_ns) / 1e9
            self._context.clock.sleep(max(0.0, plan.overlap_s - both_s))
            self._revoke(rotation, self._replaced, resource, namespace, cycle=cycle)
            self._rotation = None

    def end(self) -> None:
        """Takes back what `begin` left, where the soak ended before the old token was revoked."""
        rotation, self._rotation = self._rotation, None
        if rotation is None:
            return
        with suppress(HarnessError):  # a process that has no token any more is ended soon, too
            if self._replaced is None:
                rotation.replace()
            rotation.revoke(timeout=0.0)

    def _revoke(
        self,
        rotation: Rotation,
        replaced: Stamp,
        resource: Resource,
        namespace: str,
        *,
        cycle: int,
    ) -> None:
        clock, others = self._context.clock, self._disturbances
        start = clock.now()
        overlap_s = (start.mono_ns - replaced.mono_ns) / 1e9
        try:
            rotation.revoke(timeout=_REVOKED_S)
        except ClusterError as error:
            others.not_tried(TOKEN, start, cycle, str(error))
            return
        clock.sleep(_REMEMBERED_S)
        back = clock.now()
        ended, why = others.recover()
        why = why or others.converges(resource, namespace, number=cycle)
        late, gone = others.recover()  # what ended meanwhile
        why = why or gone
        others.done(TOKEN, start, back, cycle, ended=ended + late, why=why, overlap_s=overlap_s)
        if why:  # nothing else would be seen of the rest of the soak
            self._operator.restart()
            self._operator.readiness()
