"""The provider on a real API server: what it says of a cluster, and what it removes there."""

from __future__ import annotations

import json
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.clusters import new_state_dir
from harness.clusters.existing.claim import Claim
from harness.clusters.existing.cleanup import sweep_claims
from harness.clusters.existing.provider import ExistingProvider
from harness.clusters.existing.selection import flattened
from harness.errors import ClusterError, UsageError
from harness.guard import Guard
from harness.guard.leftovers import write_private
from harness.kube.client import KubeClient
from harness.kube.ledger import Ledger
from harness.kube.removal import remove
from harness.model.cluster import Capability
from harness.settings import Settings, Timeouts
from harness.tests.clusters.conftest import new_run
from harness.tests.clusters.existing.test_claim import NOBODY
from harness.tests.clusters.existing.test_permissions import CRD, EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.assets import AssetSet
    from harness.model.cluster import Cluster
    from harness.tests.clusters.conftest import Live
    from harness.tests.clusters.existing.conftest import Person

pytestmark = pytest.mark.controlplane

PLUGIN = """#!{python}
import json, os
with open({count!r}, "a") as file:
    file.write("x")
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                   "status": {{"token": os.environ["TOKEN_OF_TEST"]}}}}))
"""


class Taken:
    """A cluster that was taken, with all that is needed to act on it."""

    def __init__(self, provider: ExistingProvider, cluster: Cluster, guard: Guard) -> None:
        self.provider = provider
        self.cluster = cluster
        self.guard = guard
        self.claim = Claim.of(cluster)
        self.client = KubeClient.from_kubeconfig(Path(cluster.kubeconfig))

    def make(self, key: str, name: str, **fields: Any) -> str:
        """Makes an object and returns its uid."""
        resource = self.client.resource(key)
        metadata = {"name": name, **fields.pop("metadata", {})}
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
        uid = self.client.create(resource, {**body, **fields})["metadata"]["uid"]
        return str(uid)

    def has(self, key: str, name: str, namespace: str = "") -> bool:
        return self.client.find(self.client.resource(key), name, namespace) is not None


@contextmanager
def taken(settings: Settings, assets: AssetSet, folder: Path) -> Iterator[Taken]:
    provider = ExistingProvider(settings)
    provider.check()
    state = new_state_dir()
    run = new_run(folder)
    with Guard.start(state_dir=state, evidence=run.evidence) as guard:
        guard.owns(state)
        cluster = provider.create(name="x", run=run, assets=assets, guard=guard, state_dir=state)
        made = Taken(provider, cluster, guard)
        try:
            yield made
        finally:
            made.client.connection.close()
            provider.delete(cluster, guard)
    assert not made.claim.folder.exists()


def settings_of(live: Live, **more: Any) -> Settings:
    document = yaml.safe_load(Path(live.cluster.kubeconfig).read_text())
    fields = {
        "kubeconfig": live.cluster.kubeconfig,
        "context": document["current-context"],
        "timeouts": Timeouts(delete=5.0),
        **more,
    }
    return Settings(cluster="existing", **fields)


def test_it_says_what_it_found(live: Live, assets: AssetSet, tmp_path: Path) -> None:
    with taken(settings_of(live), assets, tmp_path) as found:
        cluster = found.cluster
        assert cluster.provider == "existing"
        assert cluster.server == live.cluster.server
        assert cluster.server_version == live.cluster.server_version
        assert cluster.harness_identity == live.cluster.harness_identity
        assert cluster.capabilities == (Capability.GC, Capability.WORKLOADS)
        assert cluster.audit_log is None
        assert any("simulated" in fact for fact in cluster.facts)
        assert Path(cluster.ca_file).read_bytes() == Path(live.cluster.ca_file).read_bytes()
        assert stat.S_IMODE(Path(cluster.kubeconfig).stat().st_mode) == 0o600


def test_what_was_made_is_removed_and_nothing_else(
    live: Live, assets: AssetSet, tmp_path: Path
) -> None:
    theirs = live.client.create(
        live.client.resource("configmaps"),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}},
        namespace="default",
    )
    with taken(settings_of(live), assets, tmp_path) as found:
        found.make("namespaces", "books")
        found.make("configmaps", "ours", metadata={"namespace": "books"})
        found.make("configmaps", "ours", metadata={"namespace": "default"})
    assert live.client.find(live.client.resource("namespaces"), "books") is None
    configmaps = live.client.resource("configmaps")
    assert live.client.find(configmaps, "ours", "default") is None
    still = live.client.get(configmaps, "theirs", "default")
    assert still["metadata"]["resourceVersion"] == theirs["metadata"]["resourceVersion"]
    live.client.delete(configmaps, "theirs", "default")


def test_what_was_only_changed_is_not_ours(live: Live, assets: AssetSet, tmp_path: Path) -> None:
    configmaps = live.client.resource("configmaps")
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "shared", "namespace": "default"},
    }
    live.client.create(configmaps, body)
    with taken(settings_of(live), assets, tmp_path) as found:
        found.client.apply({**body, "data": {"a": "b"}})
    assert live.client.find(configmaps, "shared", "default") is not None
    live.client.delete(configmaps, "shared", "default")


def test_another_object_that_took_the_name_is_left_alone(
    live: Live, assets: AssetSet, tmp_path: Path
) -> None:
    configmaps = live.client.resource("configmaps")
    with taken(settings_of(live), assets, tmp_path) as found:
        found.make("configmaps", "name", metadata={"namespace": "default"})
        live.client.delete(configmaps, "name", "default")
        live.client.create(
            configmaps,
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "name"}},
            namespace="default",
        )
    assert live.client.find(configmaps, "name", "default") is not None
    live.client.delete(configmaps, "name", "default")


def test_a_custom_resource_that_nobody_lets_go_is_told_and_freed(
    live: Live, assets: AssetSet, tmp_path: Path
) -> None:
    version = {**CRD["spec"]["versions"][0]}  # type: ignore[index]  # a dict of the test's own
    version["schema"] = {
        "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    }
    spec = {**CRD["spec"], "versions": [version]}  # type: ignore[dict-item]  # likewise
    with taken(settings_of(live), assets, tmp_path) as found:
        found.make(
            "customresourcedefinitions.apiextensions.k8s.io", "pages.books.example", spec=spec
        )
        found.provider.learn_kinds(found.cluster, found.guard)
        held = {"namespace": "default", "finalizers": ["books.example/held"]}
        found.make("pages.books.example", "one", metadata=held)
        live.client.create(  # not in the ledger, and of a kind that goes
            live.client.resource_of("books.example/v1", "Page", refresh=True),
            {"apiVersion": "books.example/v1", "kind": "Page", "metadata": {"name": "two"}},
            namespace="default",
        )
        ledger = Ledger.beside(Path(found.cluster.kubeconfig))
        assert ledger is not None
        removed = remove(found.client, ledger, patience=1.0, timeout=30.0)
        assert [(item.key.name, item.finalizers) for item in removed.stuck] == [
            ("one", ("books.example/held",))
        ]
        assert removed.left == ()
        assert ledger.read() == ()
    crds = live.client.resource("customresourcedefinitions.apiextensions.k8s.io")
    assert live.client.find(crds, "pages.books.example") is None


def test_what_a_killed_run_left_is_swept_by_its_ledger(live: Live, tmp_path: Path) -> None:
    settings = settings_of(live)
    claim = Claim.begin(
        kubeconfig=flattened(settings),
        context=settings.context,
        server=live.cluster.server,
        state_dir=tmp_path,
    )
    client = KubeClient.from_kubeconfig(claim.kubeconfig)
    configmaps = client.resource("configmaps")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "left"}}
    client.create(configmaps, body, namespace="default")
    client.connection.close()
    write_private(claim.folder / "owner.json", NOBODY)
    told = sweep_claims(live.cluster.server)
    title = f"context {settings.context} ({live.cluster.server})"
    assert told == [f"Removed what a run left in {title}: 1 objects."]
    assert live.client.find(live.client.resource("configmaps"), "left", "default") is None
    assert not claim.folder.exists()


def test_an_exec_plugin_gives_every_client_its_credential(
    live: Live,
    assets: AssetSet,
    tmp_path: Path,
    person: Callable[[], Person],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    someone = person().may(*EVERYTHING)
    document = yaml.safe_load(someone.kubeconfig.read_text())
    monkeypatch.setenv("TOKEN_OF_TEST", document["users"][0]["user"]["token"])
    program, count = tmp_path / "plugin", tmp_path / "count"
    program.write_text(PLUGIN.format(python=sys.executable, count=str(count)))
    program.chmod(0o700)
    command = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./plugin",
        "interactiveMode": "Never",
    }
    document["users"][0]["user"] = {"exec": command}
    someone.kubeconfig.write_text(yaml.safe_dump(document))
    settings = settings_of(live, kubeconfig=str(someone.kubeconfig))
    with taken(settings, assets, tmp_path) as found:
        name = f"system:serviceaccount:default:{someone.name}"
        assert found.cluster.harness_identity == name
        found.make("namespaces", "by-plugin")
        written = Path(found.cluster.kubeconfig).read_text()
        assert document["users"][0]["user"]["exec"]["command"] != "/"
        assert json.loads(written)["users"][0]["user"]["exec"]["command"] == str(program)
        assert "token" not in json.loads(written)["users"][0]["user"]
    assert count.read_text()
    assert live.client.find(live.client.resource("namespaces"), "by-plugin") is None


def test_an_audit_log_is_followed_into_the_evidence(
    live: Live, assets: AssetSet, tmp_path: Path
) -> None:
    settings = settings_of(live, audit_log=str(live.cluster.audit_log))
    with taken(settings, assets, tmp_path) as found:
        assert Capability.AUDIT in found.cluster.capabilities
        assert found.cluster.audit_log is not None
        copy = Path(found.cluster.audit_log)
        assert copy != Path(str(live.cluster.audit_log))
        assert b"harness-barrier-" in copy.read_bytes()


def test_the_audit_log_of_another_server_is_refused(
    live: Live, assets: AssetSet, tmp_path: Path
) -> None:
    other = tmp_path / "other.log"
    other.write_text("")
    settings = settings_of(live, audit_log=str(other))
    with (
        pytest.raises(ClusterError, match="shows no request of ours"),
        taken(settings, assets, tmp_path),
    ):
        pass


def test_an_audit_log_that_is_not_there_is_refused_at_once(live: Live, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        ExistingProvider(settings_of(live, audit_log=str(tmp_path / "none"))).check()


@pytest.mark.parametrize("act", ["snapshot", "restore", "stop_component", "start_component"])
def test_its_components_are_not_touched(
    live: Live, assets: AssetSet, tmp_path: Path, act: str
) -> None:
    with (
        taken(settings_of(live), assets, tmp_path) as found,
        pytest.raises(ClusterError, match="isn't ours"),
    ):
        getattr(found.provider, act)(found.cluster, found.guard, "kube-apiserver")
