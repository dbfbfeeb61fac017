"""Needs a cluster, by $KUBECONFIG, in which the operator runs; kubectl asks it."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

BOARD = {
    "apiVersion": "notes.example.org/v1",
    "kind": "Noteboard",
    "metadata": {"name": "board"},
    "spec": {"title": "From a test", "notes": ["one", "two"], "replicas": 2},
}
KUBECTL = shutil.which("kubectl") or "kubectl"


def kubectl(*words: str, given: object = None) -> str:
    done = subprocess.run(
        [KUBECTL, *words],
        input=json.dumps(given) if given else None,
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    name = f"noteboard-e2e-{uuid.uuid4().hex[:6]}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def board(place: str) -> dict[str, Any]:
    kubectl("apply", "--namespace", place, "--filename", "-", given=BOARD)
    kubectl(
        *("wait", "noteboard/board", "--namespace", place),
        *("--for", "condition=Ready", "--timeout", "50s"),
    )
    found: dict[str, Any] = json.loads(
        kubectl("get", "noteboard", "board", "--namespace", place, "--output", "json")
    )
    return found


def test_a_board_shows_its_notes(board: dict[str, Any]) -> None:
    assert board["status"]["shownNotes"] == 2


def test_a_board_is_served_by_its_replicas(board: dict[str, Any]) -> None:
    assert board["status"]["readyReplicas"] == 2
