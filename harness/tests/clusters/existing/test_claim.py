"""Claims: who keeps one, and when it is left over."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from harness.clusters.existing.claim import Claim, stale_claims
from harness.clusters.existing.cleanup import main, sweep_claims
from harness.command import spawn
from harness.guard.descent import ProcessId, identify
from harness.guard.leftovers import StateRecord, write_private, write_record
from harness.model.resource import Resource

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = b'{"pid":1,"start_ticks":1,"boot":"another","namespace":1}'
"""A process of another life of this machine."""
SILENT = "https://127.0.0.1:9"
CONFIG = (
    b'{"apiVersion":"v1","kind":"Config","current-context":"c",'
    b'"clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:9",'
    b'"insecure-skip-tls-verify":true}}],"users":[{"name":"u","user":{"token":"t"}}],'
    b'"contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}]}'
)


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def claim(state: Path, *, server: str = SILENT) -> Claim:
    return Claim.begin(kubeconfig=CONFIG, context="c", server=server, state_dir=state)


def abandoned(state: Path, **more: str) -> Claim:
    made = claim(state, **more)
    write_private(made.folder / "owner.json", NOBODY)
    return made


def test_its_folder_and_kubeconfig_are_private(tmp_path: Path) -> None:
    made = claim(tmp_path)
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(made.kubeconfig.stat().st_mode) == 0o600
    assert made.ledger is not None
    assert stat.S_IMODE(made.ledger.path.stat().st_mode) == 0o600


def test_the_claim_of_a_run_that_lives_is_left_alone(tmp_path: Path) -> None:
    made = claim(tmp_path)
    assert stale_claims() == ()
    assert sweep_claims() == []
    assert made.folder.is_dir()


def test_an_empty_claim_of_a_killed_run_goes_without_a_word(tmp_path: Path) -> None:
    made = abandoned(tmp_path)
    assert [item.folder for item in stale_claims()] == [made.folder]
    assert sweep_claims() == []
    assert not made.folder.exists()


def test_where_the_cluster_does_not_answer_the_claim_stays_and_says_how_to_give_up(
    tmp_path: Path,
) -> None:
    made = abandoned(tmp_path)
    assert made.ledger is not None
    pods = Resource(group="", version="v1", plural="pods", kind="Pod", namespaced=True)
    made.ledger.ask(pods, "a", "b")
    (told,) = sweep_claims()
    assert "can't be removed now" in told
    assert str(made.folder) in told
    assert main([str(made.folder)]) == 0
    assert made.folder.is_dir()


def test_only_the_cluster_that_is_used_now_is_swept(tmp_path: Path) -> None:
    other = abandoned(tmp_path, server="https://other.example")
    sweep_claims(SILENT)
    assert other.folder.is_dir()


def test_a_claim_that_a_guard_keeps_is_not_left_over(tmp_path: Path) -> None:
    made = abandoned(tmp_path)
    process = spawn(("sleep", "60"), env={"PATH": "/usr/bin:/bin"})
    try:
        guard = identify(process.pid)
        assert isinstance(guard, ProcessId)
        write_record(tmp_path, StateRecord(guard=guard))
        assert not made.is_stale
    finally:
        process.send_signal(9)
        process.wait(10.0)
    assert made.is_stale
