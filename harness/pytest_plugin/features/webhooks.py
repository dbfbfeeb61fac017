"""Which webhooks there are for the operator's kinds, who is called, what fails without."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from harness.manifests.objects import strings
from harness.model.resource import Resource
from harness.pytest_plugin.features.matching import Request, expected, matching, unserved
from harness.pytest_plugin.features.unrelated import UNRELATED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.features.asking import Answer, Asker
    from harness.pytest_plugin.resources import LiveCustomResource

__all__ = ["WebhookFeatures"]

Json = dict[str, Any]  # any JSON object
_CONFIGURATIONS = {
    "mutating": "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validating": "validatingwebhookconfigurations.admissionregistration.k8s.io",
}
_COUNTER = re.compile(
    r"^apiserver_admission_webhook_(?P<what>admission_duration_seconds_count|fail_open_count)"
    r"\{(?P<labels>[^}]*)\} (?P<value>\S+)$",
    re.MULTILINE,
)
_NAME = re.compile(r'\bname="([^"]*)"')
_PROBE = {"metadata": {"annotations": {"operator-harness.example/probe": "webhooks"}}}


class WebhookFeatures:
    """The webhooks of the operator.

    Args:
        context: The suite's view of the run.
        asker: Sends requests.
        live: A custom resource that exists.
        body: Its sample, placed under a name that is free.
    """

    def __init__(
        self, context: Context, asker: Asker, live: LiveCustomResource, body: Json
    ) -> None:
        self._context = context
        self._asker = asker
        self._live = live
        self._body = body
        self._served = tuple(asker.client.resources())
        self._place = self._labels_of(live.namespace)
        self.found = tuple(self._find())

    def _labels_of(self, namespace: str) -> dict[str, str]:
        if not namespace:
            return {}
        client = self._asker.client
        found = client.get(client.resource("namespaces"), namespace)
        return strings(found["metadata"].get("labels"))

    def _find(self) -> Iterator[Json]:
        """Yields the webhooks that came with the operator or are about its kinds."""
        installed = {item.key.name for item in self._context.installation.objects}
        groups = {kind.resource.partition(".")[2] for kind in self._context.session.target.kinds}
        for way, key in _CONFIGURATIONS.items():
            listed = self._asker.client.list(self._asker.client.resource(key))
            for configuration in listed.items:
                for webhook in configuration.get("webhooks") or ():
                    named = {
                        group
                        for rule in webhook.get("rules") or ()
                        for group in rule.get("apiGroups") or ()
                    }
                    if configuration["metadata"]["name"] in installed or named & groups:
                        yield {**webhook, "way": way}

    @property
    def names(self) -> list[str]:
        """What they are called."""
        return [str(webhook["name"]) for webhook in self.found]

    def called(self) -> Json:
        """Facts for WEB-008: dry runs of all that its rules may match, and who was asked."""
        before = self._counters()
        requests = [(request, self._send(request)) for request in self._requests()]
        after = self._counters()
        told = []
        for webhook in self.found:
            matched = [request.title for request, _ in requests if matching(webhook, request)]
            told.append(
                {
                    **_about(webhook),
                    "unserved": unserved(webhook, self._served),
                    "matched": matched,
                    "before": before.get(webhook["name"], {}),
                    "after": after.get(webhook["name"], {}),
                }
            )
        return {
            "webhooks": told,
            "counted": bool(after) or self._readable(),
            "requests": [{"title": item.title, **answer.facts} for item, answer in requests],
            "own_server": self._context.cluster.provider != "existing",
        }

    def without(self) -> Json:
        """Facts for WEB-003, while nobody answers: what is refused, and what ought to be."""
        writes = [
            {"title": request.title, "expected": expected(self.found, request), **answer.facts}
            for request in self._requests()
            for answer in [self._send(request)]
        ]
        unrelated = [
            {"title": request.title, **self._send(request).facts} for request in self._foreign()
        ]
        return {
            "webhooks": [_about(webhook) for webhook in self.found],
            "writes": writes,
            "unrelated": unrelated,
        }

    def _requests(self) -> Iterator[Request]:
        resource, live = self._live.resource, self._live
        path = resource.path(live.namespace, live.name)
        labels = strings(self._body["metadata"].get("labels"))
        yield Request(
            title=f"create {resource.kind}",
            resource=resource,
            operation="CREATE",
            method="POST",
            path=resource.path(live.namespace),
            body=self._body,
            labels=labels,
            place=self._place,
        )
        yield Request(
            title=f"update {resource.kind}",
            resource=resource,
            operation="UPDATE",
            method="PATCH",
            path=path,
            body=copy.deepcopy(_PROBE),
            labels=labels,
            place=self._place,
        )
        yield Request(
            title=f"delete {resource.kind}",
            resource=resource,
            operation="DELETE",
            method="DELETE",
            path=path,
            labels=labels,
            place=self._place,
        )

    def _foreign(self) -> Iterator[Request]:
        """Objects that aren't the operator's: always one, and what its rules name."""
        named = {
            str(plural).partition("/")[0]
            for webhook in self.found
            for rule in webhook.get("rules") or ()
            for plural in rule.get("resources") or ()
        }
        place = self._live.namespace or "default"
        for plural, (api_version, kind, content) in UNRELATED.items():
            if plural != "configmaps" and plural not in named and "*" not in named:
                continue
            group, _, version = api_version.rpartition("/")
            resource = Resource(
                group=group, version=version, plural=plural, kind=kind, namespaced=True
            )
            yield Request(
                title=f"create {kind}",
                resource=resource,
                operation="CREATE",
                method="POST",
                path=resource.path(place),
                body={
                    "apiVersion": api_version,
                    "kind": kind,
                    "metadata": {"name": "harness-unrelated", "namespace": place},
                    **content,
                },
            )

    def _send(self, request: Request) -> Answer:
        if request.method == "PATCH":
            return self._asker.merge(request.path, request.body or {})
        query = {"dryRun": "All"}
        return self._asker.ask(request.method, request.path, request.body, query=query)

    def _counters(self) -> dict[str, dict[str, int]]:
        """How often each webhook was asked, and how often it failed open, by its name."""
        found: dict[str, dict[str, int]] = {}
        page = self._asker.client.raw("GET", "/metrics").body.decode(errors="replace")
        for match in _COUNTER.finditer(page):
            name = _NAME.search(match["labels"])
            if name is None:
                continue
            counts = found.setdefault(name[1], {"calls": 0, "failed_open": 0})
            what = "failed_open" if match["what"] == "fail_open_count" else "calls"
            counts[what] += int(float(match["value"]))
        return found

    def _readable(self) -> bool:
        return self._asker.ask("GET", "/metrics", accept="text/plain").taken


def _about(webhook: Json) -> Json:
    return {
        "name": webhook["name"],
        "way": webhook["way"],
        "policy": webhook.get("failurePolicy") or "Fail",
        "selective": bool(webhook.get("matchConditions")),
    }
