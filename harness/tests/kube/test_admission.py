"""From when on custom resources may own what an operator makes for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from harness.kube.admission import may_own
from harness.kube.client import KubeClient
from harness.tests.kube.scripted import answer, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.kube.connection import Connection
    from harness.tests.kube.scripted import ScriptedServer

    Serve = Callable[..., tuple[ScriptedServer, Connection]]

UNKNOWN = (
    'configmaps "harness-x" is forbidden: cannot set blockOwnerDeletion in this case because '
    "cannot find RESTMapping for APIVersion toys.example.org/v1 Kind Toy: no matches for kind"
)
NO_RIGHT = (
    'configmaps "harness-x" is forbidden: cannot set blockOwnerDeletion if an ownerReference '
    "refers to a resource you can't set finalizers on"
)


def test_a_kind_that_admission_does_not_know_yet_may_not_own(serve: Serve) -> None:
    _, connection = serve(status(403, "Forbidden", UNKNOWN))
    assert not may_own(KubeClient(connection), "toys.example.org/v1", "Toy")


@pytest.mark.parametrize(
    "told",
    [status(403, "Forbidden", NO_RIGHT), answer({}, code=201), status(500, "", "a webhook failed")],
    ids=["known, but not for this account", "not enforced", "something else stands in the way"],
)
def test_any_other_answer_does_not_hold_a_run_up(serve: Serve, told: object) -> None:
    _, connection = serve(told)
    assert may_own(KubeClient(connection), "toys.example.org/v1", "Toy")


def test_nothing_is_made_and_it_is_not_asked_as_an_administrator(serve: Serve) -> None:
    server, connection = serve(status(403, "Forbidden", NO_RIGHT))
    may_own(KubeClient(connection), "toys.example.org/v1", "Toy")
    asked = server.requests[0]
    assert asked.query == {"dryRun": "All"}
    assert asked.headers["Impersonate-User"].startswith("system:serviceaccount:")
    owner = json.loads(asked.body)["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["blockOwnerDeletion"]) == ("Toy", True)
