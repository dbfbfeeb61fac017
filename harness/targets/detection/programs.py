"""Stage 1: how the operator's program is built and started, from its sources."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.command import which
from harness.targets.detection.containers import containers_of
from harness.targets.detection.facts import Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.targets.detection.containers import Container
    from harness.targets.detection.facts import Report
    from harness.targets.detection.workloads import Operator

__all__ = ["find_program", "find_sources", "metrics_default", "unit_tests", "uses_runtime"]

_PROJECTS = ("go.mod", "Cargo.toml", "pyproject.toml", "requirements.txt", "package.json")
_LEVELS = 3
"""How far above its manifests a project's sources are looked for."""
_MOST_BYTES = 1024 * 1024
_MAIN = re.compile(r"^package main\b.*^func main\(", re.MULTILINE | re.DOTALL)
_METRICS = re.compile(r'"metrics-(?:bind-)?addr(?:ess)?"\s*,\s*"[^":]*:(\d+)"')
_ENTRY = re.compile(r'^ENTRYPOINT\s*\[\s*"([^"]+)"', re.MULTILINE)


def find_sources(folder: Path) -> Path | None:
    """Returns the nearest folder with a project's sources: this, or a few above in the checkout."""
    here = folder
    for _ in range(_LEVELS + 1):
        if any((here / name).is_file() for name in _PROJECTS):
            return here
        if (here / ".git").exists() or here.parent == here:
            return None
        here = here.parent
    return None


def find_program(
    operator: Operator, sources: Path | None, target: Path, name: str, report: Report
) -> Program | None:
    """Returns how a workload runs as a process; None where that isn't known.

    Args:
        operator: The workload.
        sources: Folder of the sources; None where there are none.
        target: Folder of target.yaml, from which commands start.
        name: What the project is called.
        report: Learns of guesses.
    """
    if sources is not None:
        base = _binary(operator.container, sources)
        made = _go(sources, target, base, name, report) or _cargo(sources, target, base)
        if made is not None:
            return made
        built = next(
            (path for path in (sources / "bin" / base, sources / base) if _runs(path)), None
        )
        if base and built:
            return Program(command=(_relative(built, target),), reason="the program that is there")
    return _interpreted(operator.container, sources, target)


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _binary(container: Container, sources: Path) -> str:
    """Returns the file name of the program in its image; empty where nothing says it."""
    words = container.get("command") or ()
    if words:
        return Path(str(words[0])).name
    for file in ("Dockerfile", "build/Dockerfile"):
        entries = _ENTRY.findall(_text(sources / file))
        if entries:
            return Path(entries[-1]).name  # of the last stage, which is the image
    return ""


def _go(sources: Path, target: Path, base: str, name: str, report: Report) -> Program | None:
    if not (sources / "go.mod").is_file():
        return None
    packages = _main_packages(sources)
    if not packages:
        report.lacks(
            f"a Go program in {report.shown(sources)}: no `func main` in it or its cmd folder."
        )
        return None
    likely = [f"cmd/{base}", "cmd", "cmd/manager", f"cmd/{name}", "cmd/operator"]
    likely += ["cmd/controller", f"cmd/{name}-operator", f"cmd/{name}-controller", "."]
    named = [p for p in packages if re.search("operator|controller|manager", Path(p).name)]
    package = next((path for path in likely if path in packages), (named or packages)[0])
    if package not in likely:
        report.lacks(
            f"which Go program is the operator: ./{package} was taken of {', '.join(packages)}."
        )
    output = f"bin/{'manager' if package in {'.', 'cmd'} else Path(package).name}"
    shown = "." if package == "." else f"./{package}"
    return Program(
        command=(_relative(sources / output, target),),
        build=(*_go_in(sources, target, "build"), "-o", output, shown),
        reason=f"`func main` in {shown}",
    )


def _go_in(sources: Path, target: Path, verb: str) -> tuple[str, ...]:
    place = _relative(sources, target)
    return ("go", verb) if place == "." else ("go", verb, "-C", place)


def _main_packages(sources: Path) -> list[str]:
    folders = [sources, sources / "cmd"]
    folders += sorted(path for path in sources.glob("cmd/*") if path.is_dir())
    return [str(path.relative_to(sources)) for path in folders if _is_main(path)]


def _is_main(folder: Path) -> bool:
    return any(_MAIN.search(_text(file)) for file in _go_files(folder))


def _go_files(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.glob("*.go")) if not file.name.endswith("_test.go"))


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _cargo(sources: Path, target: Path, base: str) -> Program | None:
    if not (sources / "Cargo.toml").is_file():
        return None
    try:
        data: dict[str, Any] = tomllib.loads(_text(sources / "Cargo.toml"))
    except tomllib.TOMLDecodeError:
        return None
    binaries = [item["name"] for item in data.get("bin", ()) if isinstance(item.get("name"), str)]
    name = base if base in binaries else next(iter(binaries), None)
    name = name or data.get("package", {}).get("name")
    if not isinstance(name, str):
        return None
    manifest = _relative(sources / "Cargo.toml", target)
    return Program(
        command=(_relative(sources / "target" / "release" / name, target),),
        build=("cargo", "build", "--release", "--manifest-path", manifest),
        reason="Cargo.toml",
    )


def _interpreted(container: Container, sources: Path | None, target: Path) -> Program | None:
    """Returns the container's own command where its program is on this machine's PATH."""
    words = [str(word) for word in container.get("command") or ()]
    if not words or which(Path(words[0]).name) is None:
        return None
    if Path(words[0]).name in {"sh", "bash", "env", "tini", "dumb-init"}:
        return None
    moved = [_local(word, sources, target) for word in words[1:]]
    return Program(
        command=(Path(words[0]).name, *moved), reason="its container's command, found on PATH"
    )


def _local(word: str, sources: Path | None, target: Path) -> str:
    """Returns a path of the image as one of the sources, where just one file has its name."""
    if sources is None or not word.startswith("/"):
        return word
    hits = [path for path in (sources, sources / "src") if (path / Path(word).name).is_file()]
    return _relative(hits[0] / Path(word).name, target) if len(hits) == 1 else word


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path, folder)


def metrics_default(sources: Path | None) -> int:
    """Returns the default port of the usual metrics flag in a Go operator's main; 0 for none."""
    if sources is None or not (sources / "go.mod").is_file():
        return 0
    for package in _main_packages(sources):
        for file in _go_files(sources / package):
            match = _METRICS.search(_text(file))
            if match:
                return int(match[1])
    return 0


def uses_runtime(sources: Path | None, operator: Operator) -> bool:
    """Whether an operator seems to be made with controller-runtime, whose series have its names."""
    if sources is not None and (sources / "go.mod").is_file():
        return "sigs.k8s.io/controller-runtime" in _text(sources / "go.mod")
    if sources is not None:
        return False
    words = [
        str(arg) for item in containers_of(operator.deployment) for arg in item.get("args") or ()
    ]
    return any(
        re.match(r"--(leader-elect|metrics-bind-address|health-probe-bind)", w) for w in words
    )


def unit_tests(sources: Path | None, target: Path) -> tuple[str, ...]:
    """Returns the command of the project's own unit tests; empty where none is known."""
    if sources is None or not (sources / "go.mod").is_file():
        return ()
    words = _go_in(sources, target, "test")
    if not (sources / "test" / "e2e").is_dir():
        return (*words, "./...")
    # End-to-end tests need a cluster of their own; the rest is what has tests elsewhere.
    folders = sorted(
        path.name
        for path in sources.iterdir()
        if path.is_dir()
        and path.name not in {"test", "vendor", "bin"}
        and not path.name.startswith((".", "_"))
        and any(path.rglob("*_test.go"))
    )
    root = ["."] if any(sources.glob("*_test.go")) else []
    packages = [*root, *(f"./{name}/..." for name in folders)]
    return (*words, *packages) if packages else ()
