"""Whose fault it is that the API server refuses an object."""

from __future__ import annotations

import pytest

from harness.errors import ApiError, ClusterError, InstallFault
from harness.installers.applying import refused
from harness.tests.installers.samples import deployment


@pytest.mark.parametrize(
    "message",
    [
        'deployments.apps "op" is forbidden: User "me" cannot patch resource "deployments"',
        'roles "op" is forbidden: user "me" is attempting to grant RBAC permissions not currently '
        "held: {APIGroups:[]}",
    ],
)
def test_rights_that_we_lack_are_not_the_operators_fault(message: str) -> None:
    error = refused(deployment(), ApiError(message, status=403))
    assert isinstance(error, ClusterError)
    assert "our own identity may not" in str(error)
    assert "context" in error.hint


@pytest.mark.parametrize("status", [403, 422])
def test_what_admission_refuses_is_the_operators_fault(status: int) -> None:
    message = 'pods "op" is forbidden: violates PodSecurity "restricted:latest"'
    error = refused(deployment(), ApiError(message, status=status))
    assert isinstance(error, InstallFault)
    assert error.finding.check == "INS-001"
