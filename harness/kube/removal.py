"""Removes exactly the objects of a ledger, and waits until they are gone.

Custom resources go first, while their operator may still remove its finalizers; then the rest,
the last made first; namespaces and CRDs at the end. Each is deleted by its uid: what has taken its
name since isn't touched.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ApiError
from harness.kube.ledger import Ledger, Made
from harness.kube.watch import NotObserved, await_object
from harness.model.inventory import Stuck
from harness.model.resource import ObjectKey, Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.clock import Clock
    from harness.kube.client import KubeClient

_T = TypeVar("_T")

__all__ = ["REST_S", "Removed", "remove"]

_CRDS = "customresourcedefinitions.apiextensions.k8s.io"
_NAMESPACES = "namespaces"
_NOT_FOUND = 404
_CONFLICT = 409
REST_S = 60.0
"""Seconds for what no operator holds on to; a namespace alone takes ten of them."""

_MANY = 20
_FORCED_S = 15.0  # until an object without finalizers must be gone


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the objects.

    Attributes:
        gone: How many are gone.
        stuck: Custom resources from which we took the finalizers ourselves.
        left: What is still there, a line each, with the reason.
    """

    gone: int = 0
    stuck: tuple[Stuck, ...] = ()
    left: tuple[str, ...] = ()


class _Remover:
    """One removal."""

    def __init__(self, client: KubeClient, ledger: Ledger, *, clock: Clock) -> None:
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self.stuck: list[Stuck] = []
        self.left: dict[ObjectKey, str] = {}
        self.gone: set[ObjectKey] = set()

    def remove(self, items: Iterable[Made], *, timeout: float, force: bool) -> None:
        """Deletes objects and waits for all of them together."""
        asked: list[Made] = []
        for item in self._alive([item for item in items if item.key not in self.gone]):
            known = self._guarded(item, partial(self._known, item))
            if known is not None and self._guarded(item, partial(self._ask, known)):
                asked.append(known)
        deadline = Deadline(timeout, clock=self._clock)
        for item in asked:
            if not self._await(item, deadline.remaining):
                self._resist(item, timeout, force=force)

    def _alive(self, items: list[Made]) -> list[Made]:
        """Leaves out what is gone already; by one list of each resource that is there often."""
        by_resource: dict[Resource, list[Made]] = {}
        for item in items:
            by_resource.setdefault(item.resource, []).append(item)
        for resource, alike in by_resource.items():
            if len(alike) < _MANY:
                continue
            with suppress(ApiError):  # then each is looked at by itself
                listed = self._client.list(resource, metadata_only=True).items
                uids = {body["metadata"]["uid"] for body in listed}
                for item in alike:
                    if item.uid and item.uid not in uids:
                        self._is_gone(item)
        return [item for item in items if item.key not in self.gone]

    def instances(self, crds: Sequence[Made]) -> list[Made]:
        """Returns all custom resources of CRDs that we made: they go with them in any case."""
        found: list[Made] = []
        for crd in crds:
            body = self._guarded(crd, partial(self._body, crd))
            if body is not None:
                found += self._guarded(crd, partial(self._listed, body)) or []
        return found

    def _listed(self, crd: dict[str, Any]) -> list[Made]:
        spec = crd["spec"]
        served = [str(item["name"]) for item in spec["versions"] if item.get("served")]
        for version in served:
            resource = Resource(
                group=spec["group"],
                version=version,
                plural=spec["names"]["plural"],
                kind=spec["names"]["kind"],
                namespaced=spec["scope"] == "Namespaced",
            )
            with suppress(ApiError):  # a conversion webhook that is gone; another version may do
                return [_made(resource, item) for item in self._client.list(resource).items]
        return []

    def _guarded(self, item: Made, act: Callable[[], _T]) -> _T | None:
        """Does something for an object; what goes wrong is noted and stops nothing else."""
        try:
            return act()
        except ApiError as error:
            if not error.status:  # nobody answers, so nothing else will go either
                raise
            self.left[item.key] = str(error)
            return None

    def _body(self, item: Made) -> dict[str, Any] | None:
        body = self._client.find(item.resource, item.name, item.namespace)
        return body if body is not None and item.is_it(body) else None

    def _known(self, item: Made) -> Made | None:
        """Returns the object with its uid; None where it's gone, or another one."""
        if item.uid:
            return item
        body = self._body(item) if item.name else None  # a generated name never came back
        if body is None:
            self._is_gone(item)
            return None
        return msgspec.structs.replace(item, uid=body["metadata"]["uid"])

    def _ask(self, item: Made) -> bool:
        """Asks for deletion; False where it's gone already."""
        try:
            self._client.delete(item.resource, item.name, item.namespace, uid=item.uid)
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
            self._is_gone(item)  # another object bears its name
            return False
        return True

    def _await(self, item: Made, seconds: float) -> bool:
        try:
            await_object(
                self._client.connection,
                item.resource,
                item.name,
                item.namespace,
                lambda body: body is None or body["metadata"].get("uid") != item.uid,
                timeout=max(seconds, 0.5),
                clock=self._clock,
            )
        except NotObserved:
            return False
        except ApiError as error:
            if error.status != _NOT_FOUND:  # with its CRD
                self.left[item.key] = str(error)
                return True
        self._is_gone(item)
        return True

    def _is_gone(self, item: Made) -> None:
        self.gone.add(item.key)
        self.left.pop(item.key, None)
        self._ledger.gone(item)

    def _resist(self, item: Made, seconds: float, *, force: bool) -> None:
        """Notes an object that stays; takes its finalizers, where that is asked for."""
        body = self._guarded(item, lambda: self._body(item))
        finalizers = tuple((body or {"metadata": {}})["metadata"].get("finalizers") or ())
        names = ", ".join(finalizers) or "none"
        self.left[item.key] = f"still there after {seconds:.0f} s; finalizers: {names}"
        if not force or not finalizers:
            return
        self.stuck.append(Stuck(key=item.key, finalizers=finalizers, seconds=seconds))
        patch = {"metadata": {"uid": item.uid, "finalizers": None}}
        self._guarded(
            item,
            lambda: self._client.patch(item.resource, item.name, patch, namespace=item.namespace),
        )
        self._await(item, _FORCED_S)


def remove(
    client: KubeClient,
    ledger: Ledger,
    *,
    patience: float,
    timeout: float = REST_S,
    before_rest: Callable[[], None] = lambda: None,
    clock: Clock = SYSTEM_CLOCK,
) -> Removed:
    """Removes all objects that a ledger holds.

    Args:
        client: Who made them.
        ledger: Which they are; is told what is gone.
        patience: Seconds in which finalizers of custom resources must be gone; we take them then,
            since their CRD would never go.
        timeout: Seconds for the rest.
        before_rest: Called when the custom resources are gone; it may end the operator.
        clock: Gives the deadlines.

    Raises:
        ApiError: The API server doesn't answer; the ledger holds what is left.
    """
    made = ledger.read()
    remover = _Remover(client, ledger, clock=clock)
    crds = [item for item in made if item.resource.key == _CRDS]
    namespaces = [item for item in made if item.resource.key == _NAMESPACES]
    custom = [item for item in made if _is_custom(item.resource)]
    known = {(item.resource.key, item.namespace, item.name) for item in custom}
    custom += [
        item
        for item in remover.instances(crds)
        if (item.resource.key, item.namespace, item.name) not in known
    ]
    apart = {id(item) for item in (*crds, *namespaces, *custom)}
    remover.remove(reversed(custom), timeout=patience, force=True)
    before_rest()
    rest = [item for item in reversed(made) if id(item) not in apart]
    remover.remove(rest, timeout=timeout, force=False)
    remover.remove(reversed(namespaces), timeout=timeout, force=False)
    # What was made meanwhile, by an operator that was on its way out.
    remover.remove(remover.instances(crds), timeout=_FORCED_S, force=True)
    remover.remove(reversed(crds), timeout=timeout, force=False)
    return Removed(
        gone=len(remover.gone),
        stuck=tuple(remover.stuck),
        left=tuple(f"{key}: {reason}" for key, reason in remover.left.items()),
    )


def _is_custom(resource: Resource) -> bool:
    return "." in resource.group and not resource.group.endswith(".k8s.io")


def _made(resource: Resource, body: dict[str, Any]) -> Made:
    metadata = body["metadata"]
    return Made(
        resource=resource,
        name=metadata["name"],
        namespace=metadata.get("namespace", ""),
        uid=metadata["uid"],
    )
