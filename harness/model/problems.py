"""Problems in files that a user wrote."""

from __future__ import annotations

import msgspec

__all__ = ["Problem"]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong in a file, told so that it can be mended.

    Attributes:
        file: Path as the user gave it.
        line: 1-based; 0 where the file as a whole is meant.
        column: 1-based; 0 where the line as a whole is meant.
        key: Dotted path of the key, for example "kinds[0].ready.condition"; may be empty.
        message: What is wrong, with the offending value.
        hint: What to write instead, for example "did you mean 'samples'?"; may be empty.
    """

    file: str
    message: str
    line: int = 0
    column: int = 0
    key: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        key = f"{self.key}: " if self.key else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}: {key}{self.message}{hint}"
