"""The options by which people say what load an operator gets."""

from __future__ import annotations

import math
import re
import socket
from typing import TYPE_CHECKING, Any

import click

from harness.errors import UsageError
from harness.model.load import MOST_ARRIVALS
from harness.settings import LoadSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Duration", "Rate", "load_options", "load_settings"]

_UI = "127.0.0.1:8089"
_LAST_PORT = 65_535
_OPERATIONS = ("create", "update", "no-op", "delete")
_MOST = 1e6
_TIME = re.compile(r"(\d+(?:\.\d+)?)([smh]?)")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_LONGEST = 86_400
_OF = {
    "profile": "load_profile",
    "rate": "load_rate",
    "duration": "load_duration",
    "burst": "load_burst",
    "objects": "load_objects",
    "mix": "load_mix",
    "workers": "load_workers",
    "ui": "load_ui",
}
"""Names of the settings, and of click's parameters."""
_WITHOUT = frozenset({"unit", "smoke", "integration", "scope"})  # suites that generate no load
_ONE_PHASE = frozenset({"steady", "churn"})  # of the rate for the time
_ALWAYS = frozenset({"workers", "ui"})
_SOAK = frozenset({"rate", "duration"})
_PROFILES = {
    "": frozenset({"rate", "duration", "burst", "mix"}),
    "burst": frozenset({"burst"}),
    "steady": frozenset({"rate", "duration", "mix"}),
    "ramp": frozenset({"rate", "duration", "mix"}),
    "churn": frozenset({"rate", "duration", "mix"}),
    "knee": frozenset({"rate", "duration"}),
    "growth": frozenset({"rate", "duration", "objects"}),
}
"""What each profile looks at; without a name, the default."""


class Rate(click.FloatRange):
    """Arrivals a second; `nan`, which is in no range and outside of none, is refused, too."""

    name = "rate"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=100_000)

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's own
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Returns arrivals a second."""
        try:
            known = not math.isnan(float(value))
        except ValueError:
            known = False
        if not known:
            self.fail(f"{value!r} is no number of arrivals a second, such as 5 or 0.5.", param, ctx)
        rate: float = super().convert(value, param, ctx)
        return rate


class Duration(click.ParamType[float]):
    """Seconds, from a number with or without a unit."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Returns seconds."""
        match = _TIME.fullmatch(str(value))
        seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
        if not 1 <= seconds <= _LONGEST:
            self.fail(f"{value!r} is no time from 1s to 24h, such as 90, 5m or 8h.", param, ctx)
        return seconds


def _count(
    name: str, least: int, most: int, words: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns the option of a whole number."""
    number = click.IntRange(min=least, max=most)
    return click.option(f"--{name}", f"load_{name}", type=number, metavar="N", help=words)


_OPTIONS = (
    click.option(
        "--profile",
        "load_profile",
        type=click.Choice(["burst", "steady", "ramp", "churn", "knee", "growth"]),
        help="What load: many at once, a constant rate, a rising one, creates with updates and "
        "deletes, the search for the highest rate that is sustained, or updates on ever more "
        "objects. Default: knee, then two minutes at 70 % of it, then a burst.",
    ),
    click.option(
        "--rate",
        "load_rate",
        type=Rate(),
        metavar="N",
        help="Arrivals a second: of steady, churn and growth, at the end of a ramp, at the begin "
        "of the search for the knee.",
    ),
    click.option(
        "--duration",
        "load_duration",
        type=Duration(),
        metavar="TIME",
        help="How long steady, ramp and churn last, a soak, and each size of growth; at most, for "
        "the search for the knee. Seconds, or with a unit: 90, 5m, 8h.",
    ),
    _count("burst", 1, 1_000_000, "How many arrive at once in a burst."),
    _count(
        "objects",
        20,
        1_000_000,
        "The last size of growth, each the double of the one before: so many custom resources, "
        "then as many unrelated objects. Default: 1600.",
    ),
    click.option(
        "--mix",
        "load_mix",
        metavar="SHARES",
        help="What arrives in steady, ramp and churn, for example create=1,update=3,delete=1; "
        "no-op is an update that changes nothing.",
    ),
    _count(
        "workers",
        1,
        64,
        "Processes that generate the load: Locust's master and so many workers. Default: one "
        "process that is both.",
    ),
    click.option(
        "--ui",
        "load_ui",
        is_flag=False,
        flag_value=_UI,
        metavar="[HOST:]PORT",
        help=f"Serve Locust's web UI while there is load; alone on {_UI}.",
    ),
)


def load_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def load_settings(
    suites: Sequence[str], given: Mapping[str, Any]
) -> tuple[LoadSettings, dict[str, Any]]:
    """Returns the settings, and what was given beside them.

    Args:
        suites: As the user named them; none of them may be without load.
        given: click's parameters.

    Raises:
        UsageError: An option is given that no suite looks at, or an address can't be used.
    """
    asked = {name: given[key] for name, key in _OF.items() if given[key] is not None}
    rest = {key: value for key, value in given.items() if key not in _OF.values()}
    if asked and all(suite in _WITHOUT for suite in suites):
        raise UsageError(
            f"--{next(iter(asked))} says what load there shall be, and no suite that is chosen "
            "generates any.",
            hint="Add --suite load.",
        )
    _refuse_vain(suites, asked)
    _refuse_endless(asked)
    if "ui" in asked:
        asked["ui"] = _address(asked["ui"])
    if "mix" in asked:
        asked["mix"] = _mix(asked["mix"])
    return LoadSettings(**asked), rest


def _refuse_vain(suites: Sequence[str], asked: Mapping[str, Any]) -> None:
    """Refuses an option that nobody looks at; what a suite of the user's looks at, isn't known.

    Raises:
        UsageError: Names the first.
    """
    profile = asked.get("profile", "")
    known = {"load": _PROFILES[profile] | {"profile"}, "soak": _SOAK}
    if not _WITHOUT.union(known).issuperset(suites):
        return
    looked_at = _ALWAYS.union(*(known[suite] for suite in suites if suite in known))
    vain = next((name for name in asked if name not in looked_at), "")
    if not vain:
        return
    if "load" not in suites:
        raise UsageError(
            f"--{vain}: the suite soak doesn't look at it.",
            hint=f"It looks at --{', --'.join(sorted(_SOAK | _ALWAYS))}.",
        )
    others = [f"--profile {name}" if name else "no --profile" for name in _PROFILES]
    those = [words for words, of in zip(others, _PROFILES.values(), strict=True) if vain in of]
    chosen = f"--profile {profile}" if profile else "a load without --profile"
    raise UsageError(
        f"--{vain}: {chosen} doesn't look at it.", hint=f"What does: {', '.join(those)}."
    )


def _refuse_endless(asked: Mapping[str, Any]) -> None:
    """Refuses more arrivals than a phase may have; a search for the knee and a soak have many.

    Raises:
        UsageError: It would only be found when the cluster is there.
    """
    count = asked.get("rate", 0.0) * asked.get("duration", 0.0)
    if asked.get("profile") in _ONE_PHASE and count > MOST_ARRIVALS:
        raise UsageError(
            f"--rate {asked['rate']:g} for --duration {asked['duration']:g} s are {count:,.0f} "
            f"arrivals, and one phase has {MOST_ARRIVALS:,} at most.",
            hint="Lower the rate, or shorten the phase.",
        )


def _mix(text: str) -> tuple[float, ...]:
    shares = dict.fromkeys(_OPERATIONS, 0.0)
    for part in text.split(","):
        name, _, number = part.partition("=")
        try:
            share = float(number)
        except ValueError:
            share = -1.0
        if name not in shares or not 0 <= share < _MOST:
            raise UsageError(
                f"--mix {text}: {part!r} is no share.",
                hint=f"Shares are NAME=NUMBER, of {', '.join(shares)}: create=1,update=3.",
            )
        shares[name] = share
    if not any(shares.values()):
        raise UsageError(f"--mix {text}: one share must be more than 0.")
    return tuple(shares.values())


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not port.isdigit() or not 0 < int(port) <= _LAST_PORT:
        raise UsageError(f"--ui {text}: {port!r} is no port.", hint=f"For example --ui {_UI}.")
    host = host or "127.0.0.1"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            raise UsageError(
                f"--ui {text}: nothing can be served on {host}:{port}: {error.strerror or error}.",
                hint="Name a free port of this machine.",
            ) from error
    return f"{host}:{port}"
