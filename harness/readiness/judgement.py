"""What can be said about an object: its state, and why."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["Judgement", "State", "failed", "in_progress", "ready"]


class State(StrEnum):
    """How far an object is."""

    READY = "ready"
    IN_PROGRESS = "in progress"
    FAILED = "failed"  # the operator says itself that it can't get further


class Judgement(msgspec.Struct, frozen=True):
    """The state of one object at one moment.

    Attributes:
        reason: What is missing, in words; for READY, what it rests on.
    """

    state: State
    reason: str


def ready(reason: str) -> Judgement:
    """Returns a judgement of an object that is ready."""
    return Judgement(State.READY, reason)


def in_progress(reason: str) -> Judgement:
    """Returns a judgement of an object that isn't ready yet."""
    return Judgement(State.IN_PROGRESS, reason)


def failed(reason: str) -> Judgement:
    """Returns a judgement of an object that won't become ready by itself."""
    return Judgement(State.FAILED, reason)
