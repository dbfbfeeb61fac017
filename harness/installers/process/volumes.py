"""Stage 3: a container's volumes as folders of files, as the kubelet projects them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from harness.installers.process.expansion import expand
from harness.installers.process.references import Context, Sources, pod_field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


__all__ = ["FileContent", "Mounted", "Volume", "container_volumes"]

_DEFAULT_MODE = 0o644
_TOKEN_MODE = 0o600
_API_AUDIENCES = (
    "",
    "https://kubernetes.default.svc",
    "https://kubernetes.default.svc.cluster.local",
)


class FileContent(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a volume.

    Attributes:
        path: Below the volume's folder.
        mode: Permission bits.
        token: Whether it is the ServiceAccount's token, which is refreshed.
    """

    path: str
    content: bytes = b""
    mode: int = _DEFAULT_MODE
    token: bool = False

    def __repr__(self) -> str:
        return f"FileContent(path={self.path!r})"


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """A volume that some mount of the container uses.

    Attributes:
        writable: Whether the container may write to it (an emptyDir).
    """

    name: str
    files: tuple[FileContent, ...] = ()
    writable: bool = False


class Mounted(msgspec.Struct, frozen=True, kw_only=True):
    """Where a volume, or a part of it, is mounted.

    Attributes:
        sub_path: File or folder of the volume; empty for all of it.
    """

    volume: str
    path: str
    sub_path: str = ""
    read_only: bool = False


def container_volumes(
    context: Context, *, env: Mapping[str, str]
) -> tuple[tuple[Volume, ...], tuple[Mounted, ...]]:
    """Returns the volumes that a container mounts, and where.

    Args:
        context: The container and its Pod; its sources get notes on what can't be had here.
        env: For `subPathExpr`.
    """
    specs = {str(item.get("name")): item for item in context.pod["spec"].get("volumes") or ()}
    volumes: dict[str, Volume] = {}
    mounts: list[Mounted] = []
    for mount in context.container.get("volumeMounts") or ():
        name = str(mount.get("name"))
        if name not in volumes:
            made = _volume(name, specs.get(name, {}), context)
            if made is None:
                context.sources.notes.append(
                    f"Volume {name} ({_type(specs.get(name, {}))}) isn't mounted at "
                    f"{mount.get('mountPath')}: a process of this machine can't have it."
                )
                continue
            volumes[name] = made
        mounts.append(_mounted(mount, volumes[name], env))
    return tuple(volumes.values()), tuple(mounts)


def _mounted(mount: Mapping[str, Any], volume: Volume, env: Mapping[str, str]) -> Mounted:
    sub = str(mount.get("subPath") or expand(str(mount.get("subPathExpr") or ""), env))
    return Mounted(
        volume=volume.name,
        path=str(mount.get("mountPath")),
        sub_path=_inside(sub) if sub else "",
        read_only=bool(mount.get("readOnly")) or not volume.writable,
    )


def _type(spec: Mapping[str, Any]) -> str:
    return next((key for key in spec if key != "name"), "not declared")


def _volume(name: str, spec: Mapping[str, Any], context: Context) -> Volume | None:
    kind = _type(spec)
    body = spec.get(kind) or {}
    if kind == "emptyDir":
        return Volume(name=name, writable=True)
    if kind == "projected":
        mode = _mode(body, _DEFAULT_MODE)
        files = [
            file for source in body.get("sources") or () for file in _source(source, mode, context)
        ]
        return Volume(name=name, files=_once(files))
    if kind in ("configMap", "secret", "downwardAPI"):
        mode = _mode(body, _DEFAULT_MODE)
        files = _source({kind: body}, mode, context)
        return Volume(name=name, files=_once(files))
    return None


def _mode(body: Mapping[str, Any], default: int) -> int:
    mode = body.get("mode", body.get("defaultMode"))
    return int(mode) if mode is not None else default


def _once(files: Iterable[FileContent]) -> tuple[FileContent, ...]:
    return tuple({file.path: file for file in files}.values())


def _source(source: Mapping[str, Any], mode: int, context: Context) -> list[FileContent]:
    """Returns the files of one source of a volume."""
    for field, kind, key in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "name")):
        body = source.get(field)
        if body is not None:
            name = str(body.get("secretName") or body.get(key))
            return _keys(kind, name, body, mode, context.sources)
    if source.get("downwardAPI") is not None:
        return _downward(source["downwardAPI"], mode, context)
    if source.get("serviceAccountToken") is not None:
        return _token(source["serviceAccountToken"], context.sources)
    context.sources.notes.append(f"A projected volume's source {_type(source)} is left out.")
    return []


def _keys(
    kind: str, name: str, body: Mapping[str, Any], mode: int, sources: Sources
) -> list[FileContent]:
    optional = body.get("optional")
    items = body.get("items")
    if not items:
        data = sources.data(kind, name, optional=optional)
        return [FileContent(path=key, content=value, mode=mode) for key, value in data.items()]
    found: list[FileContent] = []
    for item in items:
        value = sources.key(kind, name, str(item.get("key")), optional=optional)
        if value is not None:
            path = _inside(str(item.get("path")))
            found.append(FileContent(path=path, content=value, mode=_mode(item, mode)))
    return found


def _downward(body: Mapping[str, Any], mode: int, context: Context) -> list[FileContent]:
    found: list[FileContent] = []
    for item in body.get("items") or ():
        field = (item.get("fieldRef") or {}).get("fieldPath")
        ref = item.get("resourceFieldRef") or {}
        value = pod_field(context.pod, str(field)) if field else context.resource(ref)
        path = _inside(str(item.get("path")))
        found.append(FileContent(path=path, content=(value or "").encode(), mode=_mode(item, mode)))
    return found


def _token(body: Mapping[str, Any], sources: Sources) -> list[FileContent]:
    audience = str(body.get("audience") or "")
    if audience not in _API_AUDIENCES:
        sources.notes.append(
            f"A projected token is for the API server, not for the audience {audience!r}."
        )
    return [FileContent(path=_inside(str(body.get("path"))), mode=_TOKEN_MODE, token=True)]


def _inside(path: str) -> str:
    """Returns a relative path that can't leave its folder (the API server refuses others)."""
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..", ".")]
    return str(PurePosixPath(*parts)) if parts else "."
