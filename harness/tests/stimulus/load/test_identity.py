"""The load generator's token is renewed while there is load, so that a soak outlives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.clock import FakeClock
from harness.errors import ApiError
from harness.kube.client import Token
from harness.stimulus.load.identity import Identity, Renewal

_LIFE_S = 3600.0  # what a server gives at most, whatever is asked for


class Issuer:
    """Gives tokens as an API server that limits their life."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.asked: list[tuple[str, str, int]] = []
        self.away = False

    def token(self, namespace: str, name: str, *, expires_s: int) -> Token:
        if self.away:
            raise ApiError("connection refused", status=0)
        self.asked.append((namespace, name, expires_s))
        return Token(value=f"token-{len(self.asked)}", expires=self.now_s + _LIFE_S)

    @property
    def now_s(self) -> float:
        return self._clock.now().wall_ns / 1e9


class Made:
    """An identity with its token in a file."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.issuer = Issuer(self.clock)
        self.redacted: list[str] = []
        self.file = folder / "load.token"
        self.file.write_text("first")
        identity = Identity(
            namespace="home",
            name="load",
            user="system:serviceaccount:home:load",
            kubeconfig=folder / "load.kubeconfig",
            token_file=self.file,
            token=Token(value="first", expires=self.issuer.now_s + _LIFE_S),
        )
        self.renewal = Renewal(
            self.issuer,  # type: ignore[arg-type]  # all that it needs of a client
            identity,
            clock=self.clock,
            redact=self.redacted.extend,
        )


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def test_a_young_token_stays(made: Made) -> None:
    made.clock.advance(_LIFE_S / 2 - 1)
    made.renewal.when_due()
    assert made.file.read_text() == "first"
    assert not made.issuer.asked


def test_it_is_replaced_again_and_again_once_half_of_its_life_is_over(made: Made) -> None:
    for number in (1, 2, 3):
        made.clock.advance(_LIFE_S / 2 + 1)
        made.renewal.when_due()
        assert made.file.read_text() == f"token-{number}"
    assert {ask[:2] for ask in made.issuer.asked} == {("home", "load")}
    assert made.redacted == ["token-1", "token-2", "token-3"]
    assert made.file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in made.file.parent.iterdir()] == ["load.token"]


def test_a_life_is_asked_for_that_the_longest_phase_does_not_outlast(made: Made) -> None:
    made.clock.advance(_LIFE_S)
    made.renewal.when_due()
    assert made.issuer.asked[0][2] > 24 * 3600


def test_while_the_api_server_is_away_the_old_one_stays(made: Made) -> None:
    made.issuer.away = True
    made.clock.advance(_LIFE_S * 0.6)
    made.renewal.when_due()
    assert made.file.read_text() == "first"
    made.issuer.away = False
    made.renewal.when_due()
    assert made.file.read_text() == "token-1"
