"""Exported logs: what is of use, bounded, without secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.clusters.kind import exports
from harness.clusters.kind.configuration import Paths
from harness.clusters.kind.exports import export_logs
from harness.errors import CommandError

if TYPE_CHECKING:
    from harness.clusters.kind.cluster import HarnessKindCluster

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIBkg0000000000000000000001\n-----END-----\n"


class Exporting:
    """Writes what `kind export logs` writes."""

    def __init__(self, files: dict[str, str], *, fails: bool = False) -> None:
        self._files = files
        self._fails = fails

    def save_logs(self, folder: Path, *, timeout: float) -> None:
        for name, text in self._files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        if self._fails:
            raise CommandError(f"took longer than {timeout:g} s")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(state=tmp_path, audit_log=tmp_path / "a", logs=tmp_path / "logs")
    made.pki.mkdir()
    (made.pki / "ca.key").write_text(KEY)
    return made


def exported(files: dict[str, str], paths: Paths, *, fails: bool = False) -> dict[str, str]:
    cluster: HarnessKindCluster = Exporting(files, fails=fails)  # type: ignore[assignment] # as far as it's used
    return {
        str(path.relative_to(paths.logs)): path.read_text() for path in export_logs(cluster, paths)
    }


def test_logs_of_nodes_and_pods_are_kept_and_descriptions_are_not(paths: Paths) -> None:
    files = {
        "node/kubelet.log": "k",
        "node/journal.log": "j",
        "node/pods/ns_pod_1/app/0.log": "p",
        "node/inspect.json": "{}",
        "docker-info.txt": "x",
    }
    assert exported(files, paths) == {
        "node/kubelet.log": "k",
        "node/journal.log": "j",
        "node/pods/ns_pod_1/app/0.log": "p",
    }
    assert not (paths.state / "export").exists()


def test_no_secret_is_kept(paths: Paths) -> None:
    text = (
        f"got {TOKEN}\nAuthorization: Bearer abcdefghijkl\ntoken: abcdef.0123456789abcdef\n"
        "client-key-data: " + "QUJD" * 20 + f"\n{KEY}fine\n"
    )
    (kept,) = exported({"node/kubelet.log": text}, paths).values()
    for secret in (TOKEN, "abcdefghijkl", "0123456789abcdef", "QUJDQUJD", "MHcCAQEE"):
        assert secret not in kept
    assert "fine" in kept


def test_a_long_log_keeps_its_end(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_FILE_BYTES", 20)
    (kept,) = exported({"node/kubelet.log": "a" * 50 + "\nthe last line"}, paths).values()
    assert kept == "[44 bytes before this]\nthe last line"


def test_there_is_a_limit_to_all_and_the_nodes_own_come_first(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_ALL_BYTES", 10)
    files = {"node/pods/a/b/0.log": "pods", "node/kubelet.log": "0123456789"}
    assert exported(files, paths) == {"node/kubelet.log": "0123456789"}


def test_a_failed_export_keeps_what_there_is(paths: Paths) -> None:
    assert exported({"node/kubelet.log": "k"}, paths, fails=True) == {"node/kubelet.log": "k"}
