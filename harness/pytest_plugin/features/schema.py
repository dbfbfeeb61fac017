"""Dry runs of samples made wrong, left incomplete, or with unknown fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.errors import NotVerified
from harness.stimulus.features import (
    Variation,
    base_of,
    defaulted,
    opened,
    value_in,
    variations,
)
from harness.stimulus.features.places import ABSENT

if TYPE_CHECKING:
    from harness.model.resource import Resource
    from harness.pytest_plugin.features.asking import Answer, Asker
    from harness.pytest_plugin.features.declared import Declared
    from harness.pytest_plugin.resources import LiveCustomResource

__all__ = ["SchemaFeatures"]

Json = dict[str, Any]  # any JSON object
_MOST = 150
_SHOWN = 80


class SchemaFeatures:
    """What the schema of a custom resource promises, tried on one sample.

    Args:
        asker: Sends the dry runs.
        resource: The sample's resource.
        declared: Its CRD.
        body: The sample, as it would be sent.
    """

    def __init__(self, asker: Asker, resource: Resource, declared: Declared, body: Json) -> None:
        self._asker = asker
        self._resource = resource
        self._declared = declared
        self._sample = body
        self._based: Json | None = None

    @property
    def _base(self) -> Json:
        """The sample with what admission filled in.

        Raises:
            NotVerified: It is refused itself.
        """
        if self._based is None:
            answer = self._asker.create(self._resource, self._sample)
            if not answer.taken:
                raise NotVerified(f"the sample itself is refused (API-010): {answer.message}")
            self._based = base_of(self._sample, answer.body)
        return self._based

    def variations(self) -> Json:
        """Facts for API-011: what breaks a declared rule, and how it was answered."""
        tried: list[Json] = []
        untried: list[Json] = []
        for item in variations(self._declared.schema, self._base):
            if not isinstance(item, Variation):
                untried.append({"path": item.path, "rule": item.rule, "reason": item.reason})
            elif item.update:
                continue  # `transitions` tries them, on an object that exists
            elif len(tried) >= _MOST:
                untried.append({"path": item.path, "rule": item.rule, "reason": "too many rules"})
            else:
                answer = self._asker.create(self._resource, item.body, validation="Ignore")
                tried.append(_attempt(item, answer))
        return {"kind": self._declared.title, "attempts": tried, "untried": untried}

    def transitions(self, live: LiveCustomResource) -> Json:
        """Facts for API-011: what breaks a rule about changes, sent to an object that exists."""
        live.refresh()
        path = live.resource.path(live.namespace, live.name)
        query = {"dryRun": "All", "fieldValidation": "Ignore"}
        tried = [
            _attempt(item, self._asker.ask("PUT", path, item.body, query=query))
            for item in variations(self._declared.schema, live.body)
            if isinstance(item, Variation) and item.update
        ]
        return {"kind": self._declared.title, "attempts": tried, "untried": []}

    def defaults(self) -> Json:
        """Facts for API-018: each field with a default left out, and what came back."""
        fields = []
        for item in list(defaulted(self._declared.schema, self._base))[:_MOST]:
            answer = self._asker.create(self._resource, item.body)
            got = value_in(answer.body, item.steps) if answer.taken else ABSENT
            fields.append(
                {
                    "path": item.path,
                    "default": item.default,
                    "there": got is not ABSENT,
                    "got": None if got is ABSENT else got,
                    **answer.facts,
                }
            )
        return {"kind": self._declared.title, "fields": fields}

    def unknown_fields(self) -> Json:
        """Facts for API-019: an unknown field in each object, and whether it was kept."""
        places = []
        for item in list(opened(self._declared.schema, self._base))[:_MOST]:
            answer = self._asker.create(self._resource, item.body, validation="Ignore")
            strict = self._asker.create(self._resource, item.body)
            places.append(
                {
                    "path": item.path,
                    "preserved": item.kept,
                    "kept": value_in(answer.body, item.steps) is not ABSENT,
                    "strict": strict.status,
                    **answer.facts,
                }
            )
        return {"kind": self._declared.title, "places": places}

    def again(self) -> Json:
        """Facts for WEB-004: the sample admitted, and what was admitted admitted again."""
        first = self._asker.create(self._resource, self._sample)
        facts: Json = {"first": first.facts, "second": {}, "once": {}, "twice": {}}
        if not first.taken:
            return facts
        once = base_of(self._sample, first.body)
        once["metadata"] = {**self._sample["metadata"], **_labels(first.body)}
        second = self._asker.create(self._resource, once)
        path = self._resource.path(
            str(self._sample["metadata"].get("namespace") or ""), self._sample["metadata"]["name"]
        )
        facts["second"] = second.facts
        facts["stored"] = self._asker.ask("GET", path).taken
        if second.taken:
            facts["once"], facts["twice"] = _said(first.body), _said(second.body)
        return facts


def _attempt(item: Variation, answer: Answer) -> Json:
    got = value_in(answer.body, item.steps) if answer.taken else ABSENT
    return {
        "path": item.path,
        "field": next((step for step in reversed(item.steps) if isinstance(step, str)), ""),
        "empty": not item.value,  # for Go, the same as a field that isn't there
        "rule": item.rule,
        "value": _short(item.value),
        "refused": item.refused,
        "changed": answer.taken and got != item.value,
        "got": _short(got),
        **answer.facts,
    }


def _short(value: object) -> str:
    if value is ABSENT:
        return "nothing"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def _labels(body: Json) -> Json:
    metadata = body.get("metadata") or {}
    return {name: metadata[name] for name in ("labels", "annotations") if name in metadata}


def _said(body: Json) -> Json:
    """What a user said and admission filled in; not what the API server assigns."""
    assigned = {"apiVersion", "kind", "metadata", "status"}
    kept = {name: value for name, value in body.items() if name not in assigned}
    return {**kept, "metadata": _labels(body)}
