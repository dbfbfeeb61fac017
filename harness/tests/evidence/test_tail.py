"""Following a file that grows, appears late, or is rotated away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.clock import FakeClock
from harness.evidence.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class ActingClock(FakeClock):
    """Does the next thing each time it is slept on, as another process would meanwhile."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        super().__init__()
        self._acts = list(acts)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self._acts:
            self._acts.pop(0)()


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_what_is_there_is_read_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a\nb\nc")
    with Tail(path) as tail:
        assert list(tail.lines()) == [b"a", b"b"]
        append(path, "d\n")
        assert list(tail.lines()) == [b"cd"]


def test_at_the_end_only_what_comes_later_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a\n")
    with Tail(path, at_end=True) as tail:
        append(path, "b\n")
        assert list(tail.lines()) == [b"b"]


def test_a_line_is_awaited_also_where_it_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("")
    clock = ActingClock(lambda: append(path, "x\nma"), lambda: append(path, "rk\nnext\n"))
    with Tail(path, clock=clock) as tail:
        assert tail.wait_for(lambda line: line == b"mark", timeout=5)
        assert list(tail.lines()) == [b"next"]  # left for later


def test_a_file_may_appear_later(tmp_path: Path) -> None:
    path = tmp_path / "log"
    clock = ActingClock(lambda: None, lambda: append(path, "mark\n"))
    with Tail(path, at_end=True, clock=clock) as tail:
        assert tail.wait_for(lambda line: line == b"mark", timeout=5)


def test_a_rotated_file_is_read_to_its_end_before_its_successor(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text("1\n")

    def rotate() -> None:
        append(path, "2\n")
        path.rename(tmp_path / "audit-old.log")
        path.write_text("3\n")

    seen: list[bytes] = []

    def take(line: bytes) -> bool:
        seen.append(line)
        return line == b"3"

    with Tail(path, clock=ActingClock(rotate)) as tail:
        assert tail.wait_for(take, timeout=5)
    assert seen == [b"1", b"2", b"3"]


def test_a_file_that_is_moved_away_without_successor_is_waited_on(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text("1\n")
    clock = ActingClock(lambda: path.rename(tmp_path / "old.log"), lambda: append(path, "mark\n"))
    with Tail(path, clock=clock) as tail:
        assert tail.wait_for(lambda line: line == b"mark", timeout=5)


def test_the_time_out_holds(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a\n")
    clock = FakeClock()
    with Tail(path, clock=clock) as tail:
        assert not tail.wait_for(lambda line: line == b"mark", timeout=2)
    assert 1.9 < clock.now().mono_ns / 1e9 < 2.1
