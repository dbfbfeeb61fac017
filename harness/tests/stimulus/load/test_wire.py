"""What is read of an answer."""

from __future__ import annotations

import pytest

from harness.model.load import uid_hash
from harness.stimulus.load.wire import read_answer

_UID = "2f1c7f52-6f0d-4b3e-9b0a-0123456789ab"
_BODY = (
    b'{"metadata":{"generation":12,"managedFields":[{"manager":"m"}],"uid":"%s"},'
    b'"spec":{"uid":"other","generation":3}}' % _UID.encode()
)


def plain(body: bytes, status: int = 201, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d Created" % status, *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


def test_reads_status_generation_and_uid_of_the_object_itself() -> None:
    answer = read_answer(plain(_BODY))

    assert answer is not None
    assert answer == (201, 12, uid_hash(_UID), False)


@pytest.mark.parametrize("whole", [plain(_BODY), chunked(_BODY, 4_000), chunked(_BODY, 7)])
def test_no_part_of_an_answer_is_taken_for_the_whole(whole: bytes) -> None:
    assert [read_answer(whole[:end]) for end in range(len(whole))] == [None] * len(whole)
    answer = read_answer(whole)
    assert answer is not None
    assert (answer.generation, answer.uid) == (12, uid_hash(_UID))


def test_an_answer_may_hold_neither_and_may_be_the_last() -> None:
    answer = read_answer(plain(b'{"kind":"Status"}', 429, b"Connection: close"))

    assert answer == (429, 0, 0, True)


def test_refuses_what_is_no_answer() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        read_answer(b"SSH-2.0-OpenSSH_9.9\r\n\r\n0\r\n\r\n")
