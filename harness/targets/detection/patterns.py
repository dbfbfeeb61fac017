"""Stage 1: a text that a schema's pattern allows, for patterns as authors of CRDs write them."""

from __future__ import annotations

import re
from contextlib import suppress

__all__ = ["text_for"]

_TRIED = (
    *("sample", "a", "A", "1", "Sample", "SAMPLE", "v1", "1.0.0", "v1.0.0", "1.0", "1Gi", "100m"),
    *("10s", "1h", "1h0m0s", "50%", "example.com", "https://example.com", "example.com/sample"),
    *("https://example.com/sample", "user@example.com", "10.0.0.1", "10.0.0.0/8", "0 0 * * *"),
    *("00:00", "2030-01-01", "2030-01-01T00:00:00Z", "sample:1", "registry.k8s.io/pause:3.10"),
    *("/sample", "./sample", "a=b", "arn:aws:iam::123456789012:role/sample", "us-east-1", "true"),
)
_CLASSES = {"d": "1", "D": "a", "w": "a", "W": "-", "s": " ", "S": "a", "b": "", "B": ""}
_REPEAT = re.compile(r"\{(\d+)(?:,\d*)?\}")


class _Unknown(ValueError):
    """A construct that isn't understood."""


def text_for(pattern: str, *, least: int, most: int) -> str | None:
    """Returns a text that a pattern allows, of some length; None where none is found.

    Args:
        pattern: A regular expression; it needn't match the whole text.
        least: Fewest characters.
        most: Most characters.
    """
    try:
        compiled = re.compile(pattern)
    except re.error:
        return None  # RE2 has words that Python lacks
    tried = list(_TRIED)
    with suppress(_Unknown, IndexError):
        tried.append(_Generator(pattern).text())
    tried += [(word * least)[: max(least, len(word))] for word in (*tried, "a") if word]
    for word in tried:
        if least <= len(word) <= most and compiled.search(word):
            return word
    return None


class _Generator:
    """Writes the shortest text that a simple pattern allows; first branch of each choice."""

    def __init__(self, pattern: str) -> None:
        self._rest = pattern
        self._at = 0

    def text(self) -> str:
        return self._branch()

    def _peek(self) -> str:
        return self._rest[self._at] if self._at < len(self._rest) else ""

    def _next(self) -> str:
        letter = self._rest[self._at]
        self._at += 1
        return letter

    def _branch(self) -> str:
        """Reads up to the end of a group; keeps the first alternative."""
        first: str | None = None
        here = ""
        while self._peek() not in {"", ")"}:
            if self._peek() == "|":
                self._next()
                first = here if first is None else first
                here = ""
            else:
                piece = self._piece()
                here += piece * self._times()
        return here if first is None else first

    def _times(self) -> int:
        match = _REPEAT.match(self._rest, self._at)
        times = 1
        if match:
            self._at = match.end()
            times = int(match[1])
        elif self._peek() in {"*", "?"}:
            self._next()
            times = 0
        elif self._peek() == "+":
            self._next()
        if self._peek() == "?":
            self._next()  # lazy
        return times

    def _piece(self) -> str:
        letter = self._next()
        if letter == "(":
            return self._group()
        if letter == "[":
            return self._set()
        if letter == "\\":
            escaped = self._next()
            if escaped in "pPQEzAZx":
                raise _Unknown(escaped)
            return _CLASSES.get(escaped, escaped)
        if letter in "^$":
            return ""
        return "a" if letter == "." else letter

    def _group(self) -> str:
        if self._peek() == "?":
            self._next()
            kind = self._next()
            if kind in {"P", "<"}:
                while self._next() != ">":
                    pass
            elif kind != ":":
                raise _Unknown(kind)
        found = self._branch()
        self._next()
        return found

    def _set(self) -> str:
        negated = self._peek() == "^"
        if negated:
            self._next()
        found = ""
        inside = ""
        while not (self._peek() == "]" and inside):
            letter = self._next()
            if letter == "\\":
                letter = _CLASSES.get(self._peek(), self._peek())
                self._next()
            inside += letter
            found = found or letter
        self._next()
        if negated:
            return next(sign for sign in "a1-_. " if sign not in inside)
        return next((sign for sign in inside if sign.isalnum()), found)
