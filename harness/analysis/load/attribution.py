"""What holds an operator back: rules over signs, each with the numbers that show it.

A cause is claimed only where a rate was tried that the operator could not sustain, and only by
signs of its own; the most specific cause comes first, since a worker that waits for a webhook is
busy, too. Without signs the answer is "unknown".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.load import causes
from harness.model.loadresult import Attribution, Cause

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.analysis.load.causes import Signs

__all__ = ["attribute"]

_RULES: tuple[tuple[Cause, Callable[[Signs], list[str]]], ...] = (
    (Cause.SLOW_WEBHOOK, causes.slow_webhook),
    (Cause.CONFLICTS, causes.conflicts),
    (Cause.CLIENT_THROTTLING, causes.client_throttling),
    (Cause.CPU, causes.cpu),
    (Cause.CLUSTER, causes.cluster),
    (Cause.ONE_WORKER, causes.one_worker),
    (Cause.WORKERS, causes.all_workers),
    (Cause.GENERATOR, causes.generator),
)
_REMEDIES = {
    Cause.SLOW_WEBHOOK: "Make the webhook faster: no calls to other services, no reads beside the "
    "cache.",
    Cause.CONFLICTS: "Write with server-side apply or a patch, or read again before each update.",
    Cause.CLIENT_THROTTLING: "Raise QPS and Burst of the client's rest.Config, or set QPS to -1 "
    "and leave it to API Priority and Fairness.",
    Cause.CPU: "Profile the operator (pprof), or give its container more CPU.",
    Cause.ONE_WORKER: "Raise MaxConcurrentReconciles.",
    Cause.WORKERS: "Raise MaxConcurrentReconciles, or make a reconcile shorter.",
    Cause.CLUSTER: "Measure on a larger machine, or on a cluster of its own.",
    Cause.GENERATOR: "Give the load generator more workers (--workers) or a machine of its own.",
}


def attribute(signs: Signs) -> Attribution:
    """Returns what held the operator back."""
    if not signs.overloaded and not signs.generator:
        return Attribution(
            cause=Cause.NOTHING,
            evidence=("It sustained every rate that was tried.", *causes.webhook_share(signs)),
        )
    seen = {cause: rule(signs) for cause, rule in _RULES}
    found = [cause for cause, lines in seen.items() if lines]
    if not found:
        return Attribution(cause=Cause.UNKNOWN, evidence=causes.known(signs))
    return Attribution(
        cause=found[0],
        evidence=tuple(seen[found[0]]),
        others=tuple(found[1:]),
        remedy=_REMEDIES.get(found[0], ""),
    )
