"""Webhook configurations lead to the process; cert-manager's objects are honoured."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from harness.clock import SYSTEM_CLOCK, utc
from harness.installers.certificates import Authority
from harness.installers.process.drafting import draft, locate
from harness.installers.webhooks import (
    certificate_secrets,
    injected,
    missing_secrets,
    rewired,
    services,
)
from harness.installers.workloads import choose
from harness.tests.installers.samples import (
    container,
    deployment,
    service,
    target,
    webhook_configuration,
)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority(now=utc(SYSTEM_CLOCK.now()))


def certificate(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "serving", "namespace": "ns"},
        "spec": {"secretName": "certs", "dnsNames": ["hooks.ns.svc"], **spec},
    }


def decoded(secret: dict[str, Any], key: str) -> str:
    return base64.b64decode(secret["data"][key]).decode()


def test_a_service_becomes_a_loopback_url_with_our_bundle() -> None:
    served = rewired(webhook_configuration(), locate=lambda *_: 20443, ca_bundle="PEM")
    config = served.manifest["webhooks"][0]["clientConfig"]
    assert config == {
        "url": "https://127.0.0.1:20443/validate",
        "caBundle": base64.b64encode(b"PEM").decode(),
    }
    assert served.ports == {20443}
    assert served.alterations[0].before == "service ns/hooks/validate"
    assert "v.example.org" in served.alterations[0].subject


def test_the_bundle_of_a_self_managed_operator_is_left_alone() -> None:
    served = rewired(webhook_configuration(caBundle="own"), locate=lambda *_: 1, ca_bundle=None)
    assert served.manifest["webhooks"][0]["clientConfig"]["caBundle"] == "own"


def crd(strategy: str = "Webhook", **config: Any) -> dict[str, Any]:
    service = {"namespace": "ns", "name": "hooks", "path": "/convert"}
    webhook = {
        "conversionReviewVersions": ["v1"],
        "clientConfig": {"service": service, **config},
    }
    conversion = {"strategy": strategy}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "things.example.org",
            "annotations": {"cert-manager.io/inject-ca-from": "ns/serving"},
        },
        "spec": {
            "conversion": conversion | ({"webhook": webhook} if strategy == "Webhook" else {}),
            "versions": [{"name": "v1"}, {"name": "v2"}],
        },
    }


def test_a_crds_conversion_is_rewired_like_a_webhook() -> None:
    served = rewired(crd(), locate=lambda *_: 20443, ca_bundle="PEM")
    conversion = served.manifest["spec"]["conversion"]
    assert conversion["strategy"] == "Webhook"
    assert conversion["webhook"] == {
        "conversionReviewVersions": ["v1"],
        "clientConfig": {
            "url": "https://127.0.0.1:20443/convert",
            "caBundle": base64.b64encode(b"PEM").decode(),
        },
    }
    assert served.ports == {20443}
    (change,) = served.alterations
    assert change.subject == "CustomResourceDefinition things.example.org, conversion"
    assert change.before == "service ns/hooks/convert"
    assert change.after == "https://127.0.0.1:20443/convert, CA bundle of this run"


def test_a_crd_without_a_conversion_webhook_comes_back_as_it_is() -> None:
    plain = crd("None")
    bare = {**crd(), "spec": {"conversion": {"strategy": "Webhook"}}}
    for manifest in (plain, bare):
        assert rewired(manifest, locate=lambda *_: 1, ca_bundle="PEM").manifest is manifest
    assert services([plain, bare]) == ()


def test_a_conversion_that_leads_elsewhere_is_left_alone_and_said() -> None:
    served = rewired(crd(), locate=lambda *_: None, ca_bundle="PEM")
    assert served.manifest == crd()
    assert "conversion: its Service ns/hooks leads to nothing" in served.notes[0]


def test_a_crds_conversion_needs_a_certificate_too() -> None:
    assert services([crd()]) == (("ns", "hooks", 443),)


def test_a_certificate_that_a_crd_wants_injected_is_missed_where_it_is_not_there() -> None:
    assert "'ns/serving', which isn't among" in injected(crd(), [crd()])[0]
    assert injected(crd(), [crd(), certificate()]) == ()


def test_a_webhook_that_leads_elsewhere_is_left_alone_and_said() -> None:
    served = rewired(webhook_configuration(), locate=lambda *_: None, ca_bundle="PEM")
    assert served.manifest == webhook_configuration()
    assert "ns/hooks" in served.notes[0]


def test_other_kinds_come_back_as_they_are() -> None:
    assert rewired(deployment(), locate=lambda *_: 1, ca_bundle="").manifest == deployment()


def test_services_of_webhooks_are_found_with_the_default_port() -> None:
    assert services([deployment(), webhook_configuration()]) == (("ns", "hooks", 443),)


def test_a_certificate_becomes_the_secret_that_it_asks_for(authority: Authority) -> None:
    template = {"labels": {"a": "b"}}
    secrets, alterations, notes = certificate_secrets(
        [certificate(secretTemplate=template, ipAddresses=["10.0.0.1"])], authority
    )
    assert secrets[0]["metadata"] == {"labels": {"a": "b"}, "name": "certs", "namespace": "ns"}
    assert secrets[0]["type"] == "kubernetes.io/tls"
    assert decoded(secrets[0], "ca.crt") == authority.certificate
    issued = x509.load_pem_x509_certificate(decoded(secrets[0], "tls.crt").encode())
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "hooks.ns.svc" in names.get_values_for_type(x509.DNSName)
    assert "10.0.0.1" in map(str, names.get_values_for_type(x509.IPAddress))
    assert "PRIVATE KEY" in decoded(secrets[0], "tls.key")
    assert "PRIVATE KEY" not in str(alterations)
    assert notes == []


def test_a_certificate_of_an_authority_holds_ours(authority: Authority) -> None:
    secrets, _, _ = certificate_secrets([certificate(isCA=True)], authority)
    assert decoded(secrets[0], "tls.crt") == authority.certificate


def test_what_of_cert_manager_is_not_honoured_is_said(authority: Authority) -> None:
    request = {**certificate(), "kind": "CertificateRequest"}
    issuer = {**certificate(), "kind": "Issuer"}
    secrets, _, notes = certificate_secrets(
        [request, issuer, certificate(keystores={"jks": {}})], authority
    )
    assert len(secrets) == 1
    assert [note.split()[0] for note in notes] == ["CertificateRequest", "Certificate"]


def mounting(**secret: Any) -> dict[str, Any]:
    mount = {"name": "certs", "mountPath": "/certs"}
    volume = {"name": "certs", "secret": {"secretName": "certs", **secret}}
    return deployment(container(volumeMounts=[mount]), volumes=[volume])


def test_a_mounted_certificate_that_nobody_provides_is_made(authority: Authority) -> None:
    made, alterations = missing_secrets(
        mounting(), "manager", [], authority, names=("hooks.ns.svc",)
    )
    assert made[0]["metadata"]["name"] == "certs"
    assert "not among the manifests" in alterations[0].before


def test_provided_or_optional_secrets_are_not_made(authority: Authority) -> None:
    provided = {"kind": "Secret", "metadata": {"name": "certs", "namespace": "ns"}}
    assert missing_secrets(mounting(), "manager", [provided], authority, names=())[0] == []
    optional = mounting(optional=True)
    assert missing_secrets(optional, "manager", [], authority, names=())[0] == []
    assert missing_secrets(mounting(), "other", [], authority, names=())[0] == []


def test_an_injection_from_an_unknown_certificate_is_said() -> None:
    configuration = webhook_configuration()
    configuration["metadata"]["annotations"] = {"cert-manager.io/inject-ca-from": "ns/serving"}
    assert injected(configuration, [certificate()]) == ()
    assert "'ns/serving'" in injected(configuration, [])[0]


def test_a_services_port_is_followed_to_the_process(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "op"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    ports = [{"name": "hooks", "containerPort": 9443}]
    workload = deployment(container(args=["--webhook-port=9443"], ports=ports))
    manifests = [workload, service(target="hooks")]
    (chosen,) = choose(target(tmp_path), manifests)
    made = draft(
        chosen,
        manifests,
        target=target(tmp_path),
        folder=tmp_path,
        logs=tmp_path,
        isolated=True,
        grace_s=1.0,
        taken=(),
    )
    assert made.instance.argv == (str(program),)
    found = locate([made], manifests, ("ns", "hooks", 443))
    assert found == made.instance.ports.moved[9443]
    assert locate([made], manifests, ("ns", "hooks", 8443)) is None
    assert locate([made], manifests, ("other", "hooks", 443)) is None
