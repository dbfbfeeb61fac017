"""A second instance of the operator, in a namespace of its own, and its custom resources."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from harness.errors import NotVerified
from harness.installers import NotReady, control, second_instance
from harness.model.target import InstallMode
from harness.model.trials import SecondInstance
from harness.pytest_plugin.namespaces import Place
from harness.pytest_plugin.resources import CustomResources
from harness.pytest_plugin.rights import with_our_rights
from harness.stimulus.objects import Objects
from harness.stimulus.samples import samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from harness.model.installation import Installation
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.namespaces import Namespaces
    from harness.pytest_plugin.waiting import Waiter

__all__ = ["SecondOperator"]

_LOG_LINES = 15


class SecondOperator:
    """Runs a second instance for a while.

    Args:
        context: The suite's view of the run.
        namespaces: Makes the second's.
        waiter: Waits for its custom resources.
    """

    def __init__(self, context: Context, namespaces: Namespaces, waiter: Waiter) -> None:
        self._context = context
        self._namespaces = namespaces
        self._waiter = waiter

    @contextmanager
    def __call__(self, facts: dict[str, Any]) -> Iterator[CustomResources | None]:
        """Yields what makes the second's custom resources; None where it isn't ready, or can't be.

        Args:
            facts: Of the window; hold how the second came up.
        """
        if self._context.session.target.scope.mode is InstallMode.ALL_NAMESPACES:
            yield None
            return
        with ExitStack() as stack:
            try:
                with with_our_rights("Installing a second instance"):
                    namespace = self._namespaces.create("second")
                    installed = stack.enter_context(self._instance(namespace))
            except NotVerified as reason:
                facts["reason"] = str(reason)
                yield None
                return
            state = self._state(installed)
            facts["second"] = msgspec.to_builtins(state)
            made = self._resources(namespace)
            stack.callback(made.remove_all)
            yield made if state.ready else None

    def _instance(self, namespace: str) -> AbstractContextManager[Installation]:
        context = self._context
        return second_instance(
            context.installation,
            cluster=context.cluster,
            client=context.client,
            guard=context.guard,
            namespace=namespace,
        )

    def _state(self, installed: Installation) -> SecondInstance:
        """Waits until the second is ready, and says whether it is."""
        context = self._context
        handle = control(
            installation=installed,
            cluster=context.cluster,
            client=context.client,
            guard=context.guard,
        )
        reason = ""
        tail: tuple[str, ...] = ()
        try:
            handle.await_ready(timeout=context.timeouts.ready)
        except NotReady as error:
            reason, tail = str(error), handle.log_tail(_LOG_LINES)
        return SecondInstance(
            namespace=installed.namespace,
            identity=installed.workloads[0].service_account,
            ready=not reason,
            reason=reason,
            log=tail,
        )

    def _resources(self, namespace: str) -> CustomResources:
        context = self._context
        return CustomResources(
            context=context,
            objects=Objects(client=context.client, clock=context.clock, record=context.record),
            waiter=self._waiter,
            samples=samples(context.session.target),
            place=Place(namespace=namespace, shared=False, suffix="second"),
        )
