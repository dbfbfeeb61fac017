"""What of a kubeconfig must never be printed."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["credentials"]

_INLINE = ("token", "password", "client-key-data")
_FILES = ("client-key", "tokenFile")
_SHORTEST = 8
_KEY_LINE = 40


def credentials(kubeconfig: Path) -> list[str]:
    """Returns keys, tokens and passwords of a kubeconfig, in each form in which they are written.

    Args:
        kubeconfig: A file of ours; what can't be read has no secrets.
    """
    found: list[str] = []
    with suppress(OSError, yaml.YAMLError, AttributeError, TypeError):
        document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8")) or {}
        for entry in document.get("users") or ():
            for text in _values(entry.get("user") or {}, kubeconfig.parent):
                found.extend(_forms(text))
    return [text for text in dict.fromkeys(found) if len(text) >= _SHORTEST]


def _values(user: dict[str, Any], folder: Path) -> Iterator[str]:
    for name in _INLINE:
        if user.get(name):
            yield str(user[name])
    for name in _FILES:
        if user.get(name):
            with suppress(OSError, UnicodeDecodeError):
                yield (folder / str(user[name])).read_text(encoding="utf-8").strip()


def _forms(text: str) -> Iterator[str]:
    """Yields a secret, its lines, and both behind or before Base64."""
    yield text
    yield base64.b64encode(text.encode()).decode()
    yield base64.b64encode(f"{text}\n".encode()).decode()
    plain = text
    with suppress(ValueError):  # binascii's error, and what isn't UTF-8
        plain = base64.b64decode(text, validate=True).decode()
    yield from (line for line in plain.splitlines() if len(line) >= _KEY_LINE)
