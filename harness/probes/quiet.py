"""Stage 4b: sees, from the growing audit log, whether the operator has stopped writing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.evidence.writes import is_write

if TYPE_CHECKING:
    from pathlib import Path

    from harness.clock import Clock, Deadline

__all__ = ["await_quiet"]

_STEP_SECONDS = 0.05


class _User(msgspec.Struct, frozen=True):
    username: str = ""


class _Object(msgspec.Struct, frozen=True):
    resource: str = ""
    apiGroup: str = ""
    subresource: str = ""


class _Event(msgspec.Struct, frozen=True):
    """The few fields of an audit event that tell a write from the rest."""

    verb: str = ""
    user: _User = _User()
    impersonatedUser: _User | None = None
    objectRef: _Object | None = None


def await_quiet(
    audit_log: Path,
    identities: frozenset[str],
    *,
    quiet: float,
    deadline: Deadline,
    clock: Clock,
) -> bool:
    """Waits until the operator has written nothing for `quiet` seconds.

    Args:
        audit_log: The file that the API server appends to.
        identities: The operator's user names.
        quiet: Seconds without a write.
        deadline: When to give up.
        clock: Paces the look at the file: a file has no watch that all systems share.

    Returns:
        False if the operator was still writing at the deadline.
    """
    decoder = msgspec.json.Decoder(_Event)
    last_write = clock.now()
    with audit_log.open("rb") as log:
        log.seek(0, 2)
        rest = b""
        while not deadline.passed:
            lines = (rest + log.read()).split(b"\n")
            rest = lines.pop()
            if any(_is_write(decoder, line, identities) for line in lines):
                last_write = clock.now()
            if (clock.now().mono_ns - last_write.mono_ns) / 1e9 >= quiet:
                return True
            clock.sleep(_STEP_SECONDS)
    return False


def _is_write(
    decoder: msgspec.json.Decoder[_Event], line: bytes, identities: frozenset[str]
) -> bool:
    try:
        event = decoder.decode(line)
    except msgspec.DecodeError:
        return False
    user = event.impersonatedUser or event.user
    if user.username not in identities or event.objectRef is None:
        return False
    target = event.objectRef
    resource = f"{target.resource}.{target.apiGroup}" if target.apiGroup else target.resource
    return is_write(event.verb, resource, target.subresource)
