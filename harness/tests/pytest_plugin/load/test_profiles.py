"""What lies between the profiles of one run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from harness.clock import FakeClock
from harness.pytest_plugin.load import profiles
from harness.pytest_plugin.load.profiles import Profiles

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("before", "done"), [(("steady-warm-up", "steady"), ["clear steady", "burst"]), ((), ["burst"])]
)
def test_a_burst_begins_without_the_objects_of_a_steady_phase(
    monkeypatch: pytest.MonkeyPatch, before: Sequence[str], done: list[str]
) -> None:
    did: list[str] = []

    def clear_up(*_: object, profile: str, **__: object) -> bool:
        did.append(f"clear {profile}")
        return True

    monkeypatch.setattr(profiles, "clear_up", clear_up)
    load = SimpleNamespace(
        settings=SimpleNamespace(burst=0),
        phases=[SimpleNamespace(name=name, profile="steady") for name in before],
        run=lambda name, *_, **__: did.append(name),
    )
    context = SimpleNamespace(clock=FakeClock(), timeouts=SimpleNamespace(delete=60.0))
    Profiles(load, context).burst()  # type: ignore[arg-type]
    assert did == done
