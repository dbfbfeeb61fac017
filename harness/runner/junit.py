"""Reads JUnit's XML, as pytest, ginkgo, kuttl and others write it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from harness.model.records import OwnCase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["read_junit"]

_MOST_BYTES = 32 * 2**20
_LINES = 40
_FAILED = ("failure", "error")


def read_junit(file: Path) -> tuple[OwnCase, ...] | None:
    """Returns the cases of a report in their order; None where there is none that can be read.

    Args:
        file: The report. One with a document type is not read: entities can grow without end.
    """
    try:
        data = file.read_bytes()
        if len(data) > _MOST_BYTES or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            return None
        root = ET.fromstring(data)  # noqa: S314 - refused above what makes it dangerous
    except (OSError, ET.ParseError):
        return None
    if root.tag not in {"testsuites", "testsuite"}:
        return None
    return tuple(_cases(root, ()))


def _cases(element: ET.Element, suites: tuple[str, ...]) -> Iterator[OwnCase]:
    own = element.get("name", "") if element.tag == "testsuite" else ""
    named = (*suites, own) if own else suites
    for child in element:
        if child.tag == "testsuite":
            yield from _cases(child, named)
        elif child.tag == "testcase":
            yield _case(child, named)


def _case(element: ET.Element, suites: tuple[str, ...]) -> OwnCase:
    broken = next((child for child in element if child.tag in _FAILED), None)
    skipped = element.find("skipped") is not None or element.get("status") in {"skipped", "pending"}
    outcome = "failed" if broken is not None else "skipped" if skipped else "passed"
    return OwnCase(
        group=element.get("classname") or (suites[-1] if suites else ""),
        name=element.get("name", ""),
        outcome=outcome,
        seconds=_seconds(element.get("time", "")),
        output=_told(element, broken) if broken is not None else "",
    )


def _told(element: ET.Element, broken: ET.Element) -> str:
    """What a failure says, else what the case printed; the last lines."""
    parts = [broken.get("message", ""), broken.text or ""]
    if parts[0] and parts[0].strip() in parts[1]:
        parts = parts[1:]
    printed = [child.text or "" for child in element if child.tag in {"system-out", "system-err"}]
    text = "\n".join(part.strip() for part in (*parts, *printed) if part.strip())
    return "\n".join(text.splitlines()[-_LINES:])


def _seconds(text: str) -> float:
    try:
        return max(float(text.replace(",", "")), 0.0)
    except ValueError:
        return 0.0
