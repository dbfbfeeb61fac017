"""Which resources an API server serves, from aggregated discovery or, on old servers, per group."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from harness.errors import ApiError
from harness.model.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harness.kube.exchange import Exchange

__all__ = ["Discovery", "Served", "aggregated", "per_group"]

_AGGREGATED = ",".join(
    [
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        "application/json",
    ]
)


class Served(NamedTuple):
    """A resource, its subresources, and what may be asked of them."""

    resource: Resource
    verbs: frozenset[str]
    subresources: tuple[tuple[str, frozenset[str]], ...] = ()


class Discovery:
    """Remembers what a server serves, and asks again when told to.

    Args:
        exchange: The way to the server.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._served: tuple[Served, ...] = ()
        self._asking = threading.Lock()

    def served(self, *, refresh: bool = False) -> tuple[Served, ...]:
        """Returns all that is served, preferred versions first.

        Raises:
            ApiError: The server can't be asked.
        """
        with self._asking:
            if refresh or not self._served:
                self._served = self._ask()
            return self._served

    def _ask(self) -> tuple[Served, ...]:
        found: list[Served] = []
        for path in ("/api", "/apis"):
            body = self._exchange.request("GET", path, headers={"Accept": _AGGREGATED}).body
            served = aggregated(body)
            if served is None:
                return per_group(self._fetch)
            found += served
        return tuple(found)

    def _fetch(self, path: str) -> dict[str, Any] | None:
        try:
            return self._exchange.json("GET", path)
        except ApiError:
            return None  # an aggregated API that is down


class _Kind(msgspec.Struct, frozen=True):
    kind: str = ""


class _Sub(msgspec.Struct):
    subresource: str
    verbs: list[str] = []


class _Item(msgspec.Struct, rename="camel"):
    resource: str
    scope: str = "Namespaced"
    verbs: list[str] = []
    response_kind: _Kind | None = None
    subresources: list[_Sub] = []


class _Version(msgspec.Struct):
    version: str
    resources: list[_Item] = []


class _Name(msgspec.Struct, frozen=True):
    name: str = ""


class _Group(msgspec.Struct):
    metadata: _Name = _Name()
    versions: list[_Version] = []


class _Document(msgspec.Struct):
    kind: str
    items: list[_Group] = []


def aggregated(body: bytes) -> tuple[Served, ...] | None:
    """Reads one answer of `/api` or `/apis`.

    Args:
        body: Asked for with the Accept header of `Discovery`.

    Returns:
        What it serves, preferred versions first; None where the server is too old to aggregate.
    """
    document = msgspec.json.decode(body, type=_Document)
    if document.kind != "APIGroupDiscoveryList":
        return None
    return tuple(
        Served(
            Resource(
                group=group.metadata.name,
                version=version.version,
                plural=item.resource,
                kind=item.response_kind.kind if item.response_kind else "",
                namespaced=item.scope == "Namespaced",
            ),
            frozenset(item.verbs),
            tuple((sub.subresource, frozenset(sub.verbs)) for sub in item.subresources),
        )
        for group in document.items
        for version in group.versions
        for item in version.resources
    )


def per_group(fetch: Callable[[str], dict[str, Any] | None]) -> tuple[Served, ...]:
    """Reads the older discovery: one list for each group and version.

    Args:
        fetch: Returns the JSON object at a path, or None where the server can't say (an
            aggregated API that is down must not hide all others).
    """
    core = fetch("/api") or {}
    groups = fetch("/apis") or {}
    versions = [("", version) for version in core.get("versions", [])]
    versions += [pair for group in groups.get("groups", []) for pair in _versions(group)]
    return tuple(served for group, version in versions for served in _listed(fetch, group, version))


def _versions(group: dict[str, Any]) -> Iterator[tuple[str, str]]:
    preferred = group.get("preferredVersion", {}).get("version", "")
    names: Iterable[str] = [entry["version"] for entry in group.get("versions", [])]
    for name in sorted(names, key=lambda name: name != preferred):
        yield group["name"], name


def _listed(
    fetch: Callable[[str], dict[str, Any] | None], group: str, version: str
) -> Iterator[Served]:
    path = f"/apis/{group}/{version}" if group else f"/api/{version}"
    entries = (fetch(path) or {}).get("resources", [])
    subresources: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for entry in entries:
        plural, slash, subresource = entry["name"].partition("/")
        if slash:
            verbs = frozenset(entry.get("verbs", []))
            subresources.setdefault(plural, []).append((subresource, verbs))
    for entry in entries:
        if "/" in entry["name"]:
            continue
        resource = Resource(
            group=group,
            version=version,
            plural=entry["name"],
            kind=entry["kind"],
            namespaced=bool(entry["namespaced"]),
        )
        found = tuple(subresources.get(resource.plural, ()))
        yield Served(resource, frozenset(entry.get("verbs", [])), found)
