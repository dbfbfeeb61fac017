"""How fast a local cluster is made, ended and put back, beside those that do the like.

Prints a line for each figure: `name value unit goal holds|falls-short`. Rivals take turns in one
run, the order within a pair alternates, and one prober outside of them all says when the end is
reached. An interval in brackets is a 95 % bootstrap interval of the median.

    added-over-kwokctl     `harness cluster up` less `kwokctl create cluster` with the same files;
                           each until its command has returned, /readyz is good, and the default
                           ServiceAccount is there, so that pods may be made
    first-custom-resource  launch until the first custom resource is accepted, through envtest's
    delete                 `harness cluster down`, from launch to return
    restore                a snapshot put back, until a Deployment made after it is Available
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from prober import seconds_since
from rivals import Envtest, Harness, Kwokctl

from harness.assets import Component, resolve
from harness.clock import SYSTEM_CLOCK
from harness.clusters import guard_socket, provider
from harness.clusters.local.components import ASSETS
from harness.command import run
from harness.guard import Guard
from harness.model.cluster import Cluster
from harness.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prober import Prober

    from harness.assets import AssetSet

_RESAMPLES = 10_000
_BUSY = 2.0  # load average from which on figures say more of the machine than of us
_BUILD_S = 900.0


class Bench:
    """The series.

    Args:
        assets: Binaries, the same for all.
        binaries: Folder that holds them.
        envtest: The built rival.
        pairs: How many of each pair.
    """

    def __init__(self, assets: AssetSet, binaries: Path, envtest: Path, pairs: int) -> None:
        self._assets = assets
        self._binaries = binaries
        self._envtest = envtest
        self._pairs = pairs
        self._down: list[float] = []
        self.held = True

    def run(self) -> None:
        """Measures everything and prints the figures."""
        self._ready(Kwokctl(self._assets))  # all files are in memory from here on
        self._ready(Harness(self._binaries))
        self._accepted(Envtest(self._binaries, self._envtest))
        self._down.clear()
        self._beside_kwokctl()
        self._beside_envtest()
        self._say("delete", statistics.median(self._down), "s", 0.5, _interval(self._down))
        restored = self._restores()
        self._say("restore", statistics.median(restored), "s", 6.0, _interval(restored))

    def _beside_kwokctl(self) -> None:
        pairs = self._alternate(
            "harness, kwokctl",
            lambda: self._ready(Harness(self._binaries)),
            lambda: self._ready(Kwokctl(self._assets)),
        )
        added = [ours - theirs for ours, theirs in pairs]
        interval = _interval(added)
        self._say("added-over-kwokctl", statistics.median(added), "s", 0.5, interval)
        self._say("added-over-kwokctl-bound", interval[1], "s", 0.8)

    def _beside_envtest(self) -> None:
        pairs = self._alternate(
            "harness, envtest",
            lambda: self._accepted(Harness(self._binaries)),
            lambda: self._accepted(Envtest(self._binaries, self._envtest)),
        )
        ratios = [ours / theirs for ours, theirs in pairs]
        name = "first-custom-resource"
        self._say(name, statistics.median(ratios), "x", 1.25, _interval(ratios))

    def _alternate(
        self, title: str, ours: Callable[[], float], theirs: Callable[[], float]
    ) -> list[tuple[float, float]]:
        pairs = []
        for number in range(self._pairs):
            if number % 2:
                second = theirs()
                pairs.append((ours(), second))
            else:
                pairs.append((ours(), theirs()))
            _tell(f"{title}: {pairs[-1][0]:.2f} s, {pairs[-1][1]:.2f} s")
        return pairs

    def _ready(self, rival: Harness | Kwokctl) -> float:
        """Returns the seconds until the command has returned and pods may be made."""

        def reach(prober: Prober) -> None:
            prober.await_account(check=rival.check)
            rival.await_returned()

        return self._time(rival, reach)

    def _accepted(self, rival: Harness | Envtest) -> float:
        """Returns the seconds until a custom resource is accepted."""
        return self._time(rival, lambda prober: prober.await_custom_resource(check=rival.check))

    def _time(self, rival: Harness | Kwokctl | Envtest, reach: Callable[[Prober], None]) -> float:
        with rival:
            try:
                rival.launch()
                with closing(rival.prober()) as prober:
                    reach(prober)
                    seconds = rival.seconds()
            finally:
                took = rival.take_down()
            if isinstance(rival, Harness):
                self._down.append(took)
        return seconds

    def _restores(self) -> list[float]:
        with Harness(self._binaries) as ours:
            ours.launch()
            try:
                ours.await_returned()
                with closing(ours.prober()) as prober:
                    return self._restore(ours, prober)
            finally:
                ours.take_down()

    def _restore(self, ours: Harness, prober: Prober) -> list[float]:
        state = ours.state
        if state is None:
            return []
        cluster = msgspec.json.decode((state / "cluster.json").read_bytes(), type=Cluster)
        guard = Guard.connect(guard_socket(cluster))
        local = provider(Settings())
        prober.await_available("before", check=ours.check)
        local.snapshot(cluster, guard, "bench")
        took = []
        for number in range(self._pairs):
            begin = SYSTEM_CLOCK.now().mono_ns
            local.restore(cluster, guard, "bench")
            prober.await_available(f"after-{number}", check=ours.check)
            took.append(seconds_since(begin))
            _tell(f"restore: {took[-1]:.2f} s")
        return took

    def _say(
        self,
        name: str,
        value: float,
        unit: str,
        goal: float,
        interval: tuple[float, float] | None = None,
    ) -> None:
        holds = value <= goal
        self.held &= holds
        shown = f"{value:.2f}"
        if interval is not None:
            shown += f"[{interval[0]:.2f}..{interval[1]:.2f}]"
        print(f"{name} {shown} {unit} <={goal:g} {'holds' if holds else 'falls-short'}", flush=True)


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """Returns the 95 % bootstrap interval of the median."""
    rng = random.Random(1)  # noqa: S311 - the same interval from the same values
    medians = sorted(
        statistics.median(rng.choices(values, k=len(values))) for _ in range(_RESAMPLES)
    )
    return medians[int(_RESAMPLES * 0.025)], medians[int(_RESAMPLES * 0.975)]


def _build(folder: Path) -> Path:
    source = Path(__file__).with_name("envtest")
    program = folder / "envtest"
    run(("go", "build", "-o", program, "."), cwd=source, timeout=_BUILD_S)
    return program


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Runs the benchmark; returns 1 where a goal isn't met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=20, help="how many of each (default: 20)")
    pairs = parser.parse_args().pairs
    load = os.getloadavg()[0]
    if load > _BUSY:
        _tell(f"The machine is busy (load average {load:.1f}): trust ratios only.")
    assets = resolve(tuple(Component(name) for name in ASSETS), on_progress=_tell)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        binaries = assets.link(Path(folder) / "bin")
        bench = Bench(assets, binaries, _build(Path(folder)), pairs)
        bench.run()
    return 0 if bench.held else 1


if __name__ == "__main__":
    sys.exit(main())
