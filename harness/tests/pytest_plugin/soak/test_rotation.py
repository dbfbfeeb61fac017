"""When a soak rotates the operator's token, and what it says where it can't."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.clock import FakeClock
from harness.errors import ClusterError, NotVerified
from harness.model.soak import TOKEN
from harness.pytest_plugin.soak import TokenRotation, plan_soak

PLAN = plan_soak(duration=80, rate=1.0, overlap_s=30.0)
SHORT = plan_soak(duration=80, rate=1.0)


class Scripted:
    """An operator, the rotation of its token, and what is disturbed; each act is written down."""

    def __init__(self, *, refuses: str = "", stays: bool = False, why: str = "") -> None:
        self.clock = FakeClock()
        self.acts: list[str] = []
        self.records: list[dict[str, Any]] = []
        self._refuses, self._stays, self._why = refuses, stays, why

    # As an operator

    def rotation(self) -> Scripted:
        if self._refuses:
            raise NotVerified(self._refuses)
        return self

    def restart_for(self, rotation: Scripted) -> None:
        rotation.begin()

    def restart(self) -> None:
        self.acts.append("restart")

    def readiness(self) -> dict[str, Any]:
        return {"ready": True, "reason": ""}

    # As a rotation

    def begin(self) -> None:
        self.acts.append("begin")

    def replace(self) -> None:
        self.acts.append("replace")

    def revoke(self, *, timeout: float) -> float:
        self.acts.append("revoke")
        if self._stays:
            raise ClusterError(f"it is still taken after {timeout:g} s")
        return 0.0

    # As disturbances

    def recover(self) -> tuple[tuple[str, ...], str]:
        return (), ""

    def converges(self, *_: object, **__: object) -> str:
        return self._why

    def not_tried(self, name: str, _: object, cycle: int, why: str) -> None:
        self.records.append({"name": name, "cycle": cycle, "tried": False, "why": why})

    def done(self, name: str, _: object, __: object, cycle: int, **facts: Any) -> None:
        self.records.append({"name": name, "cycle": cycle, "tried": True, **facts})


def rotation(scripted: Scripted, provider: str = "local") -> TokenRotation:
    context = SimpleNamespace(clock=scripted.clock, cluster=SimpleNamespace(provider=provider))
    every: Any = scripted
    return TokenRotation(context, every, every)  # type: ignore[arg-type]  # all that it asks for


def run(made: TokenRotation, cycles: int, plan: Any = PLAN) -> None:
    made.begin(plan)
    for cycle in range(1, cycles + 1):
        made.after(cycle, plan, None, "")  # type: ignore[arg-type]  # not looked at
    made.end()


def test_it_is_replaced_and_revoked_when_it_has_overlapped_long_enough() -> None:
    scripted = Scripted()
    run(rotation(scripted), PLAN.cycles)
    assert scripted.acts == ["begin", "replace", "revoke"]
    (record,) = scripted.records
    assert (record["name"], record["cycle"], record["why"]) == (TOKEN, PLAN.revoked_after, "")
    assert record["overlap_s"] == pytest.approx(30.0)


def test_what_does_not_recover_is_started_anew() -> None:
    scripted = Scripted(why="401")
    run(rotation(scripted), PLAN.cycles)
    assert scripted.acts == ["begin", "replace", "revoke", "restart"]
    assert scripted.records[0]["why"] == "401"


def test_a_short_soak_leaves_the_operator_alone_and_says_so() -> None:
    scripted = Scripted()
    run(rotation(scripted), SHORT.cycles, SHORT)
    assert scripted.acts == []
    assert "25 minutes" in scripted.records[0]["why"]


@pytest.mark.parametrize(
    ("refuses", "provider", "why"),
    [("the kubelet does it", "kind", "the kubelet does it"), ("", "existing", "isn't restarted")],
)
def test_where_it_can_not_be_rotated_the_reason_is_written_down(
    refuses: str, provider: str, why: str
) -> None:
    scripted = Scripted(refuses=refuses)
    run(rotation(scripted, provider), PLAN.cycles)
    assert scripted.acts == []
    assert [why in record["why"] for record in scripted.records] == [True]


def test_a_token_that_is_still_taken_disturbs_nobody() -> None:
    scripted = Scripted(stays=True)
    run(rotation(scripted), PLAN.cycles)
    assert scripted.records[0]["tried"] is False
    assert "still taken" in scripted.records[0]["why"]


@pytest.mark.parametrize(
    ("cycles", "acts"),
    [
        (PLAN.replaced_after - 1, ["begin", "replace", "revoke"]),
        (PLAN.replaced_after, ["begin", "replace", "revoke"]),
    ],
)
def test_a_soak_that_ends_before_leaves_no_token_of_its_own(cycles: int, acts: list[str]) -> None:
    scripted = Scripted()
    run(rotation(scripted), cycles)
    assert scripted.acts == acts
    assert scripted.records == []
