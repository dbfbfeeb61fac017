"""A Noteboard, and an API server in memory that notes each write."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from noteboard.api import ApiError
from noteboard.names import API_VERSION, FINALIZER, KIND, Object

NOW = "2027-01-02T03:04:05Z"


def noteboard(**spec: object) -> dict[str, Any]:
    """Returns a Noteboard as the API server gives it to us, defaults and finalizer included."""
    defaults = {
        "title": "Hello",
        "notes": ["one", "two"],
        "replicas": 1,
        "image": "example.com/board:v1",
        "port": 80,
    }
    meta = {"name": "sample", "namespace": "home", "uid": "the-uid", "generation": 1}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": meta | {"finalizers": [FINALIZER]},
        "spec": defaults | spec,
    }


class Server:
    """Holds objects as an API server does, as far as the reconciler can tell.

    Attributes:
        writes: What was written since it was last asked, in order.
        refusal: If set, raised at the next write.
    """

    def __init__(self, board: Object) -> None:
        self.board = copy.deepcopy(dict(board))
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.writes: list[str] = []
        self.refusal: ApiError | None = None

    async def find(self, kind: Object, name: str, namespace: str) -> dict[str, Any] | None:
        assert namespace == "home"
        if kind["kind"] == KIND:
            return copy.deepcopy(self.board) if name == self.board["metadata"]["name"] else None
        return copy.deepcopy(self.objects.get((kind["kind"], name)))

    async def apply(self, wanted: Object, *, force: bool) -> dict[str, Any]:
        self._note("apply", wanted)
        key = (wanted["kind"], wanted["metadata"]["name"])
        live = self.objects.get(key, {})
        assert force == bool(live), "force is for what is ours already"
        version = int(live.get("metadata", {}).get("resourceVersion", 0)) + 1
        made = _merged(live, wanted)
        made["metadata"] |= {"uid": f"uid of {key}", "resourceVersion": str(version)}
        made["metadata"]["generation"] = version
        self.objects[key] = made
        return copy.deepcopy(made)

    async def write_status(self, noteboard: Object, status: Object) -> None:
        self._note("status", noteboard)
        self.board["status"] = copy.deepcopy(dict(status))

    async def delete(self, obj: Object) -> None:
        self._note("delete", obj)
        self.objects.pop((obj["kind"], obj["metadata"]["name"]), None)

    def _note(self, verb: str, obj: Object) -> None:
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            raise refusal
        self.writes.append(f"{verb} {obj['kind']} {obj['metadata']['name']}")

    def written(self) -> list[str]:
        """Returns what was written since the last time."""
        written, self.writes = self.writes, []
        return written

    def roll_out(self) -> None:
        """Does what the Deployment controller and the API server's defaults do."""
        deployment = self.objects[("Deployment", "sample-board")]
        count = deployment["spec"]["replicas"]
        deployment["spec"]["strategy"] = {"type": "RollingUpdate"}
        deployment["status"] = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": count,
            "updatedReplicas": count,
            "readyReplicas": count,
            "availableReplicas": count,
        }

    def change(self, **spec: object) -> None:
        """Edits the spec as a user does."""
        self.board["spec"] |= spec
        self.board["metadata"]["generation"] += 1


def _merged(live: Object, wanted: Object) -> dict[str, Any]:
    found = copy.deepcopy(dict(live))
    for key, value in wanted.items():
        there = found.get(key)
        both = isinstance(there, Mapping) and isinstance(value, Mapping)
        found[key] = _merged(there, value) if both else copy.deepcopy(value)
    return found
