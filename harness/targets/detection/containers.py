"""Stage 1: what the flags, variables and ports of a container tell of its operator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from harness.manifests.objects import (
    Object,
    kind_of,
    name_of,
    namespace_of,
    pod_labels,
    pod_spec,
    selected,
    strings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = [
    "Container",
    "containers_of",
    "env_of",
    "flags_of",
    "is_sidecar",
    "leads_to",
    "metrics_port",
    "pprof_port",
]

Container = dict[str, Any]  # a container of a pod template

_METRICS_FLAG = re.compile(
    r"^(metrics|prometheus)[-_.]?(bind|listen|server|http|secure)?[-_.]?(addr|address|port)$", re.I
)
_PPROF_FLAG = re.compile(
    r"^(pprof|profil(er|ing|e))[-_.]?(bind|listen)?[-_.]?(addr|address|port)$", re.I
)
_ADDRESS = re.compile(r"^(?:\w+://)?(?:\[[0-9a-f:]*\]|[^:/]*):(\d{1,5})/?$|^(\d{1,5})$", re.I)
_METRICS_NAMES = ("metrics", "http-metrics", "https-metrics", "prometheus", "metrics-https")
_SIDECARS = re.compile(
    r"kube-rbac-proxy|oauth-proxy|istio-proxy|linkerd|envoy|vault-agent|fluent|cloud-sql|jaeger|"
    r"config-reloader|configmap-reload"
)


def containers_of(workload: Object) -> list[Container]:
    """Returns the containers of a workload's template."""
    return list(pod_spec(workload).get("containers") or ())


def is_sidecar(container: Container) -> bool:
    """Whether a container is a well-known helper of others."""
    words = f"{container.get('name', '')} {container.get('image', '')}"
    return bool(_SIDECARS.search(words))


def flags_of(container: Container) -> dict[str, str]:
    """Returns the flags of a container's command line, without dashes; "" for one without value."""
    words = [str(word) for key in ("command", "args") for word in container.get(key) or ()]
    found: dict[str, str] = {}
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if not word.startswith("-"):
            continue
        name, equals, value = word.lstrip("-").partition("=")
        found[name] = value if equals else "" if following.startswith("-") else following
    return found


def env_of(container: Container) -> dict[str, dict[str, Any]]:
    """Returns the entries of a container's environment by name."""
    return {str(entry["name"]): entry for entry in container.get("env") or ()}


def _settings(container: Container) -> Iterator[tuple[str, str, str]]:
    """Yields name, value and how people call it, for each flag and literal variable."""
    for name, value in flags_of(container).items():
        yield name, value, f"--{name}"
    for name, entry in env_of(container).items():
        if isinstance(entry.get("value"), str):
            yield name, entry["value"], f"the variable {name}"


def metrics_port(
    workload: Object, container: Container, manifests: Sequence[Object]
) -> tuple[int, str]:
    """Returns the port on which a container serves metrics, 0 for none, and how that is known.

    The reason is empty where nothing was said at all.
    """
    for name, value, words in _settings(container):
        if _METRICS_FLAG.match(name):
            port = _port(value)
            return (port, words) if port else (0, f"{words} switches them off")
    own = _named(container, _METRICS_NAMES)
    if own:
        return own, "the container's port of that name"
    return _by_service(workload, container, manifests)


def _by_service(
    workload: Object, container: Container, manifests: Sequence[Object]
) -> tuple[int, str]:
    for service in manifests:
        if not leads_to(service, workload):
            continue
        for entry in (service.get("spec") or {}).get("ports") or ():
            is_meant = "metrics" in name_of(service) or entry.get("name") in _METRICS_NAMES
            if not is_meant:
                continue
            port = _behind(workload, container, entry.get("targetPort", entry.get("port")))
            if port:
                return port, f"Service {name_of(service)}"
    return 0, ""


def _behind(workload: Object, container: Container, target: object) -> int:
    """Returns the operator's own port, also where a proxy stands before it."""
    for other in containers_of(workload):
        port = _number(other, target)
        if not port or (other is not container and not is_sidecar(other)):
            continue
        if other is container:
            return port
        upstream = flags_of(other).get("upstream", "")
        if _port(upstream):
            return _port(upstream)
    declared = any(other.get("ports") for other in containers_of(workload))
    return target if isinstance(target, int) and not declared else 0


def _number(container: Container, target: object) -> int:
    for entry in container.get("ports") or ():
        if target in (entry.get("name"), entry.get("containerPort")):
            return int(entry.get("containerPort") or 0)
    return 0


def _named(container: Container, names: Iterable[str]) -> int:
    for name in names:
        for entry in container.get("ports") or ():
            if entry.get("name") == name:
                return int(entry.get("containerPort") or 0)
    return 0


def _port(value: str) -> int:
    match = _ADDRESS.match(value.strip())
    port = int(match[1] or match[2]) if match else 0
    return port if port < 65536 else 0  # noqa: PLR2004 - ports have 16 bits


def pprof_port(container: Container) -> int:
    """Returns the port on which a container serves profiles; 0 for none."""
    for name, value, _ in _settings(container):
        if _PPROF_FLAG.match(name) and _port(value):
            return _port(value)
    return _named(container, ("pprof", "profiler", "debug-pprof"))


def leads_to(service: Object, workload: Mapping[str, Any]) -> bool:
    """Whether an object is a Service that selects a workload's pods."""
    if kind_of(service) != "Service":
        return False
    same = (namespace_of(service) or "default") == (namespace_of(workload) or "default")
    labels = strings((service.get("spec") or {}).get("selector"))
    return same and bool(labels) and selected(pod_labels(workload), {"matchLabels": labels})
