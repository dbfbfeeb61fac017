"""Stage 4a: a target's sample files as objects ready to be sent."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import UsageError
from harness.manifests.documents import ManifestSyntaxError, parse
from harness.model.target import InstallMode, Kind, Scope, Target

__all__ = ["Sample", "samples", "spread"]


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One sample of a kind.

    Attributes:
        name: File name without its ending; names windows and test ids.
        file: Absolute path.
        kind: The kind that it belongs to.
        body: The object as the file has it.
        namespace: Where it is to be tried; empty where a test's own namespace will do.
    """

    name: str
    file: str
    kind: Kind
    body: dict[str, Any]  # any JSON
    namespace: str = ""

    def place(self, *, namespace: str, name: str | None = None) -> dict[str, Any]:
        """Returns a copy of the object for a namespace, without what a server assigns.

        Args:
            namespace: Where it goes; empty for cluster-scoped kinds.
            name: Another name than the sample's.
        """
        body = copy.deepcopy(self.body)
        metadata = body.setdefault("metadata", {})
        metadata.pop("namespace", None)
        if namespace:
            metadata["namespace"] = namespace
        if name:
            metadata["name"] = name
        return body


def samples(target: Target) -> tuple[Sample, ...]:
    """Returns every sample of every kind, in the target's order.

    Raises:
        UsageError: A file can't be read or isn't one object. (Loading a target checks this; it
            can only happen when a file changes in between.)
    """
    return tuple(_read(Path(path), kind) for kind in target.kinds for path in kind.samples)


def spread(found: tuple[Sample, ...], scope: Scope) -> tuple[Sample, ...]:
    """Returns samples so that each namespace of MultiNamespace is tried by one of them.

    Args:
        found: All samples.
        scope: Of the target.
    """
    if scope.mode is not InstallMode.MULTI_NAMESPACE or not found:
        return found
    first = found[0]
    return (
        *found,
        *(
            msgspec.structs.replace(first, name=f"{first.name}-in-{place}", namespace=place)
            for place in scope.namespaces[1:]
        ),
    )


def _read(path: Path, kind: Kind) -> Sample:
    try:
        objects = parse(path.read_text(encoding="utf-8"), file=str(path))
    except ManifestSyntaxError as error:
        raise UsageError(f"The sample can't be read: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the sample can't be read: {error}") from error
    if len(objects) != 1:
        raise UsageError(f"{path}: a sample must hold one object")
    return Sample(name=path.stem, file=str(path), kind=kind, body=objects[0])
