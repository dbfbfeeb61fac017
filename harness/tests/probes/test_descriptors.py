"""What a process's descriptors lead to, of real processes."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from harness.probes.descriptors import is_connection, opened

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells where descriptors lead"
)


def test_a_file_is_told_by_its_path_also_when_it_was_deleted(tmp_path: Path) -> None:
    kept, gone = tmp_path / "kept", tmp_path / "gone"
    with kept.open("w"), kept.open("a"), gone.open("w"):
        gone.unlink()
        found = opened(os.getpid())
    assert (found[str(kept)], found[str(gone)]) == (2, 1)
    assert str(kept) not in opened(os.getpid())


def test_of_very_many_files_their_folder_is_told(tmp_path: Path) -> None:
    files = [(tmp_path / str(number)).open("w") for number in range(250)]
    try:
        assert opened(os.getpid())[f"{tmp_path}/*"] == 250
    finally:
        for file in files:
            file.close()


def test_both_ends_of_a_connection_are_told_by_the_servers_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            with accepted:
                found = opened(os.getpid())
                assert client.fileno() >= 0
    assert found[f"TCP listening on {port}"] == 1
    assert found[f"TCP to 127.0.0.1:{port}"] == 1
    assert found[f"TCP accepted on {port}"] == 1
    assert [name for name in found if str(port) in name and is_connection(name)] == [
        f"TCP accepted on {port}",
        f"TCP to 127.0.0.1:{port}",
    ]


def test_a_connection_that_the_other_end_closed_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            server.accept()[0].close()
            client.recv(1)  # the end has come
            assert opened(os.getpid())[f"TCP to 127.0.0.1:{port} (CLOSE_WAIT)"] == 1


def test_what_the_kernel_made_has_its_own_name() -> None:
    with os.fdopen(os.eventfd(0)):
        assert opened(os.getpid())["eventfd"] >= 1


def test_a_process_that_is_gone_has_none() -> None:
    assert opened(2**22 + 1) == {}
