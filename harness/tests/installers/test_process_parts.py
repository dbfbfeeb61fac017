"""Control groups, tokens, leases and probes of a process."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.clock import FakeClock
from harness.installers.process import cgroups, refresher
from harness.installers.process.files import (
    LaunchFile,
    read_launch_file,
    replace_file,
    write_launch_file,
)
from harness.installers.process.health import probe, speaks_tls
from harness.installers.process.leadership import holder_of, lease_name, other_holder
from harness.installers.process.refresher import RefreshSpec, due_in
from harness.tests.installers.samples import container
from harness.tests.installers.test_plan import instance

LIMITED = container(resources={"limits": {"cpu": "500m", "memory": "128Mi"}})


def test_limits_of_version_1_are_quota_and_bytes(tmp_path: Path) -> None:
    paths = ("/sys/fs/cgroup/cpu/x", "/sys/fs/cgroup/memory/x")
    made = cgroups.limits(instance(tmp_path, cgroups=paths), LIMITED)
    assert [group.files for group in made] == [
        {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"},
        {"memory.limit_in_bytes": "134217728"},
    ]


def test_limits_of_version_2_are_in_one_group(tmp_path: Path) -> None:
    made = cgroups.limits(instance(tmp_path, cgroups=("/sys/fs/cgroup/a/x",)), LIMITED)
    assert [group.files for group in made] == [
        {"cpu.max": "50000 100000", "memory.max": "134217728"}
    ]


def test_without_limits_nothing_is_wanted() -> None:
    assert cgroups.wanted(container()) == {}


def test_version_2_is_usable_where_controllers_are_handed_down(tmp_path: Path) -> None:
    (tmp_path / "user" / "own").mkdir(parents=True)
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    (tmp_path / "user" / "cgroup.subtree_control").write_text("cpu memory pids")
    (found,) = cgroups.usable("op", root=tmp_path, own="0::/user/own\n")
    assert Path(found).parent == tmp_path / "user"
    (tmp_path / "user" / "cgroup.subtree_control").write_text("pids")
    assert cgroups.usable("op", root=tmp_path, own="0::/user/own\n") == ()


def test_version_1_needs_both_controllers(tmp_path: Path) -> None:
    (tmp_path / "cpu" / "a").mkdir(parents=True)
    (tmp_path / "memory" / "b").mkdir(parents=True)
    table = "2:cpu,cpuacct:/a\n1:memory:/b\n0::/\n"
    assert len(cgroups.usable("op", root=tmp_path, own=table)) == 2
    assert cgroups.usable("op", root=tmp_path, own="2:cpu:/a\n") == ()


def test_groups_of_harnesses_that_are_gone_are_swept(tmp_path: Path) -> None:
    for name in ("harness-999999999-op", "harness-1-op", "other"):
        (tmp_path / name).mkdir()
    cgroups.sweep([str(tmp_path / "harness-2-op")])
    assert {path.name for path in tmp_path.iterdir()} == {"harness-1-op", "other"}


def token(*, iat: float, exp: float) -> str:
    claims = json.dumps({"iat": iat, "exp": exp, "sub": "x"}).encode()
    return f"head.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.signature"


def test_a_token_is_due_at_four_fifths_of_its_life() -> None:
    made = token(iat=1000, exp=4600)
    assert due_in(made, now_s=1000) == pytest.approx(2880)
    assert due_in(made, now_s=3880) == 0
    assert due_in(made, now_s=9999) == 0


@pytest.mark.parametrize("text", ["", "a.b", "a.!!!.c", "a.e30.c"])
def test_a_token_that_cannot_be_read_is_due(text: str) -> None:
    assert due_in(text, now_s=0) == 0


def test_the_refresher_rests_until_due_and_then_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Over(Exception):
        pass

    file = tmp_path / "token"
    clock = FakeClock()
    now = clock.now().wall_ns / 1e9
    file.write_text(token(iat=now, exp=now + 100))
    spec = RefreshSpec(
        kubeconfig="",
        guard="",
        namespace="ns",
        service_account="op",
        pod="op",
        pod_uid="u",
        files=(str(file),),
    )
    asked: list[float] = []

    def refresh(given: RefreshSpec) -> None:
        asked.append(clock.now().wall_ns / 1e9 - now)
        assert given == spec
        raise Over

    monkeypatch.setattr(refresher, "refresh", refresh)
    path = tmp_path / "spec.json"
    path.write_bytes(msgspec.json.encode(spec))
    with pytest.raises(Over):
        refresher.main([str(path)], clock=clock)
    assert asked == [pytest.approx(80)]


def lease(holder: str, renewed: str = "2026-01-01T00:00:10.000000Z") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "ns", "name": "op"},
        "spec": {"holderIdentity": holder, "renewTime": renewed},
    }


def test_the_holder_is_known_by_its_host_name_once_it_has_renewed(tmp_path: Path) -> None:
    second = 1_767_225_600 * 10**9  # 2026-01-01T00:00:00Z
    made = instance(tmp_path, started_ns=second)
    assert holder_of(lease("op-abc_1234"), [made]) == "op"
    assert holder_of(lease("op-xyz_1234"), [made]) == ""
    assert holder_of(lease(""), [made]) == ""
    restarted = msgspec.structs.replace(made, started_ns=second + 11 * 10**9)
    assert holder_of(lease("op-abc_1234"), [restarted]) == ""


def test_a_lease_of_the_operator_in_other_hands_is_said() -> None:
    assert lease_name(lease("x")) == "ns/op"
    assert other_holder(lease("x"), ["ns/op"]) == "; ns/op is held by x"
    assert other_holder(lease("x"), ["ns/other"]) == ""


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/good" else 500)
        self.end_headers()
        self.wfile.write(b"[-]caches not synced")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_probe_tells_what_was_said_instead() -> None:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        assert probe(f"http://127.0.0.1:{port}/good") == ""
        assert probe(f"tcp://127.0.0.1:{port}") == ""
        assert probe(f"http://127.0.0.1:{port}/bad") == "500: [-]caches not synced"
        assert probe(f"https://127.0.0.1:{port}/good") != ""
        assert speaks_tls(port) is False
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "refused" in probe(f"http://127.0.0.1:{port}/good")
    assert speaks_tls(port) is None


def test_files_are_replaced_whole_and_privately(tmp_path: Path) -> None:
    path = tmp_path / "token"
    replace_file(path, b"one")
    with path.open("rb") as old:
        replace_file(path, b"two")
        assert old.read() == b"one"
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_launch_file_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "launch.json"
    launch = LaunchFile(instances=(instance(tmp_path),), leases=("ns/op",), path="/bin")
    write_launch_file(path, launch)
    assert read_launch_file(path) == launch
    assert path.stat().st_mode & 0o777 == 0o600
