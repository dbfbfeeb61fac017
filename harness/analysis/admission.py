"""Stage 5, API: what the API server says of the target's samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.logs import last_words
from harness.kube.webhooks import failed_conversion, failed_webhook

if TYPE_CHECKING:
    from harness.analysis.case import WindowCase
    from harness.model.findings import CheckOutcome

__all__ = ["sample_is_accepted"]

_ACCEPTED = range(200, 300)
_CLIENT_ERRORS = range(400, 500)
_NOT_THE_SAMPLES_FAULT = frozenset({401, 409, 429})


def sample_is_accepted(case: WindowCase) -> CheckOutcome:
    """API-010: the window's facts hold the answer to a strict dry run."""
    facts = case.phase.facts
    status, message = int(facts.get("status") or 0), str(facts.get("message") or "").strip()
    if status in _ACCEPTED:
        return case.passed()
    webhook = failed_webhook(message)
    refused = status in _CLIENT_ERRORS and status not in _NOT_THE_SAMPLES_FAULT
    broken = "failed calling webhook" in message or failed_conversion(message)
    if not refused and not broken:
        answer = f"status {status}" if status else "no answer"
        return case.undecided(f"the dry run got {answer}: {message or 'no message'}")
    who = webhook or "the API server"
    detail = [f"{who[0].upper()}{who[1:]} answered {status} to a server-side dry run with strict"]
    detail[0] += " field validation:"
    detail += [f"  {line}" for line in message.splitlines()]
    detail += [f"  warning: {warning}" for warning in facts.get("warnings") or ()]
    if webhook:
        detail += last_words(case.evidence, case.span, lines=8)
    return case.failed(
        case.finding(
            f"The sample {case.subject} is refused by {who} with {status}",
            detail="\n".join(detail),
        )
    )
