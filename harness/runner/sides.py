"""What the two sides of `harness compare` are: kept runs, or targets, maybe at a git reference."""

from __future__ import annotations

import tarfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness import command
from harness.errors import CommandError, TargetError, UsageError
from harness.targets.bundled import DEFINITION
from harness.targets.loading import find

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Side", "are_runs", "check_out", "is_run", "split_reference"]

_GIT_SECONDS = 60.0
_SHORT = 10
_RUN, _RESULT = "run.json", "result.json"


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One side as it was asked for.

    Attributes:
        text: As the user wrote it.
        target: What `targets.load` takes; of a checkout, the folder in it.
        commit: That was checked out; empty where the target is as it lies there.
    """

    text: str
    target: str
    commit: str = ""

    @property
    def title(self) -> str:
        """In words."""
        known = self.commit and self.commit[:_SHORT] not in self.text
        return f"{self.text} ({self.commit[:_SHORT]})" if known else self.text


def is_run(text: str) -> bool:
    """Whether it is a kept run: its folder, or its result.json."""
    path = Path(text)
    return (path / _RUN).is_file() or (path.name.endswith(".json") and path.is_file())


def split_reference(text: str) -> tuple[str, str]:
    """Returns a target and its git reference, empty for none.

    What is there as it is written has no reference; else the shortest part before an "@" that is a
    target is one. References may hold an "@" themselves: HEAD@{1}.

    Raises:
        TargetError: No part of it is a target, or a run.
    """
    ends = [at for at, mark in enumerate(text) if mark == "@" and at]
    for end in (len(text), *ends):
        try:
            find(text[:end])
        except TargetError:
            if not _may_be_there(text[:end]):
                continue
        return text[:end], text[end + 1 :]
    if Path(text).is_dir():
        raise TargetError(
            f"{text} is neither a kept run (it has no {_RUN}) nor a target (it has no "
            f"{DEFINITION}).",
            hint="Give two run folders, or two targets: NAME, DIR or DIR@GITREF.",
        )
    find(text[: ends[0]] if ends else text)  # tells why
    raise TargetError(f"{text!r} is no target.")


def _may_be_there(part: str) -> bool:
    """Whether it is a folder without a definition: at another commit it may have one."""
    return Path(part).is_dir() and not Path(part, _RUN).exists() and _top(Path(part)) is not None


def check_out(text: str, room: Path) -> Side:
    """Returns a side; where it names a git reference, its tree is written into a folder.

    Args:
        text: As the user wrote it.
        room: An empty private folder, which need not be there.

    Raises:
        UsageError: It isn't in a git repository, there is no such reference, or no target there.
        TargetError: It is no target.
    """
    name, reference = split_reference(text)
    if not reference:
        if text.endswith("@"):
            raise UsageError(f"{text}: there is no git reference after the @.")
        return Side(text=text, target=name)
    place = _place(name)
    top = _top(place if place.is_dir() else place.parent)
    if top is None:
        raise UsageError(
            f"{text}: {name} isn't in a git repository, so there is nothing at {reference!r}.",
            hint="Name a folder of a clone, or leave the @ out.",
        )
    commit = _commit(top, reference, text)
    room.mkdir(mode=0o700, parents=True, exist_ok=True)
    archive, tree = room / "tree.tar", room / "tree"
    _git(top, "archive", f"--output={archive}", commit)
    tree.mkdir()
    with suppress(tarfile.ReadError), tarfile.open(archive) as file:  # of an empty tree
        file.extractall(tree, filter="data")
    archive.unlink()
    moved = tree / place.resolve().relative_to(top.resolve())
    try:
        find(str(moved))
    except TargetError as error:
        raise UsageError(
            f"{text}: at {commit[:_SHORT]} there is no {DEFINITION} in {name}.",
            hint="Name a reference that has one, or keep the target in a folder of its own and "
            "compare two kept runs.",
        ) from error
    return Side(text=text, target=str(moved), commit=commit)


def _place(name: str) -> Path:
    """Returns where a target is; its folder where the definition has the usual name."""
    try:
        file = find(name)
    except TargetError:
        return Path(name)
    return file.parent if file.name == DEFINITION else file


def _top(folder: Path) -> Path | None:
    """Returns the top of the repository that a folder is in; None where it is in none.

    Raises:
        UsageError: There is no git.
    """
    if command.which("git") is None:
        raise UsageError("A git reference is named, and there is no git.", hint="Install git.")
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel").strip())
    except CommandError:
        return None


def _commit(top: Path, reference: str, text: str) -> str:
    """Returns the commit of a reference.

    Raises:
        UsageError: The repository doesn't know it.
    """
    try:
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
        return _git(top, *words).strip()
    except CommandError as error:
        raise UsageError(
            f"{text}: {top} knows no commit {reference!r}.",
            hint="Name a branch, a tag or a commit; a shallow clone lacks others "
            "(git fetch --tags --unshallow).",
        ) from error


def _git(folder: Path, *words: str | Path) -> str:
    return command.run(
        ("git", *words),
        timeout=_GIT_SECONDS,
        cwd=folder,
        env=command.environment({"LC_ALL": "C"}),
    ).output


def are_runs(texts: Sequence[str]) -> bool:
    """Returns whether both are kept runs.

    Raises:
        UsageError: One is a run, the other a target.
        TargetError: One is neither.
    """
    runs = [is_run(text) for text in texts]
    if any(runs) and not all(runs):
        run, other = (texts[0], texts[1]) if runs[0] else (texts[1], texts[0])
        split_reference(other)
        raise UsageError(
            f"{run} is a kept run, and {other} is a target: they can't be compared.",
            hint="Give two kept runs, or two targets, which are then run in turn.",
        )
    return all(runs)
