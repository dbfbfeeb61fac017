"""Columns: what was appended is read back, and a kill loses nothing written."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from harness.errors import EvidenceError
from harness.evidence.columns import ColumnWriter, read_columns, read_tables

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("mono_ns", "rss_bytes", "threads")


def test_rows_and_columns_are_read_back_with_their_units(tmp_path: Path) -> None:
    path = tmp_path / "samples" / "x.i64"
    writer = ColumnWriter(path, NAMES)
    writer.append(1, 2, 3)
    writer.append(2**62, -1, 0)
    writer.close()
    writer.close()
    found = read_columns(path)
    assert (found.names, found.units, len(found)) == (NAMES, ("ns", "bytes", "1"), 2)
    assert list(found["rss_bytes"]) == [2, -1]
    assert list(found.rows) == [(1, 2, 3), (2**62, -1, 0)]
    with pytest.raises(KeyError):
        found["nothing"]


def test_rows_are_on_disk_as_soon_as_they_are_appended(tmp_path: Path) -> None:
    writer = ColumnWriter(tmp_path / "x.i64", NAMES)
    writer.append(1, 2, 3)
    assert len(read_columns(tmp_path / "x.i64")) == 1
    writer.close()


def test_a_torn_last_row_is_left_out_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "x.i64"
    writer = ColumnWriter(path, NAMES)
    writer.append(1, 2, 3)
    writer.close()
    with path.open("ab") as file:
        file.write(b"torn")
    assert list(read_columns(path).rows) == [(1, 2, 3)]
    again = ColumnWriter(path, NAMES)
    again.append(4, 5, 6)
    again.close()
    assert list(read_columns(path).rows) == [(1, 2, 3), (4, 5, 6)]


def test_other_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.i64"
    ColumnWriter(path, NAMES).close()
    with pytest.raises(EvidenceError, match="other columns"):
        ColumnWriter(path, ("mono_ns",))


def test_threads_may_append_to_one_file(tmp_path: Path) -> None:
    writer = ColumnWriter(tmp_path / "x.i64", ("a", "b"))

    def append() -> None:
        for number in range(200):
            writer.append(number, -number)

    threads = [threading.Thread(target=append) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    rows = list(read_columns(tmp_path / "x.i64").rows)
    assert len(rows) == 800
    assert all(a == -b for a, b in rows)


@pytest.mark.parametrize("text", [None, "{", '{"columns": [], "units": []}', '{"columns": ["a"]}'])
def test_a_missing_or_broken_description_is_told(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "x.i64").write_bytes(b"")
    if text is not None:
        (tmp_path / "x.i64.json").write_text(text)
    with pytest.raises(EvidenceError, match=r"x\.i64\.json"):
        read_columns(tmp_path / "x.i64")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EvidenceError, match="Can't open"):
        ColumnWriter(tmp_path / "file" / "x.i64", NAMES)


def test_a_file_without_rows_is_empty(tmp_path: Path) -> None:
    ColumnWriter(tmp_path / "x.i64", NAMES).close()
    found = read_columns(tmp_path / "x.i64")
    assert len(found) == 0
    assert list(found["threads"]) == []


def test_rows_are_given_to_numpy_without_copying(tmp_path: Path) -> None:
    writer = ColumnWriter(tmp_path / "x.i64", NAMES)
    writer.append(1, 2, 3)
    writer.append(2**62, -1, 0)
    writer.close()
    table = read_columns(tmp_path / "x.i64").table
    assert (len(table), table["rss_bytes"].tolist()) == (2, [2, -1])
    assert table["mono_ns"].base is not None  # a view
    with pytest.raises(KeyError):
        table["nothing"]


def test_a_file_is_read_piece_by_piece_without_its_torn_last_row(tmp_path: Path) -> None:
    path = tmp_path / "x.i64"
    writer = ColumnWriter(path, NAMES)
    for number in range(5):
        writer.append(number, 0, 0)
    writer.close()
    with path.open("ab") as file:
        file.write(b"torn")
    pieces = [table["mono_ns"].tolist() for table in read_tables(path, rows=2)]
    assert pieces == [[0, 1], [2, 3], [4]]
