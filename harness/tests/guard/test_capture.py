"""Lines out of bytes, and secrets out of lines."""

from __future__ import annotations

import base64
import gc
import os
import weakref
from typing import TYPE_CHECKING

import pytest

from harness.clock import FakeClock
from harness.guard.capture import LINE_LIMIT, LogPump, Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model.records import LogLine


class Bench:
    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.redactor = Redactor()
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.pump = LogPump(
            self.reader,
            stream="stdout",
            write=self.lines.append,
            redactor=self.redactor,
            clock=FakeClock(mono_ns=7),
        )

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]

    def end(self) -> None:
        os.close(self.writer)
        while self.pump.pump():
            pass


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.pump.close()


def test_a_line_is_written_when_it_is_whole(bench: Bench) -> None:
    bench.pump.feed(b"one\ntw")
    assert bench.texts == ["one"]
    bench.pump.feed(b"o\r\n\n")
    assert bench.texts == ["one", "two", ""]
    assert bench.lines[0].stamp.mono_ns == 7


def test_the_last_line_needs_no_newline(bench: Bench) -> None:
    os.write(bench.writer, b"one\ntwo")
    bench.end()
    assert bench.texts == ["one", "two"]


def test_draining_takes_what_is_there_and_does_not_wait(bench: Bench) -> None:
    os.write(bench.writer, b"one\n")
    assert bench.pump.drain(), "more may come"
    assert bench.texts == ["one"]
    bench.end()


def test_bytes_that_are_no_text_are_replaced(bench: Bench) -> None:
    bench.pump.feed(b"\xff\n")
    assert bench.texts == ["\ufffd"]


@pytest.mark.parametrize("at", range(1, 14))
def test_a_secret_is_found_wherever_a_read_splits_it(bench: Bench, at: int) -> None:
    bench.redactor.add(["hunter2"])
    line = b"pw hunter2 ok\n"
    bench.pump.feed(line[:at])
    bench.pump.feed(line[at:])
    assert bench.texts == ["pw [redacted] ok"]


def test_secrets_are_found_in_base64_and_escaped(bench: Bench) -> None:
    bench.redactor.add(['quo"ted\\secret'])
    bench.pump.feed(base64.b64encode(b'quo"ted\\secret') + b' and "quo\\"ted\\\\secret"\n')
    assert bench.texts == ['[redacted] and "[redacted]"']


def test_each_line_of_a_key_is_a_secret(bench: Bench) -> None:
    bench.redactor.add(["-----BEGIN KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n"])
    bench.pump.feed(b"-----BEGIN KEY-----\nMIGHAgEAMBMGByqGSM49\n")
    assert bench.texts == ["-----BEGIN KEY-----", "[redacted]"]


def test_secrets_that_overlap_leave_nothing_of_either(bench: Bench) -> None:
    bench.redactor.add(["abcdef", "defghi"])
    bench.pump.feed(b"<abcdefghi>\n")
    assert bench.texts == ["<[redacted]>"]


def test_patterns_of_fewer_secrets_are_let_go_of(bench: Bench) -> None:
    ended: list[int] = []
    for number in range(20):
        bench.redactor.add([f"secret-{number}"])
        weakref.finalize(bench.redactor._pattern, ended.append, number)
    gc.collect()
    assert ended == list(range(19)), "all but the last, which holds what the others held"


def test_values_too_short_to_be_secret_stay(bench: Bench) -> None:
    bench.redactor.add(["a", "", "no"])
    bench.pump.feed(b"an annotation\n")
    assert bench.texts == ["an annotation"]


def test_a_very_long_line_is_cut_and_says_so(bench: Bench) -> None:
    for _ in range(40):
        bench.pump.feed(b"x" * 10_000)
    bench.pump.feed(b"\nnext\n")
    assert bench.texts[0] == "x" * LINE_LIMIT + f" [… {400_000 - LINE_LIMIT} more bytes]"
    assert bench.texts[1] == "next"


@pytest.mark.parametrize("shift", [-7, -6, -3, -1, 0])
def test_no_part_of_a_secret_is_left_where_a_line_is_cut(bench: Bench, shift: int) -> None:
    bench.redactor.add(["hunter2"])
    bench.pump.feed(b"." * (LINE_LIMIT + shift) + b"hunter2" + b"." * 100_000)
    bench.pump.feed(b"\n")
    assert "hunt" not in bench.texts[0]
    assert "er2" not in bench.texts[0]
