"""Writes `allure-results/`, in place of what was there."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from harness.errors import EvidenceError
from harness.reporting.allure.context import categories, executor, properties
from harness.reporting.allure.raw import RawTests
from harness.reporting.allure.results import render_results

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.evidence.folder import RunFolder
    from harness.model.result import RunResult

__all__ = ["write_allure"]


def write_allure(result: RunResult, run: RunFolder) -> None:
    """Writes the folder; who looks sees the old one or the new one, never a half.

    Raises:
        EvidenceError: It can't be written; what was there is kept.
    """
    path = run.report("allure-results")
    draft, old = (path.with_name(f".{path.name}.{end}{os.getpid()}") for end in ("", "old."))
    for rest in (draft, old):  # of a process that was killed
        _remove(rest)
    try:
        draft.mkdir()
        _fill(draft, result, RawTests(run.allure_raw))
        _replace(path, draft, old)
    except OSError as error:
        raise EvidenceError(
            f"Can't write {path}: {error.strerror or error}",
            hint="Free disk space or mend the permissions, then run `harness report`.",
        ) from error
    finally:
        for rest in (draft, old):
            _remove(rest)


def _replace(path: Path, draft: Path, old: Path) -> None:
    with suppress(FileNotFoundError):
        os.replace(path, old)
    try:
        os.replace(draft, path)
    except OSError:
        if old.exists():
            os.replace(old, path)
        raise


def _fill(folder: Path, result: RunResult, raw: RawTests) -> None:
    content = render_results(result, raw)
    for name, data in _documents(result):
        (folder / name).write_bytes(data)
    for each in content.results:
        (folder / f"{each.uuid}-result.json").write_bytes(_json(each))
    for name, text in content.texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name, file in content.copies.items():
        shutil.copyfile(file, folder / name)


def _documents(result: RunResult) -> Iterator[tuple[str, bytes]]:
    yield "environment.properties", properties(result).encode("ascii")
    yield "categories.json", _json(categories())
    yield "executor.json", _json(executor(result))


def _json(document: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
