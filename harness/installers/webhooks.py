"""Stage 3: webhook configurations that lead to the process, and the certificates it serves."""

from __future__ import annotations

import base64
import copy
from typing import TYPE_CHECKING, Any

import msgspec

from harness.installers.ordering import CERT_MANAGER_GROUP
from harness.manifests.objects import (
    Object,
    describe,
    find,
    group_of,
    kind_of,
    name_of,
    namespace_of,
    pod_spec,
    strings,
)
from harness.model.installation import Alteration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from harness.installers.certificates import Authority

__all__ = [
    "Served",
    "certificate_secrets",
    "injected",
    "missing_secrets",
    "rewired",
    "service_names",
    "services",
    "trusting",
]

_KINDS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_INJECT = (f"{CERT_MANAGER_GROUP}/inject-ca-from", f"{CERT_MANAGER_GROUP}/inject-ca-from-secret")
_HTTPS = 443
_CRD = "CustomResourceDefinition"


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook configuration, or a CRD, after rewiring.

    Attributes:
        ports: Ports of this machine that its webhooks are called on.
    """

    manifest: Object
    ports: frozenset[int] = frozenset()
    alterations: tuple[Alteration, ...] = ()
    notes: tuple[str, ...] = ()


class _Call(msgspec.Struct, frozen=True):
    """A place in a manifest that says how a webhook is called.

    Attributes:
        holder: The mapping whose `clientConfig` it is.
        where: What alterations and notes call it.
    """

    holder: dict[str, Any]  # any JSON
    where: str


def _calls(manifest: Object) -> list[_Call]:
    """Returns the webhooks of a configuration, or the conversion webhook of a CRD."""
    if kind_of(manifest) in _KINDS:
        return [
            _Call(webhook, f"{describe(manifest)}, webhook {webhook.get('name')}")
            for webhook in manifest.get("webhooks") or ()
        ]
    conversion = (manifest.get("spec") or {}).get("conversion") or {}
    webhook = conversion.get("webhook")
    if kind_of(manifest) == _CRD and conversion.get("strategy") == "Webhook" and webhook:
        return [_Call(webhook, f"{describe(manifest)}, conversion")]
    return []


def _service_of(call: _Call) -> Mapping[str, Any]:
    return (call.holder.get("clientConfig") or {}).get("service") or {}


def rewired(
    manifest: Object,
    *,
    locate: Callable[[str, str, int], int | None],
    ca_bundle: str | None,
) -> Served:
    """Returns a manifest whose webhooks are called at our process.

    Args:
        manifest: A validating or mutating webhook configuration, or a CRD with a conversion
            webhook; others come back as they are.
        locate: Returns the port of this machine for a Service's namespace, name and port; None
            where it doesn't lead to an operator that runs here.
        ca_bundle: PEM that verifies the process; None to leave the bundle to the operator.
    """
    changed = copy.deepcopy(manifest)
    ports: set[int] = set()
    alterations: list[Alteration] = []
    notes: list[str] = []
    for call in _calls(changed):
        service = _service_of(call)
        if not service:
            continue
        port = locate(*_key(service))
        if port is None:
            notes.append(
                f"{call.where}: its Service {service.get('namespace')}/{service.get('name')} leads "
                "to nothing that runs here, so it can't be called."
            )
            continue
        ports.add(port)
        config = call.holder["clientConfig"]
        call.holder["clientConfig"], change = _local(config, service, port, ca_bundle)
        alterations.append(msgspec.structs.replace(change, subject=call.where))
    return Served(
        manifest=changed if ports else manifest,
        ports=frozenset(ports),
        alterations=tuple(alterations),
        notes=tuple(notes),
    )


def _key(service: Mapping[str, Any]) -> tuple[str, str, int]:
    port = int(service.get("port") or _HTTPS)
    return str(service.get("namespace")), str(service.get("name")), port


def _local(
    config: Mapping[str, Any], service: Mapping[str, Any], port: int, ca_bundle: str | None
) -> tuple[dict[str, Any], Alteration]:
    """Returns a `clientConfig` by URL, and what that changes."""
    path = str(service.get("path") or "/")
    url = f"https://127.0.0.1:{port}/{path.lstrip('/')}"
    local: dict[str, Any] = {"url": url}
    if ca_bundle is not None:
        local["caBundle"] = base64.b64encode(ca_bundle.encode()).decode()
    elif config.get("caBundle"):
        local["caBundle"] = config["caBundle"]
    bundle = "" if ca_bundle is None else ", CA bundle of this run"
    before = f"service {service.get('namespace')}/{service.get('name')}{path}"
    return local, Alteration(
        subject="",
        before=before,
        after=f"{url}{bundle}",
        reason="The operator is a process of this machine, which no Service leads to.",
    )


def trusting(manifest: Object, *, ca_bundle: str, keep: Callable[[str], bool]) -> Served:
    """Returns a manifest whose webhooks, called by their Services, are verified by our authority.

    Args:
        manifest: A webhook configuration, or a CRD; others come back as they are.
        ca_bundle: PEM of the authority.
        keep: Whether a bundle that the manifest has already is to stay.
    """
    changed = copy.deepcopy(manifest)
    alterations: list[Alteration] = []
    bundle = base64.b64encode(ca_bundle.encode()).decode()
    for call in _calls(changed):
        before = str((call.holder.get("clientConfig") or {}).get("caBundle") or "")
        if not _service_of(call) or keep(before):
            continue
        call.holder["clientConfig"]["caBundle"] = bundle
        alterations.append(
            Alteration(
                subject=f"{call.where}, caBundle",
                before="injected by cert-manager" if not before else "a placeholder",
                after="CA bundle of this run",
                reason="cert-manager doesn't run here; its certificates are issued by ourselves.",
            )
        )
    if not alterations:
        return Served(manifest=manifest)
    return Served(manifest=changed, alterations=tuple(alterations))


def services(manifests: Iterable[Object]) -> tuple[tuple[str, str, int], ...]:
    """Returns namespace, name and port of each Service that a webhook is called by."""
    found = [
        _key(service) for obj in manifests for call in _calls(obj) if (service := _service_of(call))
    ]
    return tuple(dict.fromkeys(found))


def service_names(namespace: str, name: str) -> tuple[str, ...]:
    """Returns the DNS names of a Service."""
    return (
        f"{name}.{namespace}.svc",
        f"{name}.{namespace}.svc.cluster.local",
        f"{name}.{namespace}",
    )


def certificate_secrets(
    manifests: Iterable[Object], authority: Authority
) -> tuple[list[Object], list[Alteration], list[str]]:
    """Issues what cert-manager's Certificates ask for.

    Returns:
        The Secrets to apply, what was changed, and notes on what isn't honoured.
    """
    secrets: list[Object] = []
    alterations: list[Alteration] = []
    notes: list[str] = []
    for obj in manifests:
        if group_of(obj) != CERT_MANAGER_GROUP:
            continue
        if kind_of(obj) != "Certificate":
            if kind_of(obj) not in ("Issuer", "ClusterIssuer"):
                notes.append(f"{describe(obj)} isn't applied: only Certificates are honoured.")
            continue
        spec = obj.get("spec") or {}
        secret = _issued(obj, spec, authority)
        secrets.append(secret)
        if spec.get("keystores"):
            notes.append(f"{describe(obj)}: its keystores aren't made.")
        alterations.append(
            Alteration(
                subject=describe(obj),
                before="issued by cert-manager",
                after=f"{describe(secret)}, issued by this run's own authority",
                reason="cert-manager doesn't run here; its Certificates are honoured by ourselves.",
            )
        )
    return secrets, alterations, notes


def _issued(obj: Object, spec: Mapping[str, Any], authority: Authority) -> Object:
    if spec.get("isCA"):
        pair = authority.pair
    else:
        common = [str(spec["commonName"])] if spec.get("commonName") else []
        pair = authority.issue(
            [str(name) for name in [*(spec.get("dnsNames") or ()), *common]],
            addresses=[str(address) for address in spec.get("ipAddresses") or ()],
            algorithm="RSA" if _algorithm(spec) == "RSA" else "ECDSA",
        )
    template = spec.get("secretTemplate") or {}
    return _tls_secret(
        str(spec.get("secretName")),
        namespace_of(obj) or "default",
        {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": authority.certificate},
        metadata={
            key: strings(template[key]) for key in ("labels", "annotations") if key in template
        },
    )


def _algorithm(spec: Mapping[str, Any]) -> str:
    return str((spec.get("privateKey") or {}).get("algorithm") or "")


def _tls_secret(
    name: str, namespace: str, data: Mapping[str, str], *, metadata: Mapping[str, Any]
) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {**metadata, "name": name, "namespace": namespace},
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in data.items()},
    }


def missing_secrets(
    deployment: Object,
    container: str,
    manifests: Sequence[Object],
    authority: Authority,
    *,
    names: Sequence[str],
) -> tuple[list[Object], list[Alteration]]:
    """Makes the serving certificates that a container mounts and no manifest provides.

    Args:
        deployment: The operator's.
        container: Name of the operator's container.
        manifests: All that is applied, Secrets made for Certificates included.
        authority: Who signs.
        names: DNS names of the Services by which its webhooks are called.
    """
    namespace = namespace_of(deployment) or "default"
    secrets: list[Object] = []
    alterations: list[Alteration] = []
    for name in _mounted_secrets(deployment, container):
        if find(manifests, "Secret", name, namespace) is not None:
            continue
        pair = authority.issue(names)
        secret = _tls_secret(
            name,
            namespace,
            {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": authority.certificate},
            metadata={},
        )
        secrets.append(secret)
        alterations.append(
            Alteration(
                subject=describe(secret),
                before="not among the manifests",
                after="serving certificate, issued by this run's own authority",
                reason=f"{describe(deployment)} mounts it, and its webhooks need a certificate.",
            )
        )
    return secrets, alterations


def _mounted_secrets(deployment: Object, container: str) -> list[str]:
    spec = pod_spec(deployment)
    mounts = {
        str(mount.get("name"))
        for item in spec.get("containers") or ()
        if item.get("name") == container
        for mount in item.get("volumeMounts") or ()
    }
    return [
        str(volume["secret"].get("secretName"))
        for volume in spec.get("volumes") or ()
        if str(volume.get("name")) in mounts
        and volume.get("secret")
        and not volume["secret"].get("optional")
    ]


def injected(manifest: Object, manifests: Sequence[Object]) -> tuple[str, ...]:
    """Returns notes on CA injections that name a Certificate which isn't among the manifests."""
    annotations = strings((manifest.get("metadata") or {}).get("annotations"))
    wanted = annotations.get(_INJECT[0], "")
    namespace, _, name = wanted.partition("/")
    if wanted and find(manifests, "Certificate", name, namespace) is None:
        return (
            f"{describe(manifest)}: {_INJECT[0]} names {wanted!r}, which isn't among the "
            f"manifests ({name_of(manifest)} gets this run's own authority).",
        )
    return ()
