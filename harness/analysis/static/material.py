"""The manifests as the static rules read them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from harness.manifests.objects import (
    Object,
    describe,
    group_of,
    kind_of,
    name_of,
    namespace_of,
    pod_spec,
)
from harness.model.target import KubernetesRange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.model.records import ManifestRecord

__all__ = [
    "Container",
    "Definition",
    "Flaw",
    "Material",
    "Placed",
    "Sample",
    "Version",
    "Webhook",
    "Workload",
]

Json = dict[str, Any]
_WORKLOADS = frozenset(
    {
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
    }
)
_HOOKS = {
    "MutatingWebhookConfiguration": "mutating",
    "ValidatingWebhookConfiguration": "validating",
}


class Flaw(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule has found; the fields are those of a finding.

    Attributes:
        line: Of manifests.ndjson, where the object stands; 0 for none.
        severity: Empty for the check's own.
    """

    title: str
    subject: str
    detail: str = ""
    line: int = 0
    severity: str = ""
    remedy: str = ""
    snippet: str = ""


class Placed:
    """An object and where it stands.

    Args:
        obj: The object.
        line: Of manifests.ndjson.
    """

    def __init__(self, obj: Object, line: int) -> None:
        self.obj = obj
        self.line = line

    @property
    def subject(self) -> str:
        """How people call the object."""
        return describe(self.obj)

    def flaw(
        self,
        title: str,
        *,
        detail: str = "",
        severity: str = "",
        remedy: str = "",
        snippet: str = "",
    ) -> Flaw:
        """Returns a flaw of this object."""
        return Flaw(
            title=title,
            subject=self.subject,
            detail=detail,
            line=self.line,
            severity=severity,
            remedy=remedy,
            snippet=snippet,
        )


class Version:
    """One version of a CRD."""

    def __init__(self, raw: Json) -> None:
        self.raw = raw
        self.name = str(raw.get("name", ""))
        self.served = bool(raw.get("served", True))
        self.storage = bool(raw.get("storage"))
        self.deprecated = bool(raw.get("deprecated"))
        self.schema: Json = (raw.get("schema") or {}).get("openAPIV3Schema") or {}
        self.subresources: Json = raw.get("subresources") or {}
        self.columns: list[Json] = list(raw.get("additionalPrinterColumns") or ())

    def field(self, name: str) -> Json | None:
        """Returns the schema of a field at the top, for example "status"."""
        found: Json | None = (self.schema.get("properties") or {}).get(name)
        return found


class Definition(Placed):
    """A CustomResourceDefinition."""

    def __init__(self, obj: Object, line: int) -> None:
        super().__init__(obj, line)
        spec = obj["spec"]
        self.spec: Json = spec
        self.group = str(spec["group"])
        self.plural = str(spec["names"]["plural"])
        self.kind = str(spec["names"]["kind"])
        self.versions = tuple(Version(raw) for raw in spec["versions"])

    @property
    def resource(self) -> str:
        """`Resource.key` of its kind."""
        return f"{self.plural}.{self.group}"

    @property
    def served(self) -> tuple[Version, ...]:
        """The versions that clients can use."""
        return tuple(version for version in self.versions if version.served)

    def version(self, name: str) -> Version | None:
        """Returns a version by its name."""
        return next((version for version in self.versions if version.name == name), None)

    def called(self, version: Version) -> str:
        """Returns how flaws call a version: empty where it's the only one."""
        return "" if len(self.served) == 1 else f"{version.name}: "


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A container of a workload, and whether it is one of those that end before the others."""

    body: Json
    initial: bool = False

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.body.get("name", ""))


class Workload(Placed):
    """Something that makes Pods."""

    @property
    def pod(self) -> Json:
        """Its pod spec."""
        return pod_spec(self.obj)

    @property
    def containers(self) -> tuple[Container, ...]:
        """Its containers, the initial ones last."""
        return (
            *(Container(body=body) for body in self.pod.get("containers") or ()),
            *(Container(body=body, initial=True) for body in self.pod.get("initContainers") or ()),
        )

    @property
    def account(self) -> str:
        """Name of its ServiceAccount; empty for the namespace's own."""
        return str(self.pod.get("serviceAccountName") or self.pod.get("serviceAccount") or "")


class Webhook(Placed):
    """One webhook of a configuration."""

    def __init__(self, obj: Object, line: int, body: Json) -> None:
        super().__init__(obj, line)
        self.body = body
        self.way = _HOOKS[kind_of(obj)]

    @property
    def subject(self) -> str:
        """The configuration and the webhook's own name."""
        return f"{describe(self.obj)} {self.body.get('name', '')}"


class Sample(Placed):
    """A sample of a kind."""

    def __init__(self, obj: Object, line: int, file: str) -> None:
        super().__init__(obj, line)
        self.file = file

    @property
    def subject(self) -> str:
        """Its file."""
        return self.file or describe(self.obj)


class Material:
    """All that a static rule can look at.

    Args:
        records: As they stand in manifests.ndjson.
        kubernetes: Version of Kubernetes that is meant, "X.Y.Z"; empty for none.
        operators: Names of the Deployments that are the operator; empty where nobody said.
        declared: The versions of Kubernetes that the target declares.
    """

    def __init__(
        self,
        records: Sequence[ManifestRecord],
        *,
        kubernetes: str = "",
        operators: frozenset[str] = frozenset(),
        declared: KubernetesRange | None = None,
    ) -> None:
        self.kubernetes = kubernetes
        self.declared = declared or KubernetesRange()
        self.operators = operators
        self._records = tuple(enumerate(records, start=1))

    @cached_property
    def objects(self) -> tuple[Placed, ...]:
        """Every manifest."""
        return tuple(Placed(obj, line) for line, obj in self._of("manifest"))

    @cached_property
    def definitions(self) -> tuple[Definition, ...]:
        """The CRDs."""
        return tuple(_definitions(self._of("manifest")))

    @cached_property
    def previous(self) -> tuple[Definition, ...]:
        """The CRDs of the release before."""
        return tuple(_definitions(self._of("previous")))

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """The samples."""
        return tuple(
            Sample(record.object, line, record.file)
            for line, record in self._records
            if record.origin == "sample"
        )

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """What makes Pods that stay."""
        return tuple(
            Workload(item.obj, item.line)
            for item in self.objects
            if (group_of(item.obj), kind_of(item.obj)) in _WORKLOADS
        )

    @cached_property
    def webhooks(self) -> tuple[Webhook, ...]:
        """The webhooks that are called on admission."""
        return tuple(
            Webhook(item.obj, item.line, body)
            for item in self.objects
            if kind_of(item.obj) in _HOOKS
            for body in item.obj.get("webhooks") or ()
        )

    def named(self, kind: str, name: str, namespace: str | None = None) -> Placed | None:
        """Returns a manifest by kind and name (and namespace, unless None)."""
        for item in self.objects:
            place = namespace_of(item.obj) or "default"
            if (kind_of(item.obj), name_of(item.obj)) == (kind, name) and (
                namespace is None or place == namespace
            ):
                return item
        return None

    def _of(self, origin: str) -> Iterator[tuple[int, Object]]:
        for line, record in self._records:
            if record.origin == origin:
                yield line, record.object


def _definitions(found: Iterator[tuple[int, Object]]) -> Iterator[Definition]:
    for line, obj in found:
        if kind_of(obj) == "CustomResourceDefinition":
            yield Definition(obj, line)
