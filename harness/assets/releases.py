"""What the projects publish for each release, where, and which checksum file vouches for it.

    kube-*, kubectl   a file each, and beside it a file with its SHA-256
    etcd              an archive of all three, and one list of checksums
    kwok, kwokctl     a file each; the SHA-256 that GitHub's API gives for it, since the project
                      publishes none
    helm              an archive, and beside it a file with its SHA-256
    kind              a file each, and beside it a list of its checksum
    prometheus        an archive, and one list of checksums

Addresses are told as places: host and path, without a scheme. A mirror keeps a file under its
place, as `wget -x` lays it out.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from harness.assets.components import KUBERNETES_FAMILY, Component, Pins
from harness.assets.store import Recipe, platform_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Release", "expected_sha256", "grouped", "release_of", "release_recipe"]

_PLATFORMS = ("linux-amd64", "linux-arm64")  # the ones that the local cluster runs on
_KWOK = "kubernetes-sigs/kwok"


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A published file.

    Attributes:
        version: Without "v".
        place: Its host and path.
        checksums: Host and path of what holds its SHA-256.
        members: For an archive, the path in it of each component; empty for a bare binary.
    """

    version: str
    place: str
    checksums: str
    members: dict[Component, str] = {}

    @property
    def name(self) -> str:
        """Its file name, as lists of checksums have it."""
        return self.place.rsplit("/", 1)[-1]

    @property
    def host(self) -> str:
        """Who serves it, where there is no mirror."""
        return self.place.split("/", 1)[0]


class _Asset(msgspec.Struct):
    name: str
    digest: str | None = None


class _GitHubRelease(msgspec.Struct):
    assets: list[_Asset]


def release_of(component: Component, pins: Pins) -> Release | None:
    """Returns what is published of a component for this platform, or None."""
    platform = platform_name()
    if platform not in _PLATFORMS:
        return None
    version = pins.version(component)
    if component in KUBERNETES_FAMILY:
        return _kubernetes(component, version, platform)
    if component in (Component.KWOK, Component.KWOKCTL):
        return Release(
            version=version,
            place=f"github.com/{_KWOK}/releases/download/v{version}/{component}-{platform}",
            checksums=f"api.github.com/repos/{_KWOK}/releases/tags/v{version}",
        )
    others = {
        Component.HELM: _helm,
        Component.KIND: _kind,
        Component.PROMETHEUS: _prometheus,
    }
    return others.get(component, _etcd)(version, platform)


def release_recipe(component: Component, pins: Pins) -> Recipe | None:
    """Returns the identity of a component's published binary in the cache, or None."""
    release = release_of(component, pins)
    if release is None:
        return None
    inputs = hashlib.sha256(f"release {release.place}\n".encode()).hexdigest()
    return Recipe(component=component, version=release.version, inputs=inputs)


def grouped(
    components: Sequence[Component], pins: Pins
) -> tuple[tuple[Release, tuple[Component, ...]], ...]:
    """Returns the releases that hold the components, each once, with those that it holds."""
    groups: dict[str, tuple[Release, list[Component]]] = {}
    for component in components:
        if release := release_of(component, pins):
            groups.setdefault(release.place, (release, []))[1].append(component)
    return tuple((release, tuple(members)) for release, members in groups.values())


def expected_sha256(text: str, name: str) -> str:
    """Returns the SHA-256 (hex, lower case) that a checksum file gives for a file; else empty.

    Args:
        text: A lone hash, a list of "hash  name" lines, or GitHub's JSON about a release.
        name: Of the file.
    """
    if text.lstrip().startswith("{"):
        return _from_github(text, name)
    lines = [line.split() for line in text.splitlines() if line.strip()]
    for words in lines:
        if len(words) > 1 and words[1].lstrip("*").removeprefix("./") == name:
            return _hash(words[0])
    return _hash(lines[0][0]) if len(lines) == 1 and len(lines[0]) == 1 else ""


def _from_github(text: str, name: str) -> str:
    try:
        release = msgspec.json.decode(text, type=_GitHubRelease)
    except msgspec.DecodeError:
        return ""
    digests = [asset.digest or "" for asset in release.assets if asset.name == name]
    kind, _, value = digests[0].partition(":") if digests else ("", "", "")
    return _hash(value) if kind == "sha256" else ""


def _hash(word: str) -> str:
    return word.lower() if re.fullmatch(r"[0-9a-fA-F]{64}", word) else ""


def _kubernetes(component: Component, version: str, platform: str) -> Release:
    place = f"dl.k8s.io/release/v{version}/bin/{platform.replace('-', '/')}/{component}"
    return Release(version=version, place=place, checksums=f"{place}.sha256")


def _etcd(version: str, platform: str) -> Release:
    folder = f"github.com/etcd-io/etcd/releases/download/v{version}"
    stem = f"etcd-v{version}-{platform}"
    commands = (Component.ETCD, Component.ETCDCTL, Component.ETCDUTL)
    return Release(
        version=version,
        place=f"{folder}/{stem}.tar.gz",
        checksums=f"{folder}/SHA256SUMS",
        members={command: f"{stem}/{command}" for command in commands},
    )


def _kind(version: str, platform: str) -> Release:
    place = f"github.com/kubernetes-sigs/kind/releases/download/v{version}/kind-{platform}"
    return Release(version=version, place=place, checksums=f"{place}.sha256sum")


def _helm(version: str, platform: str) -> Release:
    place = f"get.helm.sh/helm-v{version}-{platform}.tar.gz"
    return Release(
        version=version,
        place=place,
        checksums=f"{place}.sha256",
        members={Component.HELM: f"{platform}/helm"},
    )


def _prometheus(version: str, platform: str) -> Release:
    folder = f"github.com/prometheus/prometheus/releases/download/v{version}"
    stem = f"prometheus-{version}.{platform}"
    return Release(
        version=version,
        place=f"{folder}/{stem}.tar.gz",
        checksums=f"{folder}/sha256sums.txt",
        members={Component.PROMETHEUS: f"{stem}/prometheus"},
    )
