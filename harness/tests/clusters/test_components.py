"""What is told of a component that ended."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from harness.clusters.local.components import Component, component_environment, tail

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def component(tmp_path: Path) -> Component:
    for folder in ("pids", "logs"):
        (tmp_path / folder).mkdir()
    return Component(name="etcd", binary=tmp_path / "etcd", work=tmp_path)


def test_the_tail_of_a_log_is_its_last_lines(component: Component) -> None:
    component.log.write_text("".join(f"{number}\n" for number in range(100_000)))
    assert tail(component.log, 2) == "99998\n99999"
    assert tail(component.work / "absent") == ""


def test_last_words_hold_the_first_lines_where_the_log_is_long(component: Component) -> None:
    component.log.write_text("bad flag\n" + "\n" * 3 + "usage\n" * 40)
    assert component.last_words().startswith("bad flag\n")
    assert "\n…\n" in component.last_words()


def test_last_words_are_the_whole_log_where_it_is_short(component: Component) -> None:
    assert component.last_words() == "(it printed nothing)"
    component.log.write_text("".join(f"{number}\n" for number in range(23)))
    assert component.last_words().splitlines() == [str(number) for number in range(23)]


@pytest.mark.parametrize("before", [1, 400])
def test_last_words_are_said_before_the_stack_of_a_panic(component: Component, before: int) -> None:
    stack = "\ngoroutine 1 [running]:\n" + "main.main()\n\t/src/main.go:31\n" * 30
    component.log.write_text("info\n" * before + "panic: no space left on device\n" + stack)
    said = component.last_words()
    assert said.rstrip().endswith("panic: no space left on device")
    assert "goroutine" not in said


def test_a_component_has_died_when_it_was_started_and_is_gone(component: Component) -> None:
    assert not component.has_died()
    component.pid_file.write_text("999999999")
    assert component.has_died()
    assert not component.is_running()


def test_the_users_own_settings_do_not_reach_kwokctl_and_components(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KWOK_KUBE_VERSION", "KUBECONFIG", "ETCD_NAME"):
        monkeypatch.setenv(name, "theirs")
    env = component_environment(tmp_path)
    assert not {"KWOK_KUBE_VERSION", "KUBECONFIG", "ETCD_NAME"} & set(env)
    assert env["KWOK_WORKDIR"] == str(tmp_path)
    assert "127.0.0.1" in env["NO_PROXY"]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
        yield made


def at_port(work: Path, port: int, pid: int) -> Component:
    (work / "pids").mkdir()
    (work / "pids" / "etcd.pid").write_text(str(pid))
    return Component(name="etcd", binary=Path("etcd"), work=work, port=port)


def test_a_component_serves_where_it_listens_itself(
    tmp_path: Path, listener: socket.socket
) -> None:
    assert at_port(tmp_path, listener.getsockname()[1], os.getpid()).is_serving()


def test_a_stranger_at_its_port_does_not_serve_for_it(
    tmp_path: Path, listener: socket.socket
) -> None:
    assert not at_port(tmp_path, listener.getsockname()[1], os.getppid()).is_serving()


def test_where_processes_are_hidden_whoever_answers_counts(
    tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hidden(*_: object) -> None:
        raise psutil.AccessDenied(os.getpid())

    monkeypatch.setattr(psutil.Process, "net_connections", hidden)
    port = listener.getsockname()[1]
    component = at_port(tmp_path, port, os.getpid())
    assert component.is_serving()
    listener.close()
    assert not component.is_serving()
