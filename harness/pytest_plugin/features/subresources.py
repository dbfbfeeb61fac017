"""Status, scale, printer columns and other versions of a custom resource that exists."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from harness.analysis.static.versions import leads
from harness.errors import ApiError
from harness.model.records import Action, Stimulus
from harness.pytest_plugin.waiting import redacted
from harness.stimulus.features import found_at

if TYPE_CHECKING:
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.features.asking import Answer, Asker
    from harness.pytest_plugin.features.declared import Declared
    from harness.pytest_plugin.resources import LiveCustomResource

__all__ = ["Subresources"]

Json = dict[str, Any]  # any JSON object
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_ATTEMPTS = 5
_CONFLICT = 409
_LABEL = "operator-harness.example/probe"
_USER = ("apiVersion", "kind", "metadata", "status")


class Subresources:
    """What lies beside a custom resource.

    Args:
        context: Records what is changed.
        asker: Sends requests.
        live: The custom resource.
        declared: Its CRD.
    """

    def __init__(
        self, context: Context, asker: Asker, live: LiveCustomResource, declared: Declared
    ) -> None:
        self._context = context
        self._asker = asker
        self._live = live
        self._declared = declared

    def _path(self, subresource: str = "", *, version: str = "") -> str:
        resource = self._live.resource
        path = resource.path(self._live.namespace, self._live.name, subresource)
        if not version:
            return path
        return path.replace(
            f"/{resource.group}/{resource.version}/", f"/{resource.group}/{version}/"
        )

    def status(self) -> Json:
        """Facts for API-017: dry runs that write the status in one place and read the other."""
        facts: Json = {
            "kind": self._declared.title,
            "has_status": self._declared.has_status,
            "declared": self._declared.status_is_apart,
        }
        if not self._declared.has_status:
            return facts
        served = self._asker.ask("GET", self._path("status"))
        main = self._asker.merge(self._path(), {"status": None, "metadata": _mark("main")})
        now = self._asker.ask("GET", self._path()).body
        facts["served"] = served.facts
        facts["had_status"] = bool(now.get("status"))
        facts["main"] = {
            **main.facts,
            "changed": bool(now.get("status")) != bool(main.body.get("status")),
        }
        if served.taken:
            changed = {**copy.deepcopy(now), "spec": {}}
            changed.pop("status", None)
            there = self._asker.ask("PUT", self._path("status"), changed, query={"dryRun": "All"})
            facts["sub"] = {
                **there.facts,
                "spec_changed": there.taken and there.body.get("spec") != now.get("spec"),
                "written": there.taken and not there.body.get("status"),
            }
        return facts

    def columns(self) -> Json:
        """Facts for API-020: what `kubectl get -o wide` shows of the object."""
        answer = self._asker.ask("GET", self._path(), accept=_TABLE)
        body = self._asker.ask("GET", self._path()).body
        shown = [item["name"] for item in answer.body.get("columnDefinitions") or ()]
        rows = answer.body.get("rows") or [{}]
        cells = dict(zip(shown, rows[0].get("cells") or (), strict=False))
        columns = []
        for column in self._declared.columns:
            path = str(column["jsonPath"])
            values = found_at(body, path)
            columns.append(
                {
                    "name": column["name"],
                    "path": path,
                    "type": column.get("type", ""),
                    "served": column["name"] in shown,
                    "cell": cells.get(column["name"]),
                    "value": values[0] if values else None,
                    "found": bool(values),
                    "leads": leads(self._declared.schema, path),
                }
            )
        return {"kind": self._declared.title, "columns": columns, "table": answer.facts}

    def scale(self) -> Json:
        """Facts for API-021: the scale read, changed by one, and read again when it has settled."""
        paths = self._declared.scale
        facts: Json = {"kind": self._declared.title, "paths": paths}
        if not paths:
            return facts
        before = self._asker.ask("GET", self._path("scale"))
        body = self._live.refresh() or {}
        facts["before"] = {**before.facts, **_scale(before), **self._own(body)}
        if not before.taken:
            return facts
        wanted = self._another(facts["before"]["own"])
        changed = copy.deepcopy(before.body)
        changed.setdefault("spec", {})["replicas"] = wanted
        sent = self._context.clock.now()
        put = self._asker.ask("PUT", self._path("scale"), changed)
        body = self._live.refresh() or {}
        self._record(sent, put, body, f"scale {wanted}")
        facts["put"] = {**put.facts, "wanted": wanted, **self._own(body)}
        return facts

    def scaled(self) -> Json:
        """Facts for API-021 after the operator followed: what scale says now."""
        after = self._asker.ask("GET", self._path("scale"))
        return {**after.facts, **_scale(after), **self._own(self._live.refresh() or {})}

    def _own(self, body: Json) -> Json:
        paths = self._declared.scale
        own = found_at(body, str(paths.get("specReplicasPath") or "")) or [None]
        counted = found_at(body, str(paths.get("statusReplicasPath") or "")) or [None]
        return {"own": own[0], "own_status": counted[0]}

    def _another(self, now: object) -> int:
        """A number of replicas other than the present one, within the field's bounds."""
        path = str(self._declared.scale.get("specReplicasPath") or "").strip(".").split(".")
        schema = self._declared.schema
        for name in path:
            schema = (schema.get("properties") or {}).get(name) or {}
        number = now if isinstance(now, int) else 0
        highest = schema.get("maximum", number + 1)
        return number + 1 if number + 1 <= highest else max(number - 1, 0)

    def round_trips(self) -> Json:
        """Facts for WEB-006: the object read in each other version, written back, and compared."""
        here = self._live.resource.version
        others = [version for version in self._declared.served if version != here]
        return {
            "kind": self._declared.title,
            "version": here,
            "trips": [self._trip(version) for version in others],
        }

    def _trip(self, version: str) -> Json:
        before = self._asker.ask("GET", self._path())
        facts: Json = {"to": version, "before": _user_said(before.body), "after": {}}
        for _ in range(_ATTEMPTS):
            read = self._asker.ask("GET", self._path(version=version))
            facts["read"] = read.facts
            if not read.taken:
                return facts
            sent = self._context.clock.now()
            body = copy.deepcopy(read.body)
            body["metadata"].setdefault("annotations", {})[_LABEL] = version
            written = self._asker.ask("PUT", self._path(version=version), body)
            facts["written"] = written.facts
            if written.status != _CONFLICT:  # the operator was quicker
                break
        again = self._asker.ask("GET", self._path())
        self._record(sent, written, again.body, f"round trip by {version}")
        facts["again"] = again.facts
        facts["after"] = _user_said(again.body)
        return facts

    def _record(self, sent: Any, answer: Answer, body: Json, detail: str) -> None:  # noqa: ANN401
        metadata = body.get("metadata") or {}
        self._context.record(
            Stimulus(
                action=Action.UPDATE,
                intended=sent,
                sent=sent,
                acknowledged=self._context.clock.now(),
                subject=self._live.key,
                generation=int(metadata.get("generation") or 0),
                resource_version=str(
                    (answer.body.get("metadata") or {}).get("resourceVersion") or ""
                ),
                status=answer.status,
                detail=detail,
            )
        )
        try:
            self._live.refresh()
        except ApiError:
            return  # what can't be converted can't be read; the facts say so


def _mark(value: str) -> Json:
    return {"annotations": {_LABEL: value}}


def _scale(answer: Answer) -> Json:
    body = answer.body if answer.taken else {}
    return {
        "replicas": (body.get("spec") or {}).get("replicas"),
        "status_replicas": (body.get("status") or {}).get("replicas"),
        "selector": (body.get("status") or {}).get("selector") or "",
    }


def _user_said(body: Json) -> Json:
    """What a user wrote into an object: not its metadata but labels, not its status."""
    kept = redacted(body) if body.get("metadata") else body
    found = {name: value for name, value in (kept or {}).items() if name not in _USER}
    labels = ((kept or {}).get("metadata") or {}).get("labels") or {}
    return {**found, "metadata": {"labels": labels}}
