"""One line of an operator's log as people read it.

Loggers write JSON for machines; a finding or a report that quotes a dozen such lines can't be
read. The log in the evidence folder stays as it was printed.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["readable"]

_LONGEST = 400
_TIME_KEYS = ("ts", "time", "timestamp", "@timestamp", "asctime")
_LEVEL_KEYS = ("level", "severity", "levelname", "lvl")
_NAME_KEYS = ("logger", "name")
_TEXT_KEYS = ("msg", "message", "event")
_LEFT_OUT = frozenset({"stacktrace", "controllerGroup", "controllerKind", "reconcileID"})
_DATE = len("2026-11-21T")


def readable(text: str) -> str:
    """Returns a line as "03:31:41 info setup: Starting manager version=1"; others stay as they are.

    Args:
        text: As it was printed. What isn't a JSON object with a message is only cut to 400
            characters; a stack trace inside JSON is left out.
    """
    fields = _fields(text)
    message = _take(fields, _TEXT_KEYS)
    if not message:
        return _cut(text)
    time, level, name = (_take(fields, keys) for keys in (_TIME_KEYS, _LEVEL_KEYS, _NAME_KEYS))
    rest = [f"{key}={_value(value)}" for key, value in fields.items() if key not in _LEFT_OUT]
    head = " ".join(
        part for part in (_clock(time), level.lower(), f"{name}:" if name else "") if part
    )
    return _cut(" ".join(part for part in (head, message, *rest) if part))


def _fields(text: str) -> dict[str, Any]:  # any JSON object
    line = text.strip()
    if not line.startswith("{"):
        return {}
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _take(fields: dict[str, Any], keys: tuple[str, ...]) -> str:
    """Takes the first of some keys out; empty where none is there."""
    for key in keys:
        if key in fields:
            return _value(fields.pop(key))
    return ""


def _value(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return " ".join(text.split())


def _clock(time: str) -> str:
    """The time of day of an ISO 8601 stamp; anything else as it is."""
    if len(time) > _DATE and time[:4].isdigit() and time[_DATE - 1] in "T ":
        return time[_DATE:].rstrip("Z")
    return time


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
