"""What is changed in manifests for a cluster whose pods really run, and that it's all reported."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from harness.clock import SYSTEM_CLOCK, utc
from harness.errors import InstallFault
from harness.installers.certificates import Authority
from harness.installers.images.choosing import Provided
from harness.installers.incluster.preparing import (
    Prepared,
    prepared,
    refuse_missing_namespaces,
    with_images,
)
from harness.installers.workloads import choose
from harness.model.target import Webhooks
from harness.tests.installers.samples import (
    container,
    deployment,
    service,
    target,
    webhook_configuration,
)

_CERTS = {"name": "certs", "secret": {"secretName": "webhook-cert"}}
_MOUNT = {"name": "certs", "mountPath": "/certs"}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority(now=utc(SYSTEM_CLOCK.now()))


def _with_webhooks(**config: Any) -> list[dict[str, Any]]:
    operator = deployment(container(volumeMounts=[_MOUNT]))
    operator["spec"]["template"]["spec"]["volumes"] = [_CERTS]
    return [operator, service(), webhook_configuration(**config)]


def _prepare(
    manifests: list[dict[str, Any]],
    authority: Authority,
    webhooks: Webhooks = Webhooks.MANAGED,
) -> Prepared:
    workloads = choose(target(Path("/nowhere")), manifests)
    return prepared(manifests, workloads=workloads, authority=authority, webhooks=webhooks)


def _bundle(done: Prepared) -> str:
    config = done.manifests[-1]["webhooks"][0]["clientConfig"]
    return base64.b64decode(config.get("caBundle", "")).decode()


def test_webhooks_keep_their_service_and_trust_our_authority(authority: Authority) -> None:
    done = _prepare(_with_webhooks(), authority)
    assert done.manifests[-1]["webhooks"][0]["clientConfig"]["service"]["name"] == "hooks"
    assert _bundle(done) == authority.certificate
    assert [secret["metadata"]["name"] for secret in done.secrets] == ["webhook-cert"]
    assert {item.subject for item in done.alterations} == {
        "Secret ns/webhook-cert",
        "ValidatingWebhookConfiguration hooks, webhook v.example.org, caBundle",
    }


def test_a_placeholder_is_replaced_and_a_real_bundle_is_not(authority: Authority) -> None:
    assert _bundle(_prepare(_with_webhooks(caBundle="Cg=="), authority)) == authority.certificate
    given = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()
    assert _bundle(_prepare(_with_webhooks(caBundle=given), authority)).startswith("-----BEGIN")


def test_an_operator_that_manages_its_own_certificates_is_left_alone(
    authority: Authority,
) -> None:
    done = _prepare(_with_webhooks(), authority, Webhooks.SELF_MANAGED)
    assert (done.secrets, done.alterations, _bundle(done)) == ((), (), "")


def test_cert_managers_objects_are_not_applied_but_honoured(authority: Authority) -> None:
    certificate = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "serving", "namespace": "ns"},
        "spec": {"secretName": "webhook-cert", "dnsNames": ["hooks.ns.svc"]},
    }
    done = _prepare([certificate, *_with_webhooks()], authority)
    assert "Certificate" not in {item["kind"] for item in done.manifests}
    assert [secret["metadata"]["name"] for secret in done.secrets] == ["webhook-cert"]
    assert _bundle(done) == authority.certificate


@pytest.mark.parametrize(
    ("image", "said", "before"),
    [
        ("example.com/op:v1", {"imagePullPolicy": "Always"}, "Always"),
        ("example.com/op:latest", {}, "Always, by the image's tag"),
        ("example.com:5000/op", {}, "Always, by the image's tag"),
    ],
)
def test_an_image_that_we_load_is_never_pulled(
    image: str, said: dict[str, str], before: str
) -> None:
    made = Provided(name=image, how="bin/op, packed as /op", archive=Path("op.tar"))
    (changed,), (alteration,) = with_images(
        [deployment(container(image=image, **said))], {image: made}
    )
    container_after = changed["spec"]["template"]["spec"]["containers"][0]
    assert container_after["imagePullPolicy"] == "IfNotPresent"
    assert (alteration.before, alteration.after) == (before, "IfNotPresent")
    assert alteration.subject == "Deployment ns/op, container manager, imagePullPolicy"


@pytest.mark.parametrize("policy", ["IfNotPresent", "Never", None])
def test_other_policies_stay(policy: str | None) -> None:
    said = {"imagePullPolicy": policy} if policy else {}
    made = Provided(name="example.com/op:v1", how="", archive=Path("op.tar"))
    before = deployment(container(**said))
    (changed,), alterations = with_images([before], {"example.com/op:v1": made})
    assert changed == before
    assert not alterations


def test_an_image_that_is_pulled_keeps_its_policy() -> None:
    made = Provided(name="example.com/op:v1", how="as the nodes have it")
    before = deployment(container(imagePullPolicy="Always"))
    assert with_images([before], {"example.com/op:v1": made}) == ([before], [])


def test_an_image_that_the_target_names_takes_the_manifests_place() -> None:
    made = Provided(name="example.com/other:v2", how="the image that the target names")
    (changed,), (alteration,) = with_images([deployment()], {"example.com/op:v1": made})
    assert changed["spec"]["template"]["spec"]["containers"][0]["image"] == made.name
    assert (alteration.before, alteration.after) == ("example.com/op:v1", made.name)


def test_a_namespace_that_nobody_makes_is_the_first_cause() -> None:
    with pytest.raises(InstallFault) as fault:
        refuse_missing_namespaces([deployment(), service()], lambda _: False)
    finding = fault.value.finding
    assert finding.check == "INS-001"
    assert finding.title == "The namespace ns isn't there, and none of the manifests makes it."
    assert finding.detail == "It's where Deployment ns/op and 1 more should go."


def test_namespaces_that_are_there_or_made_are_no_cause() -> None:
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}}
    refuse_missing_namespaces([made, deployment()], lambda _: False)
    refuse_missing_namespaces([deployment()], lambda name: name == "ns")
