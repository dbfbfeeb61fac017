"""How much load a soak is: asked for, or half of a knee."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from harness.errors import NotVerified
from harness.model.loadresult import Knee, KneeState
from harness.model.run import RunManifest
from harness.model.time import Stamp
from harness.pytest_plugin.soak.rate import choose_rate, earlier_knee

if TYPE_CHECKING:
    from pathlib import Path

NOW = RunManifest(
    id="now",
    suites=("soak",),
    checks=(),
    target="books",
    twin="",
    cluster="local",
    started=Stamp(mono_ns=1, wall_ns=100),
    harness_version="1",
    seed=7,
)


def knee(per_s: float | None, reason: str = "") -> Knee:
    return Knee(state=KneeState.AT_LEAST, per_s=per_s, low=per_s, high=None, reason=reason)


def earlier(
    folder: Path,
    name: str,
    per_s: float | None,
    *,
    at: int = 50,
    suites: tuple[str, ...] = ("load",),
    target: str = "books",
    twin: str = "",
    cluster: str = "local",
) -> None:
    """Makes a run beside `folder`/now, as far as it is read."""
    run = folder / name
    run.mkdir()
    manifest = {"suites": suites, "target": target, "twin": twin, "cluster": cluster}
    (run / "run.json").write_text(json.dumps({**manifest, "started": {"wall_ns": at}}))
    found = {"per_s": per_s} if per_s else None
    (run / "result.json").write_text(json.dumps({"schema": "x", "load": {"knee": found}}))


def never() -> Knee:
    raise AssertionError("a knee is known")


def test_what_the_user_says_counts_before_any_knee(tmp_path: Path) -> None:
    earlier(tmp_path, "a", 60.0)
    chosen = choose_rate(7.0, folder=tmp_path / "now", manifest=NOW, search=never)
    assert (chosen.per_s, chosen.source) == (7.0, "--rate")


def test_else_it_is_half_of_the_last_knee_and_names_its_run(tmp_path: Path) -> None:
    earlier(tmp_path, "older", 20.0, at=10)
    earlier(tmp_path, "newer", 60.0, at=20)
    earlier(tmp_path, "newest-without-knee", None, at=30)
    chosen = choose_rate(0.0, folder=tmp_path / "now", manifest=NOW, search=never)
    assert chosen.per_s == 30.0
    assert "50% of the knee of 60/s that newer found" in chosen.source


def test_a_knee_of_another_target_twin_cluster_or_suite_says_nothing(tmp_path: Path) -> None:
    earlier(tmp_path, "a", 60.0, target="films")
    earlier(tmp_path, "b", 60.0, twin="hot-loop")
    earlier(tmp_path, "c", 60.0, cluster="kind")
    earlier(tmp_path, "d", 60.0, suites=("soak",))
    assert earlier_knee(tmp_path / "now", NOW) is None


def test_runs_that_are_torn_or_foreign_are_passed_over(tmp_path: Path) -> None:
    earlier(tmp_path, "good", 60.0)
    earlier(tmp_path, "killed", 60.0, at=90)
    (tmp_path / "killed" / "result.json").unlink()
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "run.json").write_text('{"suites": [')
    (tmp_path / "latest").symlink_to("killed")
    assert earlier_knee(tmp_path / "now", NOW) == ("good", 60.0)


def test_where_no_run_has_a_knee_one_is_looked_for_now(tmp_path: Path) -> None:
    chosen = choose_rate(0.0, folder=tmp_path / "now", manifest=NOW, search=lambda: knee(80.0))
    assert chosen.per_s == 40.0
    assert "80/s" in chosen.source


def test_an_operator_that_sustains_nothing_is_not_soaked(tmp_path: Path) -> None:
    with pytest.raises(NotVerified, match="it was slow"):
        choose_rate(
            0.0, folder=tmp_path / "now", manifest=NOW, search=lambda: knee(None, "it was slow")
        )
