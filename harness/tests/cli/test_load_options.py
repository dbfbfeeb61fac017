"""Options that say what load an operator gets: what can't be meant is refused before a run."""

from __future__ import annotations

import socket
from typing import Any

import click
import pytest
from click.testing import CliRunner

from harness.cli.compare import compare
from harness.cli.load import load_settings
from harness.cli.run import run
from harness.errors import UsageError

NONE = dict.fromkeys(
    f"load_{name}"
    for name in ("profile", "rate", "duration", "burst", "objects", "mix", "workers", "ui")
)


def given(**options: Any) -> dict[str, Any]:
    return NONE | {f"load_{name}": value for name, value in options.items()}


def test_a_mix_is_read_in_the_order_of_operations() -> None:
    settings, rest = load_settings(["load"], given(mix="update=3,create=1") | {"other": 1})
    assert settings.mix == (1.0, 3.0, 0.0, 0.0)
    assert rest == {"other": 1}


@pytest.mark.parametrize("mix", ["create", "create=x", "create=-1", "make=1", "create=0"])
def test_a_mix_that_says_nothing_is_refused(mix: str) -> None:
    with pytest.raises(UsageError, match=f"--mix {mix}"):
        load_settings(["load"], given(mix=mix))


@pytest.mark.parametrize("suite", ["unit", "smoke", "integration", "scope"])
def test_an_option_that_no_suite_looks_at_is_refused(suite: str) -> None:
    with pytest.raises(UsageError, match="--rate says what load there shall be"):
        load_settings([suite], given(rate=5.0))


@pytest.mark.parametrize(
    "options", [{"profile": "knee"}, {"burst": 5}, {"objects": 50}, {"mix": "create=1"}]
)
def test_what_a_soak_does_not_look_at_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="the suite soak doesn't look at it"):
        load_settings(["soak"], given(**options))


@pytest.mark.parametrize(
    ("profile", "options"),
    [
        ("burst", {"rate": 5.0}),
        ("burst", {"duration": 5.0}),
        ("knee", {"mix": "create=1"}),
        ("steady", {"burst": 5}),
        (None, {"objects": 50}),
        ("growth", {"mix": "create=1"}),
    ],
)
def test_what_a_profile_does_not_look_at_is_refused(
    profile: str | None, options: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match=f"--{next(iter(options))}: .* doesn't look at it"):
        load_settings(["load"], given(profile=profile, **options))


def test_more_arrivals_than_a_phase_may_have_are_refused_before_a_run() -> None:
    with pytest.raises(UsageError, match="are 8,640,000 arrivals"):
        load_settings(["load"], given(profile="steady", rate=100.0, duration=86_400.0))
    load_settings(["load"], given(profile="knee", rate=100.0, duration=86_400.0))
    load_settings(["soak"], given(rate=100.0, duration=86_400.0))


def test_what_one_of_several_suites_may_look_at_is_taken() -> None:
    assert load_settings(["soak", "load"], given(burst=5))[0].burst == 5
    assert load_settings(["smoke", "soak"], given(rate=5.0, workers=2))[0].rate == 5.0
    assert load_settings(["./mine"], given(profile="knee", objects=50))[0].objects == 50


@pytest.mark.parametrize("command", [run, compare])
@pytest.mark.parametrize(
    ("rate", "told"),
    [("nan", "such as 5 or 0.5"), ("x", "such as 5 or 0.5"), ("0", "range"), ("inf", "range")],
)
def test_a_rate_that_is_no_number_of_arrivals_is_refused_with_what_is_one(
    command: click.Command, rate: str, told: str
) -> None:
    option = next(one for one in command.params if one.name in {"rate", "load_rate"})
    with click.Context(command) as context, pytest.raises(click.BadParameter, match=told):
        option.type_cast_value(context, rate)


def test_a_time_out_that_is_no_number_is_refused() -> None:
    words = ["--suite", "smoke", "--target", "guestbook", "--timeout", "converge=nan"]
    with pytest.raises(UsageError, match="it must be more than 0 seconds"):
        CliRunner().invoke(run, words, catch_exceptions=False)


def test_the_web_ui_is_served_on_this_machine_alone_unless_asked() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert load_settings(["load"], given(ui=str(port)))[0].ui == f"127.0.0.1:{port}"
    assert load_settings(["load"], given(ui=f"localhost:{port}"))[0].ui == f"localhost:{port}"


@pytest.mark.parametrize("address", ["x", "127.0.0.1:", "127.0.0.1:0", "70000"])
def test_an_address_without_a_port_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is no port"):
        load_settings(["load"], given(ui=address))


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"nothing can be served on 127.0.0.1:{port}"):
            load_settings(["load"], given(ui=str(port)))
