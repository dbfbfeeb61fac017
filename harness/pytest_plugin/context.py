"""What the fixtures share: the session that the parent left, and lazily made clients."""

from __future__ import annotations

import random
from functools import cached_property
from pathlib import Path

import msgspec
import pytest

from harness.clock import SYSTEM_CLOCK, Clock
from harness.evidence.folder import RunFolder
from harness.evidence.follower import AuditFollower
from harness.evidence.ndjson import NdjsonWriter
from harness.evidence.reader import Evidence
from harness.guard import Guard
from harness.kube.client import KubeClient
from harness.model.cluster import Cluster
from harness.model.installation import Installation
from harness.model.records import SuiteRecord
from harness.model.resource import Resource
from harness.model.run import Session
from harness.model.target import Readiness
from harness.settings import Timeouts

__all__ = ["CONTEXT", "Context"]


class Context:
    """One suite's view of a run.

    Args:
        session: As the parent wrote it.
        clock: For every stamp.
        private: The folder (0700) that the session file lies in.
    """

    def __init__(
        self, session: Session, *, clock: Clock = SYSTEM_CLOCK, private: Path | None = None
    ) -> None:
        self.session = session
        self._private = private
        self.clock = clock
        self.run = RunFolder(Path(session.run_folder))
        self.timeouts = msgspec.convert(session.timeouts, Timeouts)
        self.rng = random.Random(session.seed)  # noqa: S311 - reproducible, not secret

    @classmethod
    def load(cls, file: Path) -> Context:
        """Reads the session file.

        Raises:
            pytest.UsageError: It isn't there or is of another version.
        """
        try:
            session = msgspec.json.decode(file.read_bytes(), type=Session)
            return cls(session, private=file.absolute().parent)
        except (OSError, msgspec.DecodeError) as error:
            raise pytest.UsageError(
                f"--harness-session {file}: {error}. "
                "Suites are started by `harness run --suite FOLDER`, which writes this file."
            ) from error

    @cached_property
    def writer(self) -> NdjsonWriter:
        """Appends to evidence/suite.ndjson."""
        return NdjsonWriter(self.run.suite_file)

    def record(self, record: SuiteRecord) -> None:
        """Writes one record of this suite as evidence."""
        self.writer.write(record)

    @property
    def cluster(self) -> Cluster:
        """The cluster; tests are never run without one."""
        if self.session.cluster is None:
            raise pytest.UsageError("This session has no cluster: it only collects tests.")
        return self.session.cluster

    @property
    def installation(self) -> Installation:
        """The installed operator."""
        if self.session.installation is None:
            raise pytest.UsageError("This session has no operator: it only collects tests.")
        return self.session.installation

    @property
    def kubeconfig(self) -> Path:
        """The harness identity's."""
        return Path(self.cluster.kubeconfig)

    def installed(self, installation: Installation) -> None:
        """Takes another installation: what a suite has put in the place of the operator."""
        self.session = msgspec.structs.replace(self.session, installation=installation)

    @cached_property
    def client(self) -> KubeClient:
        """The harness identity's client."""
        return KubeClient.from_kubeconfig(self.kubeconfig)

    @cached_property
    def guard(self) -> Guard:
        """The run's guard, by its socket."""
        return Guard.connect(Path(self.session.guard_socket))

    @cached_property
    def audit(self) -> AuditFollower:
        """The audit log so far; each of its lines is read once, however often it is asked."""
        return AuditFollower(self.run)

    @property
    def evidence(self) -> Evidence:
        """Everything recorded so far, read anew but for the audit log, which is read on."""
        return Evidence(self.run, audit=self.audit)

    @property
    def private(self) -> Path:
        """A folder for files that nobody else may read; it goes with the run."""
        if self._private is None:
            raise pytest.UsageError("This session has no private folder.")
        return self._private

    def rule(self, resource: Resource) -> Readiness:
        """Returns the readiness rule that the target declares for a resource."""
        for kind in self.session.target.kinds:
            if kind.resource == resource.key:
                return kind.ready
        return Readiness()


CONTEXT = pytest.StashKey[Context]()
