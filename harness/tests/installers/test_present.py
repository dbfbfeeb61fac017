"""An operator that is there already: when that can be, and how it's found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import ApiError, NotVerified, TargetError, UsageError
from harness.installers import choose_way
from harness.installers.present import PresentControl, PresentInstaller
from harness.model.installation import Installation, InstallWay, Workload
from harness.model.target import Install, Kind, Target, Twin, WorkloadSpec
from harness.settings import Timeouts
from harness.tests.installers.samples import deployment

if TYPE_CHECKING:
    from collections.abc import Sequence


class _List:
    def __init__(self, items: Sequence[dict[str, Any]]) -> None:
        self.items = list(items)


class Deployments:
    """The part of a client that looks for Deployments; serves the target's kind, if asked to."""

    def __init__(self, *found: dict[str, Any], serves: bool = True) -> None:
        self.found = found
        self.serves = serves

    def resource(self, key: str) -> str:
        if key == "things.example.org" and not self.serves:
            raise ApiError("nothing of that name", status=404)
        return key

    def find(self, _: str, name: str, namespace: str) -> dict[str, Any] | None:
        named = self.list("deployments.apps", fields=f"metadata.name={name}").items
        return next((item for item in named if item["metadata"]["namespace"] == namespace), None)

    def list(self, resource: str, *_: str, fields: str = "", **__: str) -> _List:
        name = fields.partition("=")[2]
        assert resource == "deployments.apps"
        return _List([item for item in self.found if item["metadata"]["name"] == name])


def target(**workload: Any) -> Target:
    return Target(
        name="op",
        folder="/nowhere",
        install=Install(present=True),
        kinds=(Kind(resource="things.example.org", samples=()),),
        workloads=(WorkloadSpec(deployment="op", **workload),),
    )


def install(client: Deployments, wanted: Target) -> None:
    made: Any = None  # what it doesn't come to
    PresentInstaller(
        target=wanted,
        cluster=made,
        client=client,  # type: ignore[arg-type]  # all that is asked here
        guard=made,
        run=made,
        assets=made,
        timeouts=Timeouts(),
        on_progress=lambda _: None,
    ).install(())


def test_it_can_be_present_in_an_existing_cluster_only() -> None:
    assert choose_way(cluster="existing", wish="", present=True) is InstallWay.PRESENT
    for cluster in ("local", "kind"):
        with pytest.raises(UsageError, match="is empty") as error:
            choose_way(cluster=cluster, wish="", present=True)
        assert "--cluster existing" in error.value.hint


def test_what_is_present_is_not_installed_in_another_way() -> None:
    with pytest.raises(UsageError, match="--install process"):
        choose_way(cluster="existing", wish="process", present=True)


def test_a_deployment_that_is_not_there_is_told() -> None:
    with pytest.raises(TargetError, match="no Deployment 'op'") as error:
        install(Deployments(), target())
    assert "--context" in error.value.hint


def test_a_name_that_is_there_twice_needs_a_namespace() -> None:
    both = (deployment(namespace="a"), deployment(namespace="b"))
    with pytest.raises(TargetError, match="several namespaces: a, b") as error:
        install(Deployments(*both), target())
    assert "workloads[].namespace" in error.value.hint
    with pytest.raises(TargetError, match="in namespace c"):
        install(Deployments(*both), target(namespace="c"))


def test_a_kind_that_is_not_served_is_told() -> None:
    client = Deployments(deployment(), serves=False)
    client.list = lambda *_, **__: _List([deployment()])  # type: ignore[method-assign]  # pods too
    with pytest.raises(TargetError, match=r"doesn't serve things\.example\.org"):
        install(client, target())


def test_no_defect_can_be_switched_on() -> None:
    twin = Twin(name="t", title="t", expect=())
    made = Target(
        name="op", folder="/", install=Install(present=True), kinds=target().kinds, twin=twin
    )
    with pytest.raises(TargetError, match="can't be switched on"):
        PresentInstaller.preflight(made, ())
    PresentInstaller.preflight(target(), ())


@pytest.mark.parametrize(
    "act", ["restart", "stop", "kill", "start", "pause", "resume", "start_replica", "rotation"]
)
def test_what_would_touch_it_is_not_verified(act: str) -> None:
    workload = Workload(name="op", namespace="ns", service_account="system:serviceaccount:ns:op")
    control = PresentControl(
        installation=Installation(namespace="ns", workloads=(workload,), way=InstallWay.PRESENT),
        cluster=None,  # type: ignore[arg-type]  # not asked
        client=None,  # type: ignore[arg-type]  # likewise
    )
    with pytest.raises(NotVerified, match="was there before"):
        getattr(control, act)()
    assert control.log_tail() == ()
    assert control.status() == ()
