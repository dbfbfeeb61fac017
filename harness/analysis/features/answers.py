"""Stage 5: answers of the API server as windows keep them."""

from __future__ import annotations

from typing import Any

__all__ = ["Json", "differences", "refused", "shown", "taken"]

Json = dict[str, Any]  # any JSON object
_REFUSED = 400
_BROKEN = 500
_LONGEST = 80
_NOT_ABOUT_CONTENT = frozenset({401, 404, 409, 429})


def taken(answer: Json) -> bool:
    """Whether a request was a success."""
    return 0 < int(answer.get("status") or 0) < _REFUSED


def refused(answer: Json) -> bool:
    """Whether what was sent was judged and refused; a webhook that fails has judged nothing."""
    status = int(answer.get("status") or 0)
    return (
        _REFUSED <= status < _BROKEN
        and status not in _NOT_ABOUT_CONTENT
        and "failed calling webhook" not in str(answer.get("message") or "")
    )


def shown(value: object) -> str:
    """Returns a value as findings show it."""
    if value is None:
        return "nothing"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def differences(before: object, after: object, path: str = "") -> list[str]:
    """Returns lines "path: before -> after" for all that differs; null is as good as absent."""
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            line
            for key in dict.fromkeys([*before, *after])
            for line in differences(before.get(key), after.get(key), f"{path}.{key}".lstrip("."))
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            line
            for index, (old, new) in enumerate(zip(before, after, strict=True))
            for line in differences(old, new, f"{path}[{index}]")
        ]
    return [f"{path}: {shown(before)} -> {shown(after)}"]
