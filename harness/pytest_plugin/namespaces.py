"""Namespaces for tests: named after the run and removed at its end, or those that are served."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from harness.model.target import InstallMode

if TYPE_CHECKING:
    from harness.pytest_plugin.context import Context

__all__ = ["Namespaces", "Place", "served_namespace"]

_MAX_WORD = 28
_MAX_SUITE = 12  # with the rest, a name stays below 63 characters


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the custom resources of a test go.

    Attributes:
        namespace: For namespaced kinds.
        shared: Whether others may have objects there: it isn't the test's own.
        suffix: Makes a name unique in the run, for example "a1b2c3-smoke-0".
    """

    namespace: str
    shared: bool
    suffix: str


class Namespaces:
    """Makes namespaces and removes them.

    Args:
        context: The suite's view of the run.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._made: list[str] = []
        self._places = 0

    def place(self, hint: str) -> Place:
        """Returns where a test's custom resources go, by the target's scope.

        That is a new namespace where the operator serves all of them, else the first of those
        that it serves.

        Args:
            hint: What a new one is for.
        """
        suffix = f"{self._owner}-{self._places}"
        self._places += 1
        served = served_namespace(self._context)
        if not served:
            return Place(namespace=self.create(hint), shared=False, suffix=suffix)
        self._ensure(served)
        return Place(namespace=served, shared=True, suffix=suffix)

    @property
    def _owner(self) -> str:
        """The run and the suite: what an earlier suite of the run made may still be going."""
        run = self._context.run.id.rsplit("-", 1)[-1]
        return f"{run}-{_word(self._context.session.suite.name, _MAX_SUITE)}"

    def create(self, hint: str) -> str:
        """Makes a namespace.

        Args:
            hint: What it is for; becomes part of the name.

        Returns:
            Its name, for example "harness-a1b2c3-smoke-test-converges-1".
        """
        name = f"harness-{self._owner}-{_word(hint, _MAX_WORD)}-{len(self._made)}"
        self._make(name)
        return name

    def _ensure(self, name: str) -> None:
        client = self._context.client
        if client.find(client.resource("namespaces"), name) is None:
            self._make(name)

    def _make(self, name: str) -> None:
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

    def remove_all(self) -> None:
        """Asks for the deletion of what was made; a cluster of our own goes as a whole anyway."""
        client = self._context.client
        for name in self._made:
            client.delete(client.resource("namespaces"), name)


def _word(text: str, longest: int) -> str:
    """Returns a text as a part of a name of Kubernetes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:longest].strip("-")


def served_namespace(context: Context) -> str:
    """Returns the namespace in which custom resources must be; empty where any will do."""
    scope = context.session.target.scope
    if scope.mode is InstallMode.ALL_NAMESPACES:
        return ""
    if scope.namespaces and scope.mode is not InstallMode.OWN_NAMESPACE:
        return scope.namespaces[0]
    return context.installation.namespace
