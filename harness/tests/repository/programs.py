"""Loads the benchmarks' programs, which are in no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import harness

if TYPE_CHECKING:
    from types import ModuleType

_BENCHMARKS = Path(harness.__file__).resolve().parent.parent / "ci" / "benchmarks"


def load_benchmark(name: str) -> ModuleType:
    """Loads a program of the load benchmarks, by name, as it is when it is started."""
    folder = _BENCHMARKS / "load"
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # msgspec looks annotations up there
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module
