"""What is told of a component that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.clusters.local.components import Component, component_environment, tail

if TYPE_CHECKING:
    from pathlib import Path


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
