"""Keeps what Secrets hold, and tokens, out of what Pods print."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.errors import ApiError
from harness.guard.capture import LINE_LIMIT, Redactor
from harness.manifests.objects import secret_values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.kube.client import KubeClient

__all__ = ["Cleaner"]

_TOKEN = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")  # a JSON Web Token
_REDACTED = "[redacted]"


class Cleaner:
    """Redacts lines of Pods; knows the Secrets of their namespaces, in memory only.

    Safe to share between threads.

    Args:
        client: Reads the Secrets; where it may not, only tokens are found.
        namespaces: Whose Secrets.
    """

    def __init__(self, client: KubeClient, namespaces: Iterable[str]) -> None:
        self._client = client
        self._namespaces = tuple(dict.fromkeys(namespaces))
        self._redactor = Redactor()
        self._lock = threading.Lock()

    def learn(self) -> None:
        """Looks for Secrets; what was known before isn't forgotten."""
        for namespace in self._namespaces:
            with suppress(ApiError):
                found = self._client.list(self._client.resource("secrets"), namespace).items
                with self._lock:
                    self._redactor.add(secret_values(found))

    def clean(self, line: str) -> str:
        """Returns a line without secrets, no longer than a log line may be."""
        with self._lock:
            cleaned = self._redactor.clean(line.encode(errors="replace"), limit=LINE_LIMIT)
        return _TOKEN.sub(_REDACTED, cleaned.decode(errors="replace"))
