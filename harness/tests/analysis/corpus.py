"""Real run folders, trimmed to what the judge reads: one of the healthy guestbook, one a twin.

They are kept as `corpora/<name>.tar.gz` and made anew, on a machine that has the control plane's
binaries, by

    python -m harness.tests.analysis.corpus

which runs `harness run --suite smoke` with short windows for the healthy operator and each of its
twins, and packs what came of it without paths, host facts and what nothing of stage 5 reads.
"""

from __future__ import annotations

import gzip
import io
import json
import socket
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from harness import command, resources
from harness.runner.suites import load_suite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.evidence.folder import RunFolder

__all__ = ["HEALTHY", "archive", "expected", "names", "unpack"]

HEALTHY = "healthy"
_FOLDER = Path(__file__).parent / "corpora"
_TARGET = "guestbook"
_WINDOWS = ("silence=3", "converge=8", "delete=8")
_RUN_TIMEOUT_S = 300.0
_PLACE = "/anywhere"
_TELLING = 4  # a shorter host name is part of other words
_AUDIT_FIELDS = (
    "auditID",
    "stage",
    "verb",
    "requestReceivedTimestamp",
    "stageTimestamp",
    "requestURI",
    "user",
    "impersonatedUser",
    "userAgent",
    "objectRef",
    "responseStatus",
    "annotations",
)
_READS = frozenset({"get", "list", "watch"})
_PARTS = ("*.json", "*.ndjson", "audit*.log", "operator/*", "timeline/*", "samples/*", "metrics/*")

Json = dict[str, Any]


def names() -> tuple[str, ...]:
    """Returns the names of all corpora: "healthy" and those of the twins that were recorded.

    Each way to go wrong has one; all other twins are run by `make detection`.
    """
    return (HEALTHY, *(name for name in sorted(_twins()) if archive(name).exists()))


def expected(name: str) -> frozenset[str]:
    """Returns the checks that must fail; none for the healthy operator."""
    return frozenset() if name == HEALTHY else frozenset(_twins()[name]["expect"])


def archive(name: str) -> Path:
    """Returns where a corpus is kept."""
    return _FOLDER / f"{name}.tar.gz"


def unpack(name: str, folder: Path) -> Path:
    """Unpacks a corpus below a folder and returns its run folder."""
    with tarfile.open(archive(name)) as packed:
        packed.extractall(folder, filter="data")
    return folder / name


def _twins() -> dict[str, Json]:
    folder = resources.bundled("operators_under_test") / _TARGET / "twins"
    read = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in folder.glob("*.yaml"))
    smoke = set(load_suite("smoke").checks)
    return {str(twin["name"]): twin for twin in read if set(twin["expect"]) <= smoke}


def pack(name: str, run: RunFolder) -> Path:
    """Packs one run folder; a file is the same whenever it is packed anew."""
    private = _private(run)
    path = archive(name)
    path.parent.mkdir(exist_ok=True)
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", 9, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as entries,
    ):
        for place, content in _files(run):
            for secret in private:
                if secret.encode() in content:
                    raise ValueError(f"{place} of {name} names {secret}")
            entry = tarfile.TarInfo(f"{name}/{place}")
            entry.size = len(content)
            entries.addfile(entry, io.BytesIO(content))
    return path


def _private(run: RunFolder) -> tuple[str, ...]:
    """What must not be in a corpus: this machine's name and places."""
    places = (Path.home(), Path.cwd(), resources.bundled("reports").parent, run.path)
    host = socket.gethostname()
    return (*(f"{place}/" for place in places), *((host,) if len(host) >= _TELLING else ()))


def _files(run: RunFolder) -> Iterator[tuple[str, bytes]]:
    yield "run.json", _document(run.run_file, facts=[])
    found = sorted(path for part in _PARTS for path in run.evidence.glob(part))
    for path in found:
        place = path.relative_to(run.path).as_posix()
        if path.name == run.cluster_file.name:
            yield place, _document(path, kubeconfig="", ca_file="", state_dir="", audit_log=place)
        elif path.name == run.target_file.name:
            yield place, _moved(path)
        elif path.name == run.installation_file.name:
            yield place, _document(path, launch_file="")
        elif path.name == run.suite_file.name:
            yield place, b"".join(_suite(path))
        elif path.suffix == ".log":
            yield place, b"".join(_audit(path))
        else:
            yield place, path.read_bytes()


def _document(path: Path, **changes: object) -> bytes:
    return json.dumps({**json.loads(path.read_bytes()), **changes}).encode()


def _moved(path: Path) -> bytes:
    """The target, as if it lay elsewhere."""
    folder = json.loads(path.read_bytes())["folder"]
    return path.read_bytes().replace(folder.encode(), _PLACE.encode())


def _suite(path: Path) -> Iterator[bytes]:
    for record in _records(path):
        if record["record"] == "test":
            record["traceback"] = ""
        yield _line(record)


def _audit(path: Path) -> Iterator[bytes]:
    """Without what others only read, and without fields that nobody reads."""
    for record in _records(path):
        user = record["user"].get("username", "")
        if record["verb"] in _READS and user.startswith("system:") and _TARGET not in user:
            continue
        kept = {name: record[name] for name in _AUDIT_FIELDS if name in record}
        yield _line({**kept, "user": {"username": user}})


def _records(path: Path) -> Iterator[Json]:
    with path.open("rb") as lines:
        yield from (json.loads(line) for line in lines)


def _line(record: Json) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def record(wanted: Iterable[str]) -> Iterator[Path]:
    """Runs the smoke suite for each name and packs what came of it."""
    from harness.evidence.folder import RunFolder  # noqa: PLC0415 - tests need only the rest

    windows = [part for window in _WINDOWS for part in ("--timeout", window)]
    for name in wanted:
        twin = [] if name == HEALTHY else ["--twin", name]
        with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
            argv = [sys.executable, "-m", "harness", "run", "--suite", "smoke"]
            argv += ["--target", _TARGET, *twin, *windows, "--output", folder]
            command.run(argv, timeout=_RUN_TIMEOUT_S, check=False)
            yield pack(name, RunFolder((Path(folder) / "latest").resolve()))


def main() -> None:
    """Makes the corpora that are named as arguments; all if none is."""
    for path in record(sys.argv[1:] or names()):
        sys.stdout.write(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB\n")


if __name__ == "__main__":
    main()
