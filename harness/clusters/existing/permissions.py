"""Which requests of a run aren't allowed, found by asking the API server beforehand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from harness.clusters.existing.demands import Demand, rules_demands
from harness.errors import ClusterError
from harness.kube.status import api_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.kube.client import KubeClient
    from harness.manifests.objects import Object

__all__ = ["Rights", "missing_rights"]

_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_AT_ONCE = 8
_CREATED = 201
_EVERYTHING = (Demand(verb="*", group="*", resource="*"), Demand(verb="*", path="*"))


class Rights:
    """What our identity may do; each question is asked once.

    Args:
        client: Our identity.
    """

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._known: dict[Demand, bool] = {}

    def lacking(self, demands: Iterable[Demand]) -> list[Demand]:
        """Returns those that aren't allowed.

        Raises:
            ApiError: The API server can't be asked.
        """
        wanted = list(dict.fromkeys(demands))
        if self._all(_EVERYTHING):
            return []
        self._ask(wanted)
        return [demand for demand in wanted if not self._known[_bare(demand)]]

    def _all(self, demands: Sequence[Demand]) -> bool:
        self._ask(demands)
        return all(self._known[_bare(demand)] for demand in demands)

    def _ask(self, demands: Iterable[Demand]) -> None:
        new = [key for key in dict.fromkeys(map(_bare, demands)) if key not in self._known]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            self._known.update(zip(new, pool.map(self._allowed, new), strict=True))

    def _allowed(self, demand: Demand) -> bool:
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": _attributes(demand),
        }
        answer = self._client.raw(
            "POST",
            _REVIEW,
            body=msgspec.json.encode(body),
            headers={"Content-Type": "application/json"},
        )
        if answer.status != _CREATED:
            raise api_error("POST", _REVIEW, answer.status, answer.body)
        try:
            review: dict[str, Any] = msgspec.json.decode(answer.body, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise ClusterError(f"{_REVIEW}: the answer can't be read: {error}") from error
        return bool(review.get("status", {}).get("allowed"))


def missing_rights(
    client: KubeClient, demands: Sequence[Demand], manifests: Sequence[Object]
) -> list[str]:
    """Returns what is missing, a line for each resource; empty where nothing is.

    Args:
        client: Our identity.
        demands: What a run needs.
        manifests: Of which roles and bindings are looked at; empty where none is applied.

    Raises:
        ApiError: The API server can't be asked.
    """
    rights = Rights(client)
    lacking = rights.lacking(demands)
    lines = _lines(lacking)
    for obj, lifts, granted in rules_demands(client, manifests):
        denied = rights.lacking(granted)
        if denied and rights.lacking([lifts]):
            what = f"{lifts.verb} {_what(lifts)}"
            why = f"to grant by {obj['kind']} {obj['metadata']['name']} what you don't hold"
            lines.append(f"{what} ({why}: {_few([_short(item) for item in denied])})")
    return lines


def _bare(demand: Demand) -> Demand:
    return msgspec.structs.replace(demand, why="")


def _attributes(demand: Demand) -> dict[str, Any]:
    if demand.path:
        return {"nonResourceAttributes": {"verb": demand.verb, "path": demand.path}}
    fields = ("verb", "group", "resource", "subresource", "namespace", "name")
    found = {field: getattr(demand, field) for field in fields}
    return {"resourceAttributes": {key: value for key, value in found.items() if value}}


def _lines(lacking: Sequence[Demand]) -> list[str]:
    """One line for each resource and place, with all its verbs."""
    groups: dict[Demand, list[Demand]] = {}
    for demand in lacking:
        groups.setdefault(msgspec.structs.replace(demand, verb="", why=""), []).append(demand)
    lines = []
    for key, demands in groups.items():
        verbs = ", ".join(dict.fromkeys(demand.verb for demand in demands))
        lines.append(f"{verbs} {_what(key)} ({_few([demand.why for demand in demands])})")
    return lines


def _what(demand: Demand) -> str:
    if demand.path:
        return demand.path
    key = f"{demand.resource}.{demand.group}" if demand.group else demand.resource
    key += f"/{demand.subresource}" if demand.subresource else ""
    key += f" {demand.name}" if demand.name else ""
    return f"{key} in namespace {demand.namespace}" if demand.namespace else key


def _short(demand: Demand) -> str:
    return f"{demand.verb} {_what(demand)}"


def _few(words: Sequence[str], limit: int = 3) -> str:
    unique = list(dict.fromkeys(words))
    rest = f", and {len(unique) - limit} more" if len(unique) > limit else ""
    return ", ".join(unique[:limit]) + rest
