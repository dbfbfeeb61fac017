"""The whole error tree.

    Exception
    ├── HarnessError              the harness, its environment or its user's input broke the run
    │   ├── UsageError            4  wrong command line, configuration or target; nothing ran
    │   │   ├── TargetError       4  a target definition or its manifests; carries every Problem
    │   │   └── BuildError        4  the operator's own build failed, or its command is missing
    │   ├── AssetError            3  a binary is missing, broken or can't be built
    │   ├── CommandError          3  a process that we ran failed or took too long
    │   ├── ClusterError          3  the cluster could not be made, reached or removed
    │   ├── ApiError              3  the API server answered with a status that isn't expected
    │   ├── EvidenceError         3  evidence can't be written or read
    │   └── Interrupted           2  stopped by a signal
    ├── InstallFault              1  the target's own manifests, image or process failed
    ├── OperatorFault             1  the operator broke a check; an AssertionError with its Findings
    └── NotVerified                  a check can't be decided here; carries the reason

The split is the policy: what derives from `HarnessError` is never blamed on the operator,
and what doesn't is never blamed on the environment. Each error says what happened, where,
and, by `.hint`, what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.model.verdict import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.findings import Finding
    from harness.model.problems import Problem

__all__ = [
    "ApiError",
    "AssetError",
    "BuildError",
    "ClusterError",
    "CommandError",
    "EvidenceError",
    "HarnessError",
    "InstallFault",
    "Interrupted",
    "NotVerified",
    "OperatorFault",
    "TargetError",
    "UsageError",
]


class HarnessError(Exception):
    """The harness or its environment broke; never the operator's fault.

    Args:
        message: What happened and where, with the offending value.
        hint: What the reader can do about it; one or two sentences.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.ERROR

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(HarnessError):
    """A wrong command line or configuration; decided before anything runs."""

    exit_code = ExitCode.USAGE


class TargetError(UsageError):
    """A target definition that can't be used.

    Args:
        message: One line.
        problems: Every problem found, each with file and line where there is one.
        hint: What to do.
    """

    def __init__(self, message: str, *, problems: Sequence[Problem] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class BuildError(UsageError):
    """The operator's own build failed, or the command that it names isn't there."""


class AssetError(HarnessError):
    """A binary that a run needs is missing, broken or can't be built."""


class CommandError(HarnessError):
    """A process that we ran ended with an error or took longer than its time-out.

    Attributes:
        output_tail: The last lines that it printed, without secrets.
        timed_out: Whether it was stopped since it took too long.
    """

    def __init__(
        self, message: str, *, hint: str = "", output_tail: str = "", timed_out: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.output_tail = output_tail
        self.timed_out = timed_out


class ClusterError(HarnessError):
    """The cluster could not be made, reached, changed or removed."""


class ApiError(HarnessError):
    """The API server answered with a status that the caller doesn't expect.

    Attributes:
        status: HTTP status code; 0 where no answer came.
        reason: The `reason` of the Status object, for example "NotFound".
    """

    def __init__(self, message: str, *, status: int, reason: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason


class EvidenceError(HarnessError):
    """Evidence can't be written or read."""


class Interrupted(HarnessError):
    """The run was stopped by SIGINT or SIGTERM."""

    exit_code = ExitCode.INTERRUPTED


class InstallFault(Exception):
    """The install failed by the target's own manifests, image or process (exit 1).

    Args:
        finding: What failed, as the finding of INS-001.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.check}: {finding.title}")
        self.finding = finding


class OperatorFault(AssertionError):
    """The operator broke a check.

    Args:
        findings: At least one finding, as the check's judge returned them.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(
            "\n".join(
                f"{finding.check} {finding.subject}: {finding.title}\n{finding.detail}".rstrip()
                for finding in findings
            )
        )
        self.findings = tuple(findings)


class NotVerified(Exception):
    """A check can't be decided here; the message is the reason."""
