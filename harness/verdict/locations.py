"""Stage 6: where in the operator's own files a finding's subject stands."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

import msgspec

from harness.model.findings import Finding, SourceLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.model.origins import Origins

__all__ = ["located"]


def located(origins: Origins, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Returns findings with their source, where their subject is an object with one.

    Args:
        origins: Of the run.
        findings: Of all checks.
    """
    folder = posixpath.dirname(origins.definition)
    lines = {
        item.subject: SourceLine(
            file=posixpath.normpath(posixpath.join(folder, item.file)), line=item.line
        )
        for item in origins.objects
    }
    return tuple(_with(finding, lines.get(finding.subject)) for finding in findings)


def _with(finding: Finding, line: SourceLine | None) -> Finding:
    if line is None or line.file.startswith(".."):
        return finding  # outside of the repository, it is nobody's file
    return msgspec.structs.replace(finding, source=line)
