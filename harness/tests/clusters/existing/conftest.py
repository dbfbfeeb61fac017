"""Fixtures: a local cluster as one that is there already, and identities in it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.kube.client import KubeClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.tests.clusters.conftest import Live

GROUP = "rbac.authorization.k8s.io"


class Person:
    """A ServiceAccount with a kubeconfig of its own; everything of it is removed at the end."""

    def __init__(self, live: Live, folder: Path) -> None:
        self._client = live.client
        self.name = f"person-{secrets.token_hex(3)}"
        self._make("serviceaccounts", {"metadata": {"name": self.name, "namespace": "default"}})
        document = yaml.safe_load(Path(live.cluster.kubeconfig).read_text())
        token = live.client.token("default", self.name).value
        document["users"][0]["user"] = {"token": token}
        self.context: str = document["contexts"][0]["name"]
        self.kubeconfig = folder / f"{self.name}.kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(document))
        self.kubeconfig.chmod(0o600)
        self.client = KubeClient.from_kubeconfig(self.kubeconfig)

    def may(self, *rules: dict[str, Any]) -> Person:
        """Grants rules in the whole cluster."""
        self._make(f"clusterroles.{GROUP}", {"metadata": {"name": self.name}, "rules": rules})
        subject = {"kind": "ServiceAccount", "name": self.name, "namespace": "default"}
        self._make(
            f"clusterrolebindings.{GROUP}",
            {
                "metadata": {"name": self.name},
                "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": self.name},
                "subjects": [subject],
            },
        )
        return self

    def _make(self, key: str, body: dict[str, Any]) -> None:
        resource = self._client.resource(key)
        typed = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        self._client.create(resource, typed)

    def forget(self) -> None:
        self.client.connection.close()
        for key in (f"clusterrolebindings.{GROUP}", f"clusterroles.{GROUP}"):
            self._client.delete(self._client.resource(key), self.name)
        self._client.delete(self._client.resource("serviceaccounts"), self.name, "default")


@pytest.fixture
def person(live: Live, tmp_path: Path) -> Iterator[Callable[[], Person]]:
    """Makes identities without any right."""
    made: list[Person] = []

    def make() -> Person:
        made.append(Person(live, tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.forget()
