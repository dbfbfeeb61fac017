"""Which node image a cluster is made of, and what it can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.assets.versions import KUBERNETES
from harness.clusters.kind.troubles import NODE_IMAGE_STEP, explained
from harness.errors import ClusterError, CommandError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clusters.kind.calls import Calls

__all__ = ["NODES_LABEL", "OWN_LABEL", "NodeImage", "choose", "pull", "require_workers"]

OWN_LABEL = "operator-harness.example.kind-node.kubernetes"
"""Label of a node image that was built here; its value is the Kubernetes version, "v1.34.4"."""
NODES_LABEL = "operator-harness.example.kind-node.nodes"
"""Label of an image that brings the pods' network: how many nodes that spans."""

_OFFICIAL = "kindest/node"
_ASK_S = 20.0
_PULL_S = 900.0  # 400 MB over a slow line


class NodeImage(msgspec.Struct, frozen=True, kw_only=True):
    """A node image.

    Attributes:
        reference: What kind is given.
        id: Of its content; empty where it isn't here yet.
        labels: Its own.
    """

    reference: str
    id: str = ""
    labels: dict[str, str] = {}

    @property
    def is_present(self) -> bool:
        """Whether the engine has it."""
        return bool(self.id)

    @property
    def is_own(self) -> bool:
        """Whether it was built from sources and packages, not by the kind project."""
        return OWN_LABEL in self.labels

    @property
    def has_network(self) -> bool:
        """Whether it brings the pods' network."""
        return NODES_LABEL in self.labels

    @property
    def spans_nodes(self) -> bool:
        """Whether pods on different nodes reach each other."""
        return self.labels.get(NODES_LABEL) != "1"


class _Config(msgspec.Struct):
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)
    entrypoint: list[str] | None = msgspec.field(name="Entrypoint", default=None)


class _Image(msgspec.Struct):
    id: str = msgspec.field(name="Id", default="")
    tags: list[str] | None = msgspec.field(name="RepoTags", default=None)
    config: _Config | None = msgspec.field(name="Config", default=None)


def choose(calls: Calls, *, image: str = "", kubernetes: str = "") -> NodeImage:
    """Returns the node image to use, whether it's here or must be pulled first.

    A given one is taken. Else kind's own of the wanted version if it's here, else one that was
    built here, else kind's own, to be pulled.

    Args:
        calls: Runs docker.
        image: What the user wants; empty for what fits the version.
        kubernetes: "X.Y.Z"; empty for the version that the harness is made for.

    Raises:
        ClusterError: The engine doesn't answer.
    """
    if image:
        return _inspect(calls, image)
    version = f"v{kubernetes or KUBERNETES}"
    official = _inspect(calls, f"{_OFFICIAL}:{version}")
    if official.is_present:
        return official
    return _own(calls, version) or official


def pull(calls: Calls, image: NodeImage, tell: Callable[[str], None]) -> NodeImage:
    """Returns an image that is here, pulled if need be.

    Raises:
        ClusterError: It can't be pulled.
    """
    if image.is_present:
        return image
    tell(f"pulling {image.reference}")
    try:
        calls.engine("pull", "--quiet", image.reference, timeout=_PULL_S)
    except CommandError as error:
        raise ClusterError(
            f"The node image {image.reference} isn't here and can't be pulled:\n"
            f"{error.output_tail or error}",
            hint=f"Where no registry can be reached, build one by {NODE_IMAGE_STEP}; "
            "or give another by --kind-image.",
        ) from error
    return _inspect(calls, image.reference)


def require_workers(image: NodeImage, workers: int) -> None:
    """Refuses workers where their pods wouldn't reach the others.

    Raises:
        UsageError: The image's network spans one node.
    """
    if workers and not image.spans_nodes:
        raise UsageError(
            f"{workers} workers were asked for, but {image.reference} has a network for the pods "
            "of one node only: pods on different nodes would not reach each other.",
            hint="Leave workers out, or give an image with kind's own network (kindest/node).",
        )


def _own(calls: Calls, version: str) -> NodeImage | None:
    """Returns the newest image of a version that was built here, and is whole."""
    try:
        done = calls.engine(
            *("images", "--quiet", "--no-trunc", "--filter", f"label={OWN_LABEL}={version}"),
            timeout=_ASK_S,
        )
    except CommandError as error:
        raise explained("The node images can't be listed", str(error)) from error
    for identity in dict.fromkeys(done.output.split()):
        found = _look(calls, identity)
        if found is not None and found.config is not None and found.config.entrypoint:
            return _image((found.tags or [identity])[0], found)
    return None


def _inspect(calls: Calls, reference: str) -> NodeImage:
    found = _look(calls, reference)
    return NodeImage(reference=reference) if found is None else _image(reference, found)


def _image(reference: str, found: _Image) -> NodeImage:
    labels = (found.config.labels if found.config else None) or {}
    return NodeImage(reference=reference, id=found.id, labels=labels)


def _look(calls: Calls, reference: str) -> _Image | None:
    """Returns what the engine says of an image; None where it has none of that name."""
    done = calls.engine(
        *("inspect", "--type=image", "--format", "{{json .}}", reference),
        timeout=_ASK_S,
        check=False,
    )
    if done.exit_code == 0:
        try:
            return msgspec.json.decode(done.output.splitlines()[-1], type=_Image)
        except (msgspec.MsgspecError, IndexError) as error:
            raise explained(f"docker inspect {reference} can't be read", done.output) from error
    if "no such image" in done.output.lower():
        return None
    raise explained(f"The node image {reference} can't be looked at", done.output)
