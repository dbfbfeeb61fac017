"""Stage 3: what an ELF file says of itself; needs no other program."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Binary", "NotABinary", "inspect"]

_MAGIC = b"\x7fELF"
_CLASS_64 = 2
_LITTLE = 1
_INTERPRETER = 3  # PT_INTERP: the dynamic linker that must load it
_DYNAMIC = 2  # PT_DYNAMIC
_NEEDED = 1  # DT_NEEDED: a shared library
_MACHINES = {62: "amd64", 183: "arm64"}
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_ENTRY = struct.Struct("<qQ")


class NotABinary(ValueError):
    """A file that isn't an ELF binary of a known kind; the message says what it is."""


class Binary(msgspec.Struct, frozen=True, kw_only=True):
    """A program.

    Attributes:
        architecture: As images name it: "amd64" or "arm64".
        interpreter: Path of its dynamic linker; empty where it needs none.
        libraries: How many shared libraries it needs.
    """

    architecture: str
    interpreter: str = ""
    libraries: int = 0

    @property
    def static(self) -> bool:
        """Whether it runs in an otherwise empty image."""
        return not self.interpreter and not self.libraries


def inspect(path: Path) -> Binary:
    """Reads the headers of a program.

    Raises:
        NotABinary: It's a script, of a foreign machine, or damaged.
        OSError: It can't be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
        if head[:2] == b"#!":
            raise NotABinary("a script")
        if head[:4] != _MAGIC:
            raise NotABinary("not an ELF binary")
        if len(head) < _HEADER.size or (head[4], head[5]) != (_CLASS_64, _LITTLE):
            raise NotABinary("not a 64-bit little-endian binary")
        fields = _HEADER.unpack(head)
        machine, offset, size, count = fields[2], fields[5], fields[9], fields[10]
        if machine not in _MACHINES:
            raise NotABinary(f"a binary of machine {machine}, which is neither amd64 nor arm64")
        file.seek(offset)
        table = file.read(size * count)
        if len(table) < size * count or size < _SEGMENT.size:
            raise NotABinary("a damaged binary")
        interpreter, libraries = "", 0
        for number in range(count):
            kind, _, place, _, _, length, _, _ = _SEGMENT.unpack_from(table, number * size)
            file.seek(place)
            if kind == _INTERPRETER:
                interpreter = file.read(length).rstrip(b"\0").decode(errors="replace")
            elif kind == _DYNAMIC:
                libraries = _needed(file.read(length))
    return Binary(architecture=_MACHINES[machine], interpreter=interpreter, libraries=libraries)


def _needed(section: bytes) -> int:
    whole = len(section) // _ENTRY.size * _ENTRY.size
    return sum(tag == _NEEDED for tag, _ in _ENTRY.iter_unpack(section[:whole]))
