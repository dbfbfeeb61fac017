"""Namespaces for tests: named after the run, removed at its end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.pytest_plugin.context import Context

__all__ = ["Namespaces"]

_MAX_NAME = 40


class Namespaces:
    """Makes namespaces and removes them.

    Args:
        context: The suite's view of the run.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._made: list[str] = []

    def create(self, hint: str) -> str:
        """Makes a namespace.

        Args:
            hint: What it is for; becomes part of the name.

        Returns:
            Its name, for example "harness-a1b2c3-test-converges-1".
        """
        word = re.sub(r"[^a-z0-9]+", "-", hint.lower()).strip("-")[:_MAX_NAME].strip("-")
        run = self._context.run.id.rsplit("-", 1)[-1]
        name = f"harness-{run}-{word}-{len(self._made)}"
        client = self._context.client
        client.create(
            client.resource("namespaces"),
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "name": name,
                    "labels": {"app.kubernetes.io/managed-by": "operator-harness"},
                },
            },
        )
        self._made.append(name)
        return name

    def remove_all(self) -> None:
        """Asks for the deletion of what was made; a cluster of our own goes as a whole anyway."""
        client = self._context.client
        for name in self._made:
            client.delete(client.resource("namespaces"), name)
