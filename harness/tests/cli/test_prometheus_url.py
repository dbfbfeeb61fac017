"""The user's Prometheus: an address is checked, and what it holds of secrets goes nowhere."""

from __future__ import annotations

import pytest

from harness.cli import main
from harness.cli.prometheus import checked_url, without_password
from harness.errors import UsageError
from harness.probes.prometheus import secrets_of

_URL = "https://reader:p%40ss-word@monitoring.example:9090/prometheus"


@pytest.mark.parametrize(
    "url",
    [
        "reader:p%40ss-word@monitoring.example:9090",
        "ftp://reader:p%40ss-word@monitoring.example",
        "http://reader:p%40ss-word@",
        "http://reader:p%40ss-word@monitoring.example:port",
        "http://[reader:p%40ss-word@monitoring.example",
        "http://monitoring.example?token=p%40ss-word",
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked_url(url)
    told = f"{caught.value} {caught.value.hint}"
    assert "--prometheus-url" in told
    assert "ss-word" not in told


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9090", "http://[::1]:9090/", _URL])
def test_an_address_is_taken_as_it_is(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize("words", [["--prometheus-url", _URL], [f"--prometheus-url={_URL}"]])
def test_the_command_line_is_kept_without_name_and_password(words: list[str]) -> None:
    kept = " ".join(without_password(["run", *words], _URL))
    assert "https://***@monitoring.example:9090/prometheus" in kept
    assert "ss-word" not in kept
    assert "reader" not in kept


def test_a_command_line_without_secrets_is_kept_whole() -> None:
    words = ["run", "--prometheus-url", "http://127.0.0.1:9090"]
    assert without_password(words, "http://127.0.0.1:9090") == words
    assert without_password(["run"], "") == ["run"]


def test_a_password_is_known_as_it_is_written_and_as_it_is_meant() -> None:
    assert secrets_of(_URL) == ("p%40ss-word", "p@ss-word")
    assert secrets_of("http://127.0.0.1:9090") == ()


def test_one_that_no_suite_asks_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["run", "--suite", "unit", "--target", "guestbook", "--prometheus-url", _URL])
    assert done.value.code == 4
    told = capsys.readouterr().err
    assert "no suite that is chosen asks a Prometheus" in told
    assert "ss-word" not in told
