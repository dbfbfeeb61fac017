"""Small disks for tests, which go even when the test process is killed."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A disk that outlives its test can't be removed by whoever clears temporary folders later, so a
# process of its own holds it until its standard input ends, which a kill ends too.
# Its command line doesn't name the folder, by which tests look for what a run left behind.
_HOLDS = """
IFS= read -r folder
mount -t tmpfs -o "$1" tmpfs "$folder" || exit
echo mounted
cat >/dev/null
umount --lazy "$folder"
"""


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """A small disk in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ("sh", "-c", _HOLDS, "sh", ",".join(("mode=0755", *options)))
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            holder.stdin.write(f"{folder}\n".encode())
            holder.stdin.flush()
            assert holder.stdout.readline() == b"mounted\n"
            yield folder
        finally:
            holder.stdin.close()
            assert holder.wait(20) == 0
