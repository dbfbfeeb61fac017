"""`python measured.py WORD…`: does what `harness WORD…` does, and says what that took.

The last line of its output is JSON: CPU seconds, those of children that ended included, and the
peak resident set of the process itself (VmHWM), in MiB.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from harness.cli import main

if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SystemExit as end:
        code = end.code
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    cpu_s = sum(item.ru_utime + item.ru_stime for item in used)
    print(json.dumps({"cpu_s": cpu_s, "peak_mib": int(peak) / 1024, "exit_code": code}))
