"""Stage 3: `$(VAR)` in arguments and environment, as the kubelet expands it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["expand"]

_REFERENCE = re.compile(r"\$(\$|\(([^()$]*)\))")


def expand(text: str, values: Mapping[str, str]) -> str:
    """Returns a text with `$(NAME)` replaced; unknown names stay, and `$$` stands for `$`."""

    def value(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return values.get(match[2], match[0])

    return _REFERENCE.sub(value, text)
