"""Certificates: who is who."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness.clusters.local.identities import IDENTITIES
from harness.clusters.local.pki import Pki, write_kubeconfig

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work") / "pki"
    Pki(folder, service_ip="10.96.0.1").write()
    return folder


def certificate(pki: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((pki / f"{name}.crt").read_bytes())


def names(subject: x509.Name, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(entry.value) for entry in subject.get_attributes_for_oid(oid)]


@pytest.mark.parametrize("file", IDENTITIES)
def test_each_identity_is_user_and_groups_of_a_client_certificate(pki: Path, file: str) -> None:
    made = certificate(pki, file)
    user, groups = IDENTITIES[file]
    assert names(made.subject, NameOID.COMMON_NAME) == [user]
    assert names(made.subject, NameOID.ORGANIZATION_NAME) == list(groups)
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    made.verify_directly_issued_by(certificate(pki, "ca"))


def test_all_users_are_distinct() -> None:
    assert len({user for user, _ in IDENTITIES.values()}) == len(IDENTITIES)


def test_the_server_answers_to_its_addresses_inside_and_outside(pki: Path) -> None:
    alternative = certificate(pki, "kube-apiserver").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    addresses = {str(ip) for ip in alternative.value.get_values_for_type(x509.IPAddress)}
    assert addresses == {"127.0.0.1", "::1", "10.96.0.1"}
    assert "kubernetes.default.svc" in alternative.value.get_values_for_type(x509.DNSName)


def test_nobody_else_can_read_keys(pki: Path) -> None:
    assert stat.S_IMODE(pki.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in pki.iterdir()} == {0o600}


def test_a_kubeconfig_is_private_and_names_files_only(pki: Path, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, server="https://127.0.0.1:1", pki=pki, identity="harness", name="x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = yaml.safe_load(path.read_text())
    assert content["users"][0]["user"] == {
        "client-certificate": str(pki / "harness.crt"),
        "client-key": str(pki / "harness.key"),
    }
