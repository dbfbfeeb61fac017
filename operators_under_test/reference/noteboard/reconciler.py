"""One look at a Noteboard: its children are brought to its spec, its status to what is seen.

Everything is read from the API server at each look, so nothing has to be remembered, and nothing is
written that is there already. kopf knows when to look; see `noteboard.handlers`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from mmap import mmap
from typing import Any

from noteboard.api import ApiError, Requests
from noteboard.children import deployment, directory_entry, notes, service
from noteboard.comparing import holds
from noteboard.defects import Defect
from noteboard.names import FINALIZER, GROUP, Object, belongs_to
from noteboard.status import Verdict, condition, describe, judge

__all__ = ["Announcement", "Outcome", "Reconciler"]

STALE_S = 0.1
"""Seconds until the next look after a write that met a newer object."""
TAKEN_S = 15.0
"""Seconds until a name that somebody else holds is tried again: its holder isn't watched."""
HOT_S = 1.0
LEAK_BYTES = 8 << 10
"""What a twin keeps of each Noteboard that goes."""

_STAMP = f"{GROUP}/last-seen"
_REJECTED = (HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY)
_TERMINATING = "NamespaceTerminating"


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """An event to record about a Noteboard."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a look leads to.

    Attributes:
        announcements: To be recorded.
        again_s: Seconds until the next look; None to wait for a change.
    """

    announcements: tuple[Announcement, ...] = ()
    again_s: float | None = None


class _NameTakenError(Exception):
    """An object that isn't ours has the name that a child needs."""


class Reconciler:
    """Looks at Noteboards. One Noteboard must not be looked at twice at the same time.

    Args:
        api: The API server.
        now: Returns the time as RFC 3339, in UTC and whole seconds.
        defect: The fault of a faulty twin.

    Attributes:
        leaked: What the twin `leaks-memory` keeps.
    """

    def __init__(
        self, api: Requests, *, now: Callable[[], str], defect: Defect = Defect.NONE
    ) -> None:
        self._api = api
        self._now = now
        self._defect = defect
        self.leaked: list[mmap] = []

    async def reconcile(self, seen: Object) -> Outcome:
        """Brings one Noteboard a step nearer to its spec.

        Args:
            seen: The Noteboard as it was once; only what it is and where is taken from it.

        Raises:
            ApiError: The API server refused something, and should be asked again.
        """
        meta = seen["metadata"]
        noteboard = await self._api.find(seen, meta["name"], meta["namespace"])
        # Until the finalizer is there, nothing may be made that only it would remove. kopf adds
        # it, and that brings us back.
        if noteboard is None or not _is_followed(noteboard, meta["uid"]):
            return Outcome()
        try:
            return await self._reconcile(noteboard)
        except ApiError as error:
            if error.code == HTTPStatus.CONFLICT:
                return Outcome(again_s=STALE_S)
            if _TERMINATING in error.causes:
                return Outcome()  # the Noteboard itself is about to be deleted
            raise

    async def clean_up(self, noteboard: Object) -> None:
        """Removes what the garbage collector can't."""
        if self._defect is Defect.LEAKS_MEMORY:
            # From the system, since the heap would fill its holes first; written to, so that it
            # is resident.
            pages = mmap(-1, LEAK_BYTES)
            pages.write(b"x" * LEAK_BYTES)
            self.leaked.append(pages)
        if self._defect is not Defect.LEAVES_AN_ORPHAN:
            await self._api.delete(directory_entry(noteboard))

    async def _reconcile(self, noteboard: Object) -> Outcome:
        try:
            running = await self._keep_children(noteboard)
        except _NameTakenError as taken:
            verdict = Verdict(reason="NameConflict", message=str(taken))
            said = await self._write_status(noteboard, verdict, None)
            return Outcome(announcements=said, again_s=TAKEN_S)
        except ApiError as error:
            if error.code in _REJECTED and _TERMINATING not in error.causes:
                message = (
                    f"the API server rejects a child ({error.reason}); the operator's log says why"
                )
                verdict = Verdict(reason="ChildRejected", message=message)
                await self._write_status(noteboard, verdict, None)
            raise
        verdict = judge(running, noteboard["spec"]["replicas"])
        if self._defect is Defect.NEVER_READY:
            verdict = Verdict(progressing=True, reason="RollingOut", message="a seeded defect")
        said = await self._write_status(noteboard, verdict, running)
        return Outcome(
            announcements=said, again_s=HOT_S if self._defect is Defect.HOT_LOOP else None
        )

    async def _keep_children(self, noteboard: Object) -> dict[str, Any]:
        """Keeps all children and returns the Deployment.

        It comes last, so that what its pods need is there before they are.
        """
        shown = notes(noteboard)
        if self._defect is Defect.HOT_LOOP:
            shown["metadata"]["annotations"] = {_STAMP: self._now()}
        for wanted in (directory_entry(noteboard), shown, service(noteboard)):
            await self._keep(noteboard, wanted)
        return await self._keep(noteboard, deployment(noteboard))

    async def _keep(self, noteboard: Object, wanted: dict[str, Any]) -> dict[str, Any]:
        """Brings one object to what is wanted, and returns it as it then is."""
        meta = wanted["metadata"]
        live = await self._api.find(wanted, meta["name"], meta["namespace"])
        if live is None:
            # Without force: were somebody faster, his fields would be a conflict, not ours.
            return await self._api.apply(wanted, force=False)
        if not belongs_to(live, noteboard):
            raise _NameTakenError(
                f"{wanted['kind']} {meta['name']!r} exists and doesn't belong to this Noteboard; "
                "delete or rename it"
            )
        if _is_leaving(live) or holds(live, wanted):
            return live  # of one that is being deleted, the end brings us back
        same = {key: live["metadata"][key] for key in ("uid", "resourceVersion")}
        return await self._api.apply(wanted | {"metadata": meta | same}, force=True)

    async def _write_status(
        self, noteboard: Object, verdict: Verdict, running: Object | None
    ) -> tuple[Announcement, ...]:
        """Writes the status if it changes, and returns the few events that are worth one."""
        old = noteboard.get("status") or {}
        described = old.get("observedGeneration")
        if (
            self._defect is Defect.LOSES_A_STATUS_UPDATE
            and described is not None
            and described != noteboard["metadata"]["generation"]
        ):
            return ()
        status = describe(noteboard, verdict, deployment=running, now=self._now())
        if status == old:
            return ()
        await self._api.write_status(noteboard, status)
        before = condition(old, "Ready")
        if verdict.ready and before.get("status") != "True":
            message = "The noteboard is ready"
            return (Announcement(type="Normal", reason="Ready", message=message),)
        is_stuck = not verdict.ready and not verdict.progressing
        if is_stuck and before.get("reason") != verdict.reason:
            return (Announcement(type="Warning", reason=verdict.reason, message=verdict.message),)
        return ()


def _is_leaving(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def _is_followed(noteboard: Object, uid: str) -> bool:
    """Whether it is still the same one, it stays, and it can't go without us."""
    meta = noteboard["metadata"]
    held = FINALIZER in (meta.get("finalizers") or ())
    return held and meta["uid"] == uid and not _is_leaving(noteboard)
