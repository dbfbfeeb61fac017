"""What kopf calls, and when a Noteboard is looked at again.

Each Noteboard is followed by a daemon: a task that looks at it, then waits for its bell. Every
event of the Noteboard or of one of its children rings that bell; how often, or what the event said,
doesn't matter. So one Noteboard is never looked at twice at the same time, events that come
meanwhile lead to one more look, and an error is followed by another try.

kopf itself writes only the finalizer.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import aiohttp
import kopf

from noteboard.api import Api, ApiError
from noteboard.defects import Defect
from noteboard.names import FINALIZER, GROUP, MANAGER, owner_uid
from noteboard.reconciler import Outcome, Reconciler
from noteboard.rights import grant_rights, own_namespace

__all__ = [
    "LookLog",
    "NoDiffBase",
    "Watch",
    "close",
    "follow",
    "is_child",
    "let_go",
    "log_in",
    "prepare",
    "ring",
    "ring_for_child",
]

NOTEBOARDS = f"noteboards.{GROUP}"
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 60.0
"""Between tries after errors, doubled at each."""

TALKATIVE = ("kopf.objects", "aiohttp.access")
"""Loggers with a line for each handled event or probe, of which only the warnings are of use."""

LOG = logging.getLogger("noteboard")

LookLog = logging.Logger | logging.LoggerAdapter[Any]
"""The logger that kopf gives a handler, which names the object."""


class NoDiffBase(kopf.DiffBaseStorage):
    """Remembers no former spec: each look compares with what is there, not with what was.

    So kopf has nothing to write when a spec changes.
    """

    def build(self, **_: object) -> kopf.BodyEssence:
        """Returns nothing to be compared."""
        return cast("kopf.BodyEssence", {})

    def fetch(self, **_: object) -> kopf.BodyEssence:
        """Returns that it has been seen before."""
        return cast("kopf.BodyEssence", {})

    def store(self, **_: object) -> None:
        """Stores nothing."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What the handlers share.

    Attributes:
        bells: By the Noteboard's UID.
        turns: One look or clean-up of a Noteboard at a time, by its UID.
    """

    api: Api
    reconciler: Reconciler
    bells: dict[str, asyncio.Event] = field(default_factory=dict)
    turns: dict[str, asyncio.Lock] = field(default_factory=dict)


@kopf.on.login()
def log_in(*, settings: kopf.OperatorSettings, logger: LookLog, **_: object) -> kopf.ConnectionInfo:
    """Returns the ServiceAccount's credentials, or those of KUBECONFIG."""
    return _credentials(settings, logger)


def _credentials(settings: kopf.OperatorSettings, logger: LookLog) -> kopf.ConnectionInfo:
    info = kopf.login_via_client(settings=settings, logger=logger)
    if info is None:
        raise kopf.PermanentError("The package kubernetes, by which we log in, isn't installed.")
    return info


@kopf.on.startup()
async def prepare(
    *, settings: kopf.OperatorSettings, memo: kopf.Memo, logger: LookLog, **_: object
) -> None:
    """Sets kopf up, and waits until Noteboards are served; only then it answers as healthy."""
    settings.persistence.finalizer = FINALIZER
    settings.persistence.diffbase_storage = NoDiffBase()
    # A prefix that doesn't begin with "kopf." would be marked as kopf's, by another annotation.
    progress = kopf.AnnotationsProgressStorage(prefix=f"kopf.{GROUP}")
    settings.persistence.progress_storage = progress
    settings.scanning.disabled = True  # CRDs needn't be watched: ours is there before we are
    settings.background.instant_exit_timeout = 0.1  # a look's end; else kopf patches to remember
    settings.posting.reporting_component = MANAGER
    settings.posting.reporting_instance = os.environ.get("HOSTNAME", MANAGER)
    settings.posting.event_name_prefix = "noteboard-"
    settings.posting.default_backoffs = (1, 3)  # an event that still fails isn't worth more
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    if "watch" not in memo:
        defect = Defect.of(os.environ)
        if defect:
            logger.warning("The defect %s is switched on.", defect)
        api = Api(lambda: _credentials(settings, logger))
        memo.watch = Watch(api=api, reconciler=Reconciler(api, now=_now, defect=defect))
    if not await memo.watch.api.is_served():
        raise kopf.TemporaryError("Noteboards aren't served yet.", delay=1.0)
    if Defect.of(os.environ) is Defect.GRANTS_ITSELF_RIGHTS:
        await grant_rights(memo.watch.api, namespace=own_namespace())


@kopf.on.cleanup()
async def close(*, memo: kopf.Memo, **_: object) -> None:
    """Closes the connections."""
    if "watch" in memo:
        await memo.watch.api.close()


@kopf.daemon(NOTEBOARDS, cancellation_timeout=5.0)
async def follow(
    *,
    uid: str,
    body: kopf.Body,
    stopped: kopf.DaemonStopped,
    memo: kopf.Memo,
    logger: LookLog,
    **_: object,
) -> None:
    """Looks at a Noteboard now and each time its bell rings, until it is deleted."""
    watch: Watch = memo.watch
    bell = watch.bells[uid] = asyncio.Event()
    turn = watch.turns.setdefault(uid, asyncio.Lock())

    async def look() -> Outcome | None:
        async with turn:
            return await _attempt(watch.reconciler, body, logger)

    backoff = FIRST_BACKOFF_S
    try:
        while not stopped:
            bell.clear()
            # Shielded, since what was sent can't be taken back: a clean-up waits for its turn.
            outcome = await asyncio.shield(look())
            for said in outcome.announcements if outcome else ():
                LOG.info("%s/%s: %s", body.metadata.namespace, body.metadata.name, said.message)
                kopf.event(body, type=said.type, reason=said.reason, message=said.message)
            again_s = outcome.again_s if outcome else backoff
            backoff = FIRST_BACKOFF_S if outcome else min(2 * backoff, LONGEST_BACKOFF_S)
            await _wait(bell, stopped, again_s)
    finally:
        watch.bells.pop(uid, None)


@kopf.on.delete(NOTEBOARDS)
async def let_go(*, uid: str, body: kopf.Body, memo: kopf.Memo, **_: object) -> None:
    """Cleans up, then kopf removes the finalizer."""
    watch: Watch = memo.watch
    async with watch.turns.setdefault(uid, asyncio.Lock()):
        try:
            await watch.reconciler.clean_up(body)
        except (ApiError, aiohttp.ClientError, TimeoutError) as error:
            message = f"Cleaning up again later: {error}"
            raise kopf.TemporaryError(message, delay=FIRST_BACKOFF_S) from error
    watch.turns.pop(uid, None)
    LOG.info("%s/%s: cleaned up", body.metadata.namespace, body.metadata.name)


@kopf.on.event(NOTEBOARDS)
async def ring(*, uid: str, memo: kopf.Memo, **_: object) -> None:
    """Rings the bell of a Noteboard that has changed."""
    _ring(memo.watch, uid)


def is_child(*, body: kopf.Body, **_: object) -> bool:
    """Whether an object is the child of a Noteboard."""
    return bool(owner_uid(body))


@kopf.on.event("apps", "v1", "deployments", when=is_child)
@kopf.on.event("", "v1", "services", when=is_child)
@kopf.on.event("", "v1", "configmaps", when=is_child)
async def ring_for_child(*, body: kopf.Body, memo: kopf.Memo, **_: object) -> None:
    """Rings the bell of the Noteboard of a child that has changed."""
    _ring(memo.watch, owner_uid(body))


def _ring(watch: Watch, uid: str) -> None:
    bell = watch.bells.get(uid)
    if bell is not None:
        bell.set()


async def _wait(bell: asyncio.Event, stopped: kopf.DaemonStopped, limit_s: float | None) -> None:
    """Waits for a bell, or until kopf wants the daemon to end, or so many seconds."""
    waits = [asyncio.ensure_future(wait) for wait in (bell.wait(), _stop(stopped))]
    try:
        await asyncio.wait(waits, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _stop(stopped: kopf.DaemonStopped) -> None:
    await stopped.wait()


async def _attempt(reconciler: Reconciler, noteboard: kopf.Body, logger: LookLog) -> Outcome | None:
    """Looks once; returns None after an error that another try may mend."""
    try:
        return await reconciler.reconcile(noteboard)
    except (ApiError, aiohttp.ClientError, TimeoutError) as error:
        logger.warning("Trying again later: %s", error)
        return None


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
