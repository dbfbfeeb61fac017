"""Where objects of the manifests stand in the operator's own files."""

from __future__ import annotations

import msgspec

__all__ = ["Origin", "Origins"]


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """One object's place.

    Attributes:
        subject: The object as findings name it, for example "ClusterRole manager-role".
        file: Relative to the folder of the target's definition; it may lead out of it ("../").
        line: 1-based, of the object's first line.
    """

    subject: str
    file: str
    line: int


class Origins(msgspec.Struct, frozen=True, kw_only=True):
    """All places that are known.

    Attributes:
        definition: The target's definition, relative to the repository that it lies in.
    """

    definition: str = "target.yaml"
    objects: tuple[Origin, ...] = ()
