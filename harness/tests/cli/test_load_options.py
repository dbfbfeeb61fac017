"""Options that say what load an operator gets: what can't be meant is refused before a run."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from harness.cli.load import load_settings
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


def test_an_option_that_no_suite_looks_at_is_refused() -> None:
    with pytest.raises(UsageError, match="--rate says what load there shall be"):
        load_settings(["smoke"], given(rate=5.0))


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
