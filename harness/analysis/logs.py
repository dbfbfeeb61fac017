"""Stage 5: what an operator's log says: levels, panics, bursts of errors.

Levels are understood in JSON (zap, logr, bunyan, pino, Python), zap's console format, klog,
logfmt and Python's usual formats. A line of another format has no level.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from harness.evidence.loglines import readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evidence.reader import Evidence
    from harness.model.records import LogLine
    from harness.model.time import Span, Stamp

__all__ = ["Burst", "Panic", "bursts", "is_error", "last_words", "panic_message", "panics"]

BURST_LINES = 20
"""More error lines than this within `BURST_SECONDS` are a burst."""
BURST_SECONDS = 10.0

_WORST = frozenset({"error", "eror", "err", "critical", "crit", "fatal", "panic", "dpanic"})
_NUMERIC_ERROR = 50  # bunyan and pino
_LEVEL_KEYS = ("level", "severity", "levelname", "lvl", "log.level")
_KLOG = re.compile(r"^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ [^\]]+\]")
_LOGFMT = re.compile(r"(?:^|\s)(?:level|lvl|severity)=\"?([A-Za-z]+)")
_WORD = re.compile(
    r"(?<![\w])(TRACE|DEBUG|INFO|NOTICE|WARNING|WARN|ERROR|CRITICAL|FATAL|DPANIC|PANIC)(?![\w])"
)
_WORD_REACH = 100

_PANIC = re.compile(
    r"^(?:panic|fatal error): (?P<go>.+)"
    r"|(?P<observed>Observed a panic[^\n]*)"
    r"|^thread '.*' panicked at (?P<rust>.+)"
    r"|panic: (?P<recovered>.+? \[recovered\])"
    r"|(?P<python>Traceback \(most recent call last\):)",
)
_PANIC_KEYS = ("panic", "error", "err")
_STOPPED = ("KeyboardInterrupt", "CancelledError", "SystemExit")
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?::.*)?$")
_SAME_PANIC_SECONDS = 1.0
_TRACEBACK_REACH = 200
_BEFORE = 4


class Panic(msgspec.Struct, frozen=True, kw_only=True):
    """One panic or traceback.

    Attributes:
        line: 1-based line of the log where it begins.
        message: What it says.
    """

    line: int
    stamp: Stamp
    message: str


class Burst(msgspec.Struct, frozen=True, kw_only=True):
    """Many errors in a short time.

    Attributes:
        first: 1-based line of the log.
        count: Error lines from there on within `BURST_SECONDS`.
    """

    first: int
    stamp: Stamp
    count: int
    samples: tuple[str, ...]


def is_error(text: str) -> bool:
    """Whether a line's level is error or worse."""
    level = _level(text)
    return level in _WORST if isinstance(level, str) else (level or 0) >= _NUMERIC_ERROR


def _level(text: str) -> str | int | None:
    line = text.strip()
    if line.startswith("{"):
        return _json_level(line)
    klog = _KLOG.match(line)
    if klog:
        return {"E": "error", "F": "fatal"}.get(klog[1], "info")
    pair = _LOGFMT.search(line)
    if pair:
        return pair[1].lower()
    word = _WORD.search(line[:_WORD_REACH])
    return word[1].lower() if word else None


def _json(line: str) -> dict[str, Any]:
    """The fields of a JSON line; empty where it is none."""
    try:
        entry = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _json_level(line: str) -> str | int | None:
    entry = _json(line)
    for key in _LEVEL_KEYS:
        value = entry.get(key)
        if isinstance(value, str):
            return value.lower()
        if isinstance(value, int):
            return value
    return None


def panic_message(text: str) -> str | None:
    """Returns what a line says of a panic or of a Python exception; None where it isn't one."""
    found = _PANIC.search(text)
    if not found:
        return None
    if found["python"]:
        return "Python traceback"
    entry = _json(text)
    if entry:
        words = (entry.get("msg") or entry.get("message"), *map(entry.get, _PANIC_KEYS))
        return ": ".join(str(word) for word in words if word)
    return next(part for part in found.groups() if part).strip()


def panics(lines: Sequence[LogLine]) -> list[Panic]:
    """Returns the panics of one log; lines of the same one (within a second) count once.

    Tracebacks of a process that was told to stop (KeyboardInterrupt, cancelled tasks) don't count.
    """
    found: list[Panic] = []
    last_ns = -1
    for index, line in enumerate(lines):
        message = panic_message(line.text)
        if message is None:
            continue
        if message == "Python traceback":
            message = _exception(lines, index)
            if message.rpartition(".")[2].startswith(_STOPPED):
                continue
        fresh = last_ns < 0 or line.stamp.mono_ns - last_ns > _SAME_PANIC_SECONDS * 1e9
        last_ns = line.stamp.mono_ns
        if fresh:
            found.append(Panic(line=index + 1, stamp=line.stamp, message=message))
    return found


def _exception(lines: Sequence[LogLine], index: int) -> str:
    """Returns the last line of a traceback, which names the exception."""
    text = lines[index].text
    if "\\n" in text:  # a JSON logger keeps the traceback in one line
        inside = text.split("\\n")
        return next((part for part in reversed(inside) if _EXCEPTION.match(part)), "traceback")
    for line in lines[index + 1 : index + _TRACEBACK_REACH]:
        if _EXCEPTION.match(line.text):
            return line.text
    return "traceback"


def last_words(evidence: Evidence, span: Span, *, lines: int = 12) -> list[str]:
    """Returns what the operator printed last up to the end of a window, headed and indented.

    Args:
        evidence: Of the run.
        span: The window; that the operator printed nothing in it is said.
        lines: How many at most.
    """
    printed = sorted(
        (
            line
            for log in evidence.logs().values()
            for line in log
            if line.stamp.mono_ns <= span.end.mono_ns
        ),
        key=lambda line: line.stamp.mono_ns,
    )
    if not printed:
        return ["The operator printed nothing."]
    inside = [line for line in printed if span.holds(line.stamp)]
    if inside:
        return ["The operator's last lines:", *_quoted(inside[-lines:])]
    return [
        "The operator printed nothing in this window; the last lines before it:",
        *_quoted(printed[-_BEFORE:]),
    ]


def _quoted(lines: Sequence[LogLine]) -> list[str]:
    """Readable lines; one that repeats comes once, with how often."""
    counted: list[tuple[str, int]] = []
    for line in lines:
        text = readable(line.text)
        if counted and counted[-1][0] == text:
            counted[-1] = (text, counted[-1][1] + 1)
        else:
            counted.append((text, 1))
    return [f"  {text}" + (f" ({times} times)" if times > 1 else "") for text, times in counted]


def bursts(lines: Sequence[LogLine], *, quiet: Sequence[tuple[int, int]]) -> list[Burst]:
    """Returns the bursts of errors in one log, each as long as it lasted, none overlapping.

    Args:
        lines: The whole log.
        quiet: Monotonic nanoseconds from-to in which errors don't count.
    """
    errors = [
        (number, line)
        for number, line in enumerate(lines, start=1)
        if is_error(line.text)
        and not any(start <= line.stamp.mono_ns <= end for start, end in quiet)
    ]
    found: list[Burst] = []
    at = end = 0
    while at < len(errors):
        number, first = errors[at]
        limit = first.stamp.mono_ns + BURST_SECONDS * 1e9
        end = max(end, at)
        while end < len(errors) and errors[end][1].stamp.mono_ns <= limit:
            end += 1
        if end - at <= BURST_LINES:
            at += 1
            continue
        samples = tuple(dict.fromkeys(line.text for _, line in errors[at:end]))[:5]
        found.append(Burst(first=number, stamp=first.stamp, count=end - at, samples=samples))
        at = end
    return found
