"""Links the control plane's binaries, which the harness finds or builds anyway, into a folder.

usage: control_plane.py KUBERNETES_VERSION FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness import assets
from harness.assets import Component


def main() -> None:
    """Links them."""
    version, folder = sys.argv[1:]
    wanted = (
        Component.ETCD,
        Component.KUBE_APISERVER,
        Component.KUBE_CONTROLLER_MANAGER,
        Component.KUBE_SCHEDULER,
        Component.KUBECTL,
    )
    found = assets.resolve(
        wanted, kubernetes=version, on_progress=lambda line: print(line, file=sys.stderr)
    )
    found.link(Path(folder))


if __name__ == "__main__":
    main()
