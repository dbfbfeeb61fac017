"""`harness doctor`: says what this machine can and can't run."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from harness.errors import HarnessError
from harness.model.verdict import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Diagnosis", "Level", "diagnoses", "doctor"]

_GIB = 1 << 30
_TIMEOUT_S = 20.0
_BUILD_GIB = 10.0  # Go's caches after a cold build of everything, with room
_RUN_GIB = 1.0  # binaries, etcd's data and a run folder
_MEMORY_FAIL_GIB = 1.0  # a control plane alone takes this
_MEMORY_WARN_GIB = 2.5


class Level(StrEnum):
    """How a line of the doctor ends."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Diagnosis(msgspec.Struct, frozen=True):
    """One line: how it stands with a subject, and what to do about it."""

    level: Level
    subject: str
    text: str
    remedy: str = ""


@click.command()
def doctor() -> None:
    """Say what this machine can and can't run.

    Looks at platform, Python, Go, mount namespaces, cgroups, disk, memory, ports on 127.0.0.1,
    the binaries of the control plane, and at Docker for kind clusters. Changes nothing. Each
    line is ok, warn (runs, but less well; the report would say so) or fail, with a remedy.

    \b
    harness doctor
    harness doctor && harness run --suite smoke --target guestbook

    \b
    KUBEBUILDER_ASSETS, TEST_ASSET_<NAME>   your own binaries (see `harness assets --help`)
    XDG_CACHE_HOME                          where binaries are cached
    XDG_STATE_HOME                          where clusters keep their state

    Exit code 0, or 3 if a line says fail.
    """  # noqa: D301 - \b is click's mark
    failed = False
    for line in diagnoses():
        click.echo(f"{line.level:<5} {line.subject:<16} {line.text}")
        if line.remedy and line.level is not Level.OK:
            click.echo(f"{'':<23}{line.remedy}")
        failed = failed or line.level is Level.FAIL
    if failed:
        sys.exit(ExitCode.ERROR)


def diagnoses() -> Iterator[Diagnosis]:
    """Yields the lines, one examination after the other; none of them raises."""
    examinations: tuple[Callable[[], Diagnosis], ...] = (
        _platform,
        _python,
        _go,
        _assets,
        _namespaces,
        _cgroups,
        _folders,
        _disk,
        _memory,
        _ports,
        _docker,
    )
    for examine in examinations:
        try:
            yield examine()
        except (HarnessError, OSError) as error:
            subject = examine.__name__.strip("_")
            hint = error.hint if isinstance(error, HarnessError) else ""
            yield Diagnosis(Level.FAIL, subject, " ".join(str(error).split()), hint)


def _platform() -> Diagnosis:
    from harness.assets.store import platform_name  # noqa: PLC0415 - only when called

    name = platform_name()
    if name in {"linux-amd64", "linux-arm64"}:
        return Diagnosis(Level.OK, "platform", f"{name}, kernel {platform.release()}")
    return Diagnosis(
        Level.FAIL,
        "platform",
        f"{name}: the local cluster runs on Linux, amd64 or arm64.",
        "`harness report` works here. For runs use a Linux machine; on Windows, WSL.",
    )


def _python() -> Diagnosis:
    return Diagnosis(Level.OK, "python", f"{platform.python_version()}, {sys.executable}")


def _go() -> Diagnosis:
    from harness.assets.components import CONTROL_PLANE, module_of  # noqa: PLC0415 - when called
    from harness.assets.toolchain import find_toolchain, required_go  # noqa: PLC0415

    remedy = "Needed to build the control plane's binaries and operators written in Go."
    try:
        go = find_toolchain()
    except HarnessError as error:
        return Diagnosis(Level.WARN, "go", str(error), f"{error.hint} {remedy}")
    needed = {module_of(component).name: module_of(component) for component in CONTROL_PLANE}
    wanted = [required_go(module.files()["go.mod"]) for module in needed.values()]
    newest = max(wanted, key=lambda text: [int(part) for part in text.split(".")])
    if not go.at_least(newest):
        text = f"{go.version} at {go.path}; the binaries need {newest} or newer."
        return Diagnosis(Level.WARN, "go", text, f"Install a newer Go. {remedy}")
    return Diagnosis(Level.OK, "go", f"{go.version}, {go.path}")


def _assets() -> Diagnosis:
    from harness.assets import survey  # noqa: PLC0415 - only when called
    from harness.assets.toolchain import find_toolchain  # noqa: PLC0415

    state = survey()
    if not state.missing:
        sources = sorted({asset.source for asset in state.found})
        text = f"all {len(state.found)} binaries found ({', '.join(sources)})"
        return Diagnosis(Level.OK, "assets", text)
    text = f"missing: {', '.join(state.missing)}."
    try:
        find_toolchain()
    except HarnessError as error:
        return Diagnosis(Level.FAIL, "assets", text, f"{error} {error.hint}")
    remedy = (
        "The first run gets them, or `harness assets fetch` now: downloaded, or built in about "
        "20 minutes."
    )
    return Diagnosis(Level.WARN, "assets", text, remedy)


def _namespaces() -> Diagnosis:
    """Tries what the operator's process will need, in a child that ends at once."""
    import harness.installers.process  # noqa: PLC0415 - only when called
    from harness import command  # noqa: PLC0415

    launcher = Path(harness.installers.process.__file__).with_name("launcher.py")
    with tempfile.TemporaryDirectory() as folder:
        done = command.run(
            [sys.executable, "-I", "-S", launcher, "--probe", folder],
            timeout=_TIMEOUT_S,
            check=False,
        )
    if done.exit_code == 0:
        return Diagnosis(Level.OK, "mount namespaces", "the operator can run as in its pod")
    return Diagnosis(
        Level.WARN,
        "mount namespaces",
        f"not possible here: {done.tail.strip() or f'exit code {done.exit_code}'}",
        "The operator runs with a kubeconfig instead of its pod's files, and the report says so. "
        "Run as root, or allow unprivileged user namespaces.",
    )


def _cgroups() -> Diagnosis:
    root = Path("/sys/fs/cgroup")
    unified = (root / "cgroup.controllers").is_file()
    places = [root] if unified else [root / "memory", root / "cpu"]
    if all(place.is_dir() and os.access(place, os.W_OK) for place in places):
        text = f"version {2 if unified else 1}, writable: resource limits can be applied"
        return Diagnosis(Level.OK, "cgroups", text)
    return Diagnosis(
        Level.WARN,
        "cgroups",
        "can't be written: the operator's resource limits aren't applied",
        "The report says so. Run as root to have them applied.",
    )


def _folders() -> Diagnosis:
    from harness import settings  # noqa: PLC0415 - only when called

    for folder in (settings.cache_home(), settings.state_home()):
        place = _present(folder)
        if not os.access(place, os.W_OK):
            return Diagnosis(
                Level.FAIL,
                "folders",
                f"{folder} can't be written.",
                "Set XDG_CACHE_HOME and XDG_STATE_HOME to folders of your own.",
            )
    place = _present(settings.cache_home())
    if os.statvfs(place).f_flag & os.ST_NOEXEC:
        return Diagnosis(
            Level.FAIL,
            "folders",
            f"{settings.cache_home()} is mounted noexec: binaries can't run from it.",
            "Set XDG_CACHE_HOME to a folder where programs may run.",
        )
    text = f"cache {settings.cache_home()}, state {settings.state_home()}"
    return Diagnosis(Level.OK, "folders", text)


def _disk() -> Diagnosis:
    from harness import settings  # noqa: PLC0415 - only when called
    from harness.assets import survey  # noqa: PLC0415

    cache = _free_gib(settings.cache_home())
    least = min(cache, _free_gib(settings.state_home()), _free_gib(Path(tempfile.gettempdir())))
    text = f"{least:.1f} GiB free"
    if least < _RUN_GIB:
        remedy = f"A run needs {_RUN_GIB:g} GiB; free some, or set XDG_CACHE_HOME, XDG_STATE_HOME."
        return Diagnosis(Level.FAIL, "disk", f"{text}.", remedy)
    if cache < _BUILD_GIB and survey().missing:
        remedy = f"A first build needs about {_BUILD_GIB:g} GiB, most of it in Go's own caches."
        return Diagnosis(Level.WARN, "disk", f"{text}.", remedy)
    return Diagnosis(Level.OK, "disk", text)


def _memory() -> Diagnosis:
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    available = int(fields["MemAvailable"].split()[0]) * 1024 / _GIB
    level = Level.OK
    if available < _MEMORY_WARN_GIB:
        level = Level.FAIL if available < _MEMORY_FAIL_GIB else Level.WARN
    return Diagnosis(
        level,
        "memory",
        f"{available:.1f} GiB available, {os.cpu_count()} cores",
        f"A control plane and an operator need about {_MEMORY_WARN_GIB:g} GiB; "
        "close other programs.",
    )


def _ports() -> Diagnosis:
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        client.settimeout(_TIMEOUT_S)
        client.connect(server.getsockname())
    return Diagnosis(Level.OK, "ports", "127.0.0.1 can be bound and reached")


def _docker() -> Diagnosis:
    """Looks at what kind clusters need; nothing else does, so it's never a failure."""
    from harness.clusters.kind import images, preflight  # noqa: PLC0415 - only when called
    from harness.clusters.kind.calls import Calls  # noqa: PLC0415
    from harness.clusters.kind.engine import ask_info  # noqa: PLC0415
    from harness.clusters.kind.troubles import NODE_IMAGE_STEP  # noqa: PLC0415

    without = "`--cluster local` needs no Docker."
    try:
        calls = Calls("harness")
        info = ask_info(calls)
        preflight.check_host(info)
        image = images.choose(calls)
    except HarnessError as error:
        text = f"no kind clusters: {str(error).splitlines()[0]}"
        return Diagnosis(Level.WARN, "docker", text, f"{error.hint} {without}")
    text = f"engine {info.server}, cgroup version {info.cgroup}"
    if not image.is_present:
        remedy = f"The first run pulls it; where that can't be, build one: {NODE_IMAGE_STEP}"
        return Diagnosis(Level.WARN, "docker", f"{text}, {image.reference} isn't here", remedy)
    if shortage := preflight.inotify_shortage():
        remedy = "sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288"
        return Diagnosis(Level.WARN, "docker", f"{text}; {shortage}", remedy)
    return Diagnosis(Level.OK, "docker", f"{text}, node image {image.reference}")


def _present(folder: Path) -> Path:
    """Returns the folder, or the nearest parent that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _free_gib(folder: Path) -> float:
    return shutil.disk_usage(_present(folder)).free / _GIB
