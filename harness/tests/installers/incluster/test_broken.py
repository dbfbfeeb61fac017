"""Broken installs on a real kind cluster: each tells its first cause, and leaves nothing behind."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness.errors import InstallFault
from harness.manifests.objects import kind_of, name_of
from harness.model.findings import Finding
from harness.model.target import Webhooks

if TYPE_CHECKING:
    from harness.manifests.objects import Object
    from harness.model.target import Target
    from harness.tests.installers.incluster.conftest import Bench

pytestmark = pytest.mark.kind

_MANAGER = "guestbook-controller-manager"
_SYSTEM = "guestbook-system"


def _fault(
    bench: Bench, target: Target, manifests: list[Object], *, ready: float = 90.0
) -> Finding:
    """Installs what can't be, takes it away, and returns what was found."""
    installer = bench.installer(target, ready=ready)
    with pytest.raises(InstallFault) as fault:
        installer.install(manifests)
    known = installer.so_far()
    assert known is not None
    assert not known.complete
    assert known.identities
    installer.uninstall()
    namespaces = bench.client.list(bench.client.resource("namespaces")).items
    assert _SYSTEM not in {name_of(item) for item in namespaces}
    return fault.value.finding


def _container(manifests: list[Object]) -> dict[str, Any]:
    deployment = next(item for item in manifests if kind_of(item) == "Deployment")
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]["containers"][0]
    return found


@pytest.fixture
def manifests(bench: Bench, guestbook: Target) -> list[Object]:
    return copy.deepcopy(list(bench.render(guestbook)))


def test_an_image_that_is_not_there(
    bench: Bench, guestbook: Target, manifests: list[Object]
) -> None:
    workload = msgspec.structs.replace(guestbook.workloads[0], process=None)
    install = msgspec.structs.replace(guestbook.install, image=None)
    bare = msgspec.structs.replace(guestbook, workloads=(workload,), install=install)
    _container(manifests)["image"] = "localhost:1/absent:v1"
    finding = _fault(bench, bare, manifests)
    assert finding.check == "INS-001"
    assert finding.title == (
        "The image localhost:1/absent:v1 isn't on the node, and can't be pulled."
    )
    assert "connection refused" in finding.detail


def test_a_crash_loop(bench: Bench, guestbook: Target, manifests: list[Object]) -> None:
    _container(manifests)["args"].append("--no-such-flag")
    finding = _fault(bench, guestbook, manifests)
    assert finding.check == "INS-002"
    assert finding.title == "The operator ends at start with exit code 2, again and again."
    assert "flag provided but not defined: -no-such-flag" in finding.detail
    kept = bench.run.path / finding.evidence[0].file
    assert "no-such-flag" in kept.read_text(encoding="utf-8")


def test_readiness_that_is_never_true(
    bench: Bench, guestbook: Target, manifests: list[Object]
) -> None:
    _container(manifests)["readinessProbe"]["httpGet"]["path"] = "/nowhere"
    finding = _fault(bench, guestbook, manifests, ready=45.0)
    assert finding.check == "INS-002"
    assert finding.title == (
        "The operator doesn't become ready: Readiness probe failed: HTTP probe failed with "
        "statuscode: 404."
    )


def test_a_crd_that_is_invalid(bench: Bench, guestbook: Target, manifests: list[Object]) -> None:
    crd = next(item for item in manifests if kind_of(item) == "CustomResourceDefinition")
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["type"] = "no-such-type"
    finding = _fault(bench, guestbook, manifests)
    assert finding.check == "INS-001"
    assert finding.title.startswith("The API server refuses CustomResourceDefinition guestbooks.")
    assert "no-such-type" in finding.detail


def test_a_webhook_without_its_certificate(
    bench: Bench, guestbook: Target, manifests: list[Object]
) -> None:
    alone = [item for item in manifests if not item["apiVersion"].startswith("cert-manager.io")]
    install = msgspec.structs.replace(guestbook.install, webhooks=Webhooks.SELF_MANAGED)
    finding = _fault(bench, msgspec.structs.replace(guestbook, install=install), alone)
    assert finding.check == "INS-001"
    assert "the secret webhook-server-cert isn't there, which holds its webhooks'" in finding.title


def test_permissions_that_are_missing(
    bench: Bench, guestbook: Target, manifests: list[Object]
) -> None:
    kept = [
        item for item in manifests if kind_of(item) not in ("RoleBinding", "ClusterRoleBinding")
    ]
    finding = _fault(bench, guestbook, kept, ready=45.0)
    assert finding.check == "INS-002"
    assert f"system:serviceaccount:{_SYSTEM}:{_MANAGER} may not get leases" in finding.title


def test_a_service_account_that_is_missing(
    bench: Bench, guestbook: Target, manifests: list[Object]
) -> None:
    kept = [item for item in manifests if kind_of(item) != "ServiceAccount"]
    finding = _fault(bench, guestbook, kept)
    assert finding.check == "INS-001"
    assert finding.title.endswith(f"gets no Pod: its ServiceAccount {_MANAGER} isn't there.")


def test_a_namespace_that_is_missing(
    bench: Bench, guestbook: Target, manifests: list[Object]
) -> None:
    kept = [item for item in manifests if kind_of(item) != "Namespace"]
    finding = _fault(bench, guestbook, kept)
    assert finding.check == "INS-001"
    assert finding.title == (
        f"The namespace {_SYSTEM} isn't there, and none of the manifests makes it."
    )


def test_a_quota_that_is_exceeded(bench: Bench, guestbook: Target, manifests: list[Object]) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "tight", "namespace": _SYSTEM},
        "spec": {"hard": {"pods": "0"}},
    }
    finding = _fault(bench, guestbook, [*manifests, quota])
    assert finding.check == "INS-001"
    assert finding.title.endswith("gets no Pod: a ResourceQuota of its namespace is exceeded.")
    assert "exceeded quota: tight" in finding.detail
