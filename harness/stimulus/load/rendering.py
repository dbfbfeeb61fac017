"""Stage 4a: requests as bytes, rendered before the clock starts.

What differs between two requests of a kind is the object's namespace and name, and both have a
fixed width. So a request is rendered once for each sample, operation and value of a mutation, as
the bytes around them; sending one joins five pieces, and 100,000 arrivals need no more memory than
one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.model.load import Operation
from harness.stimulus.mutation import Change, merge_patch, next_change, value_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.model.resource import Resource
    from harness.model.target import Kind, Mutation

__all__ = ["Pieces", "Rendering", "Requests", "plan_changes", "render"]

Pieces = tuple[bytes, bytes, bytes]
"""Before the namespace, between namespace and name, after the name."""

_NAMESPACE = "harness-load-namespace-goes-here"
_NAME = "harness-load-name-goes-here"
_MAX_TURNS = 64
_SORTED = msgspec.json.Encoder(order="sorted")
_MERGE = "application/merge-patch+json"
_JSON = "application/json"
_KEPT = ("labels", "annotations", "finalizers")  # of metadata; all else a server assigns


class Rendering(msgspec.Struct, frozen=True, kw_only=True):
    """What one sample's requests are rendered from.

    Attributes:
        body: The sample as a server's dry run defaulted it; so that an update's value differs
            from the stored one, and a list that a merge patch replaces is whole.
        changes: Merge patches, one for each update of an object in turn; after the last one, the
            one at `again` follows. Empty where no declared mutation changes anything.
        no_ops: Merge patches that change nothing, by how many changes there were before.
        again: Index into `changes`.
    """

    body: dict[str, Any]  # any JSON
    changes: tuple[dict[str, Any], ...]
    no_ops: tuple[dict[str, Any], ...]
    again: int = 0


class Requests:
    """The rendered requests of one sample.

    Args:
        create: Pieces of a create.
        delete: Pieces of a delete.
        updates: Of the spec, by turn.
        no_ops: Updates that change nothing, by how many changes there were before.
        again: Turn that follows the last one.
    """

    __slots__ = ("_after_last", "_last", "create", "delete", "no_ops", "updates")

    def __init__(
        self,
        *,
        create: Pieces,
        delete: Pieces,
        updates: Sequence[Pieces],
        no_ops: Sequence[Pieces],
        again: int,
    ) -> None:
        self.create = create
        self.delete = delete
        self.updates = tuple(updates)
        self.no_ops = tuple(no_ops)
        self._last = len(self.updates)
        self._after_last = again

    def turn_after(self, turn: int) -> int:
        """Returns the turn that follows; it stays below the number of updates."""
        turn += 1
        return turn if turn < self._last else self._after_last

    def pieces(self, operation: int, turn: int) -> Pieces:
        """Returns the pieces of an operation on an object.

        Args:
            operation: Which.
            turn: Which update comes next for this object; for the others, how many it has had.
        """
        if operation == Operation.CREATE:
            return self.create
        if operation == Operation.UPDATE:
            return self.updates[turn]
        return self.delete if operation == Operation.DELETE else self.no_ops[turn]


def plan_changes(kind: Kind, body: dict[str, Any]) -> Rendering:
    """Walks through a kind's mutations as an object's updates do, until they repeat.

    Args:
        kind: Whose mutations are used. One with a single value has the sample's own as a second.
        body: The sample, defaulted by a server.
    """
    sample = here = _as_sent(body)
    kind = msgspec.structs.replace(
        kind, mutations=tuple(_with_way_back(one, sample) for one in kind.mutations)
    )
    patches: list[dict[str, Any]] = []
    no_ops = [_no_op(kind, here, turn=0)]
    seen: dict[bytes, int] = {}
    for turn in range(_MAX_TURNS):
        state = _SORTED.encode((turn % max(len(kind.mutations), 1), here.get("spec")))
        change = next_change(kind, here, turn=turn)
        if change is None or state in seen:
            return Rendering(
                body=sample,
                changes=tuple(patches),
                no_ops=tuple(no_ops),
                again=seen.get(state, 0),
            )
        seen[state] = turn
        patches.append(merge_patch(here, change))
        here = _merged(here, patches[-1])
        no_ops.append(_no_op(kind, here, turn=turn))
    return Rendering(body=sample, changes=tuple(patches), no_ops=tuple(no_ops))


def render(
    rendering: Rendering,
    resource: Resource,
    *,
    headers: Mapping[str, str],
    name_width: int,
    manager: str = "operator-harness-load",
) -> Requests:
    """Renders a sample's requests.

    Args:
        rendering: From `plan_changes`.
        resource: In the sample's version.
        headers: Of every request: Host, Authorization, User-Agent.
        name_width: Bytes of every object's name.
        manager: Field manager of its writes.
    """
    place = _NAMESPACE if resource.namespaced else ""
    item = resource.path(place, _NAME)
    metadata = {**rendering.body.get("metadata", {}), "name": _NAME}

    def pieces(method: str, path: str, kind: str, content: object) -> Pieces:
        return _pieces(
            (method, f"{path}?fieldManager={manager}"),
            {**headers, "Content-Type": kind},
            msgspec.json.encode(content),
            name_width,
        )

    return Requests(
        create=pieces(
            "POST", resource.path(place), _JSON, {**rendering.body, "metadata": metadata}
        ),
        delete=pieces("DELETE", item, _JSON, {"propagationPolicy": "Background"}),
        updates=[pieces("PATCH", item, _MERGE, patch) for patch in rendering.changes],
        no_ops=[pieces("PATCH", item, _MERGE, patch) for patch in rendering.no_ops],
        again=rendering.again,
    )


def _pieces(
    line: tuple[str, str], headers: Mapping[str, str], body: bytes, name_width: int
) -> Pieces:
    length = len(body) + body.count(_NAME.encode()) * (name_width - len(_NAME))
    head = f"{line[0]} {line[1]} HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    whole = head.encode() + b"Content-Length: %d\r\n\r\n" % length + body
    before, _, rest = whole.rpartition(_NAMESPACE.encode())
    between, name, after = rest.partition(_NAME.encode())
    if not name or _NAME.encode() in after:
        raise ValueError("a request must name its object once")  # the sample holds our marker
    return before, between, after


def _with_way_back(mutation: Mutation, sample: dict[str, Any]) -> Mutation:
    if len(mutation.values) > 1:
        return mutation
    return msgspec.structs.replace(
        mutation, values=(*mutation.values, value_at(sample, mutation.path))
    )


def _as_sent(body: dict[str, Any]) -> dict[str, Any]:
    metadata = body.get("metadata", {})
    kept = {key: metadata[key] for key in _KEPT if key in metadata}
    return {**{key: body[key] for key in body if key != "status"}, "metadata": kept}


def _no_op(kind: Kind, body: dict[str, Any], *, turn: int) -> dict[str, Any]:
    """Returns a patch that says what is there already."""
    for mutation in (*kind.mutations[turn % max(len(kind.mutations), 1) :], *kind.mutations):
        present = value_at(body, mutation.path)
        if present is not None:
            return merge_patch(body, Change(path=mutation.path, value=present))
    return {"spec": body["spec"]} if "spec" in body else {}


def _merged(here: Any, patch: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Returns what a JSON merge patch (RFC 7386) makes of an object."""
    merged = dict(here) if isinstance(here, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value) if isinstance(value, dict) else value
    return merged
