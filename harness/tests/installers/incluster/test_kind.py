"""On a real kind cluster: an operator in its Pods is installed, handled and taken away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import NotVerified
from harness.kube.pods import pods_of
from harness.probes.metrics import parse, scrape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model.installation import Installation
    from harness.model.target import Target
    from harness.tests.installers.incluster.conftest import Bench

pytestmark = pytest.mark.kind

_SYSTEM = "guestbook-system"
_READER = "metrics-reader"
_OURS = ("guestbook", "webapp.tutorial")


@pytest.fixture(scope="module")
def installed(bench: Bench, guestbook: Target) -> Iterator[Installation]:
    installer = bench.installer(guestbook)
    made = installer.install(bench.render(guestbook))
    yield made
    installer.uninstall()
    _assert_nothing_left(bench)


def _assert_nothing_left(bench: Bench) -> None:
    for resource in bench.client.resources(refresh=True, verb="list"):
        if resource.plural in ("events", "componentstatuses"):
            continue
        names = [
            item["metadata"]["name"]
            for item in bench.client.list(resource, metadata_only=True).items
            if any(word in item["metadata"]["name"] for word in _OURS)
            or item["metadata"].get("namespace") == _SYSTEM
        ]
        assert not names, resource.key


def _pods(bench: Bench) -> list[dict[str, Any]]:
    resource = bench.client.resource("deployments.apps")
    deployment = bench.client.get(resource, "guestbook-controller-manager", _SYSTEM)
    return pods_of(bench.client, deployment)


@pytest.fixture(scope="module")
def token(bench: Bench, installed: Installation) -> str:
    """A token that may read /metrics, bound before the first scrape."""
    account = {"name": _READER, "namespace": installed.namespace}
    group = "rbac.authorization.k8s.io"
    bench.client.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    bench.client.apply(
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{_READER}-of-tests"},
            "roleRef": {
                "apiGroup": group,
                "kind": "ClusterRole",
                "name": "guestbook-metrics-reader",
            },
            "subjects": [{"kind": "ServiceAccount", **account}],
        }
    )
    return bench.client.token(installed.namespace, _READER).value


def test_its_own_image_runs_in_its_own_pod(bench: Bench, installed: Installation) -> None:
    (pod,) = _pods(bench)
    (status,) = pod["status"]["containerStatuses"]
    assert status["ready"]
    assert status["image"] == "example.com/guestbook:v0.1.0"
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert installed.identities == {
        "system:serviceaccount:guestbook-system:guestbook-controller-manager"
    }


def test_what_was_changed_is_told(installed: Installation) -> None:
    told = {item.subject: item.after for item in installed.alterations}
    assert told["Certificate guestbook-system/guestbook-serving-cert"].startswith("Secret")
    assert sum("caBundle" in subject for subject in told) == 2, "one for each configuration"
    assert installed.notes == (
        "Image example.com/guestbook:v0.1.0: bin/manager, packed as /manager.",
    )


def test_a_protected_metrics_page_is_scraped_through_a_forwarded_port(
    installed: Installation, token: str
) -> None:
    metrics = installed.workloads[0].metrics
    assert metrics is not None
    assert metrics.url.startswith("https://127.0.0.1:")
    assert scrape(metrics.url).status == 401, "the header is the operator's to judge"
    page = scrape(metrics.url, token=token)
    assert page.status == 200
    assert any(family.name == "controller_runtime_reconcile" for family in parse(page.body))


def test_profiles_on_the_pods_own_loopback_are_reached(installed: Installation) -> None:
    page = scrape(f"{installed.workloads[0].pprof_url}/debug/pprof/cmdline")
    assert page.status == 200
    assert "/manager" in page.body


def test_its_webhooks_answer_to_the_api_server(bench: Bench, installed: Installation) -> None:
    """A dry run is defaulted by the mutating webhook, so our authority is trusted."""
    assert installed.namespace == _SYSTEM
    resource = bench.client.resource("guestbooks.webapp.tutorial.kubebuilder.io")
    made = bench.client.create(
        resource,
        {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": "x", "namespace": "default"},
            "spec": {"message": "Hello"},
        },
        dry_run=True,
    )
    assert made["spec"]["image"], "the default of the webhook"


def test_it_restarts_in_another_pod_and_metrics_follow(
    bench: Bench, installed: Installation, token: str
) -> None:
    control = bench.control(installed)
    control.await_ready(timeout=120)
    before = control.holder()
    control.restart()
    control.await_ready(timeout=120)
    assert control.holder() != before
    assert control.holder() == _pods(bench)[0]["metadata"]["name"]
    metrics = installed.workloads[0].metrics
    assert metrics is not None
    assert scrape(metrics.url, token=token).status == 200


def test_it_is_killed_and_stays_down_until_it_is_started(
    bench: Bench, installed: Installation
) -> None:
    control = bench.control(installed)
    started = time.monotonic()
    control.kill()
    assert not _pods(bench)
    assert time.monotonic() - started < 60, "not the whole grace period, on a busy machine"
    control.start()
    control.await_ready(timeout=120)


def test_a_replica_comes_and_goes(bench: Bench, installed: Installation) -> None:
    control = bench.control(installed)
    name = control.start_replica()
    assert name in {pod["metadata"]["name"] for pod in _pods(bench)}
    control.stop_replica(name)
    assert [pod["metadata"]["name"] for pod in _pods(bench)] != [name]
    assert len(_pods(bench)) == 1


def test_its_log_is_read_without_secrets(bench: Bench, installed: Installation) -> None:
    control = bench.control(installed)
    control.await_ready(timeout=120)
    tail = control.log_tail(400)
    assert any("Starting Controller" in line for line in tail)
    assert control.find_leases() == installed.workloads[0].leases


def test_what_the_api_can_not_do_is_said(bench: Bench, installed: Installation) -> None:
    with pytest.raises(NotVerified, match="can't be frozen"):
        bench.control(installed).pause()
    with pytest.raises(NotVerified, match="the kubelet alone replaces a Pod's token"):
        bench.control(installed).rotation()
