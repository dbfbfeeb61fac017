"""What the API server says when it refuses: Status objects as errors."""

from __future__ import annotations

import re

import msgspec

from harness.errors import ApiError

__all__ = ["Status", "api_error", "no_answer", "parse_status"]

_FRACTION = re.compile(r"\d+\.\d{4,}")  # a time-out to the nanosecond, which is another each time
_CLIP = 256


class _Cause(msgspec.Struct, frozen=True):
    """One field's fault."""

    message: str = ""
    field: str = ""


class _Details(msgspec.Struct, frozen=True):
    """The part of a Status that names fields."""

    causes: list[_Cause] = []


class Status(msgspec.Struct, frozen=True):
    """A Status object, as far as we read it.

    Attributes:
        code: HTTP status; 0 where it isn't said.
        reason: For example "NotFound".
    """

    kind: str = ""
    code: int = 0
    reason: str = ""
    message: str = ""
    details: _Details | None = None

    @property
    def text(self) -> str:
        """The message, and the causes that it doesn't already hold."""
        causes = self.details.causes if self.details else []
        more = [
            f"{cause.field}: {cause.message}" if cause.field else cause.message
            for cause in causes
            if cause.message and cause.message not in self.message
        ]
        return "; ".join([part for part in (self.message, *more) if part])


def parse_status(body: bytes) -> Status | None:
    """Returns the Status in an answer's body, or None where it holds something else."""
    try:
        status = msgspec.json.decode(body, type=Status)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return status if status.kind == "Status" else None


def api_error(method: str, subject: str, code: int, body: bytes) -> ApiError:
    """Makes the error for an answer that wasn't expected.

    Args:
        method: HTTP method.
        subject: Which object, in words; never credentials.
        code: HTTP status.
        body: The answer; quoted only where it is a Status, since others may hold anything.
    """
    status = parse_status(body)
    said = status.text if status else ""
    reason = status.reason if status else ""
    words = " ".join(part for part in (str(code), reason) if part)
    return ApiError(
        f"{method} {subject}: {words}{f': {said}' if said else ''}",
        status=code,
        reason=reason,
        hint=_hint(code),
    )


def no_answer(method: str, subject: str, error: Exception) -> ApiError:
    """Makes the error for a request that got no answer; its effect is unknown for writes."""
    cause = _FRACTION.sub(
        lambda found: f"{float(found[0]):.3g}", str(getattr(error, "reason", "") or error)
    )[:_CLIP]
    return ApiError(
        f"{method} {subject}: no answer from the API server ({type(error).__name__}: {cause})",
        status=0,
        hint="Check that the API server runs and can be reached from this machine.",
    )


def _hint(code: int) -> str:
    return {
        401: "The credentials of the kubeconfig aren't accepted; they may have expired.",
        403: "The identity of the kubeconfig lacks this permission.",
    }.get(code, "")
