"""A soak as a real run gives it, for the tests of the page."""

from __future__ import annotations

from harness.model.soak import API_SERVER, TOKEN, Disturbance
from harness.model.soakresult import (
    GrowingSite,
    InventoryChange,
    LeakVerdict,
    LeftKind,
    SoakResult,
    SoakSignal,
)
from harness.model.time import Span, Stamp
from harness.tests.reporting.parts import HOSTILE

__all__ = ["SOAK", "signal"]

_KIB = 1 << 10


def signal(name: str, unit: str, values: tuple[float, ...], **changes: object) -> SoakSignal:
    """Returns a signal of which two cycles are warm-up and that doesn't leak."""
    facts: dict[str, object] = {
        "slope": 0.0,
        "low": -1.0,
        "high": 1.0,
        "p": 0.5,
        "adjusted_p": 0.5,
        "noise": 1.0,
        "autocorrelation": 0.0,
        "growth": 0.0,
        "detectable": 4.0,
        "matters": 3.0,
        "verdict": LeakVerdict.NO_LEAK,
        "sentence": f"{name} doesn't leak more than that: a growth of 4 would have shown",
        "subject": "manager",
        "warm_up": 2,
    }
    return SoakSignal(name=name, unit=unit, values=values, **{**facts, **changes})  # type: ignore[arg-type] # checked where it is made


_START = Stamp(mono_ns=1, wall_ns=1)
_SPAN = Span(start=_START, end=_START)
_HEAP = tuple(float(_KIB * (4000 + 200 * cycle)) for cycle in range(16))

SOAK = SoakResult(
    cycles=16,
    planned=16,
    reconciles=2000,
    objects=700,
    signals=(
        signal(
            "live heap",
            "B",
            _HEAP,
            slope=200.0 * _KIB,
            low=190.0 * _KIB,
            high=210.0 * _KIB,
            growth=2800.0 * _KIB,
            detectable=100.0 * _KIB,
            each_reconcile=(1433.6, 1361.9, 1505.3),
            verdict=LeakVerdict.LEAK,
            sentence=f"live heap leaks: it grew by 2.73 MiB over 14 cycles {HOSTILE}",
        ),
        signal("goroutines", "1", (47.0,) * 16),
    ),
    beside=(signal("RSS", "B", _HEAP[:5], detectable=None),),
    sites=(
        GrowingSite(
            kind="live heap",
            subject="manager",
            growth=2800.0 * _KIB,
            unit="B",
            function=f"main.leak {HOSTILE}",
            place="/src/main.go:7",
            first=3,
            last=16,
            stack=("runtime.malg", f"main.leak {HOSTILE}", "main.reconcile", "main.worker"),
        ),
    ),
    left=(
        LeftKind(
            kind="ConfigMap",
            resource="configmaps",
            count=2,
            names=("ns/a", f"ns/{HOSTILE}"),
            cause="orphan",
            how="by the audit log",
            created=700,
            write="create /api/v1/configmaps",
            line=7,
        ),
    ),
    inventory=(
        InventoryChange(resource="configmaps", before=1_214, after=1_216, came=2, went=0),
        InventoryChange(resource=f"things.{HOSTILE}", before=1, after=1, came=1, went=1),
    ),
    events=(3, 40),
    disturbances=(
        Disturbance(name=API_SERVER, span=_SPAN, after_cycle=8, away_s=4.04, ended=("manager",)),
        Disturbance(
            name=TOKEN,
            span=_SPAN,
            after_cycle=12,
            overlap_s=80.0,
            recovered=False,
            note=f"401 {HOSTILE}",
        ),
        Disturbance(name=TOKEN, span=_SPAN, after_cycle=0, tried=False, note=HOSTILE),
    ),
)
