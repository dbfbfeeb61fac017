"""The same target comes to the same verdict, and uses the same permissions, on both clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness import command
from harness.model.findings import Status
from harness.model.verdict import Verdict
from harness.tests.runner.kind.permissions import DIFFERENCES, used
from harness.tests.runner.running import Finished, Home, Runs

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.kind,
    pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operators"),
    pytest.mark.skipif(command.which("docker") is None, reason="needs Docker, for kind"),
]

TARGETS = ("guestbook", "application", "imoocpod", "podtato-head", "reference")
CLUSTERS = ("local", "kind")

_PATIENT = (
    *("--timeout", "cluster=300", "--timeout", "ready=180"),
    *("--timeout", "converge=180", "--timeout", "delete=180", "--timeout", "silence=5"),
)
_WITHIN_S = 900.0


def smoke(target: str, cluster: str) -> Callable[[Home], Any]:
    return lambda home: home.run("--cluster", cluster, *_PATIENT, target=target).finish(
        within=_WITHIN_S
    )


SCENARIOS = {
    f"{target} on {cluster}": smoke(target, cluster) for target in TARGETS for cluster in CLUSTERS
}


@pytest.fixture(params=TARGETS)
def pair(request: pytest.FixtureRequest, runs: Runs) -> tuple[str, Finished, Finished]:
    """A target's name, and its runs on local and on kind."""
    local, kind = (runs[f"{request.param} on {cluster}"] for cluster in CLUSTERS)
    return request.param, local, kind


def statuses(run: Finished) -> dict[str, Status]:
    return {item.check.id: item.status for item in run.result.checks}


def test_it_passes_on_kind_as_users_install_it(pair: tuple[str, Finished, Finished]) -> None:
    _, _, kind = pair
    assert kind.exit_code == 0, kind.stdout + kind.stderr
    assert kind.result.verdict is Verdict.PASS
    assert kind.result.errors == ()


def test_each_check_comes_to_the_same(pair: tuple[str, Finished, Finished]) -> None:
    _, local, kind = pair
    assert kind.result.verdict is local.result.verdict
    shared = statuses(local).keys() & statuses(kind).keys()
    assert shared, "both judge the same suite"
    assert {check: statuses(kind)[check] for check in shared} == {
        check: statuses(local)[check] for check in shared
    }


def test_it_uses_the_same_permissions(pair: tuple[str, Finished, Finished]) -> None:
    name, local, kind = pair
    assert used(kind.evidence), "the audit log shows what it does"
    differing = used(local.evidence) ^ used(kind.evidence)
    assert differing <= set(DIFFERENCES.get(name, {}))


def test_nothing_of_it_is_left(pair: tuple[str, Finished, Finished]) -> None:
    _, _, kind = pair
    kind.home.await_quiet()
    assert kind.home.files() == []
