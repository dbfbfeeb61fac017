"""Errors of kind and Docker, told by their cause and with what to do."""

from __future__ import annotations

import re

import msgspec

from harness.errors import ClusterError

__all__ = ["NODE_IMAGE_STEP", "TROUBLES", "Trouble", "explained", "is_noise"]

NODE_IMAGE_STEP = "ci/steps/kind-node.sh"
"""The step that builds a node image where no registry can be reached."""

_LINES = 12
_WIDTH = 400  # characters of a line
_SECRET = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|-----BEGIN[^-]+-----.*?-----END[^-]+-----|"
    r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)",
    re.DOTALL,
)


_NOISE = re.compile(r"KIND_EXPERIMENTAL_|Here be dragons|docker run --help|cgroup v1 is deprecated")


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of error.

    Attributes:
        pattern: What its output holds.
        cause: In a sentence.
        remedy: What to do.
    """

    pattern: str
    cause: str
    remedy: str


TROUBLES = (
    Trouble(
        pattern=r"permission denied[^\n]*(docker\.sock|daemon socket|docker API)"
        r"|docker\.sock[^\n]*permission denied",
        cause="You may not use the Docker engine's socket.",
        remedy="Join its group (sudo usermod -aG docker $USER) and log in again, or use a "
        "rootless engine.",
    ),
    Trouble(
        pattern=r"cannot connect to the docker daemon|is the docker daemon running"
        r"|error during connect|failed to connect to the docker API|dial unix .*docker",
        cause="No Docker engine answers.",
        remedy="Start it (systemctl start docker, Docker Desktop, or ci/steps/docker.sh where "
        "there is no init), or set DOCKER_HOST.",
    ),
    Trouble(
        pattern=r"client version .* is too (old|new)|minimum supported API version"
        r"|unknown flag: --cgroupns|unknown flag",
        cause="This Docker is too old for kind, or its client and engine don't fit.",
        remedy="Install Docker 20.10 or newer, client and engine.",
    ),
    Trouble(
        pattern=r"no space left on device|disk quota exceeded",
        cause="The disk is full.",
        remedy="Free some: docker system prune, harness assets clean. "
        "A kind cluster needs about 4 GiB below the engine's folder.",
    ),
    Trouble(
        pattern=r"too many open files|inotify.*(limit|watches|instances)"
        r"|failed to create fsnotify watcher|user limit on (the total number of )?inotify",
        cause="The kernel's limits for inotify are too low for another node.",
        remedy="Raise them: sudo sysctl fs.inotify.max_user_instances=512 "
        "fs.inotify.max_user_watches=524288",
    ),
    Trouble(
        pattern=r"cannot allocate memory|out of memory|oom-?kill|signal: killed|exit code:? 137",
        cause="There is too little memory.",
        remedy="A kind cluster needs about 2 GiB; close other programs, or take other clusters "
        "down: harness cluster down --all",
    ),
    Trouble(
        pattern=r"port is already allocated|address already in use|bind for .* failed"
        r"|ports are not available",
        cause="A port that the cluster asks for is taken.",
        remedy="See what listens there (ss -ltnp), and change apiServerPort or extraPortMappings "
        "in your kind config; without them free ports are chosen.",
    ),
    Trouble(
        pattern=r"already exist for a cluster with the name|container name .* is already in use",
        cause="A cluster of that name is there already.",
        remedy="Take it down (harness cluster down --all, kind delete cluster), or use it: "
        "--kind-cluster NAME.",
    ),
    Trouble(
        pattern=r"pull access denied|manifest unknown|manifest for .* not found"
        r"|failed to pull image|repository does not exist|no such image"
        r"|lookup .*registry|registry-1\.docker\.io|error response from daemon: get \"https?:"
        r"|unable to find image|proxyconnect|tls handshake timeout",
        cause="The node image isn't here and can't be pulled.",
        remedy=f"Where no registry can be reached, build one by {NODE_IMAGE_STEP}; "
        "or give another by --kind-image.",
    ),
    Trouble(
        pattern=r"all predefined address pools|non-overlapping (subnet|ipv4)",
        cause="The Docker engine has no addresses left for another network.",
        remedy="Remove unused networks (docker network prune), or take other clusters down: "
        "harness cluster down --all",
    ),
    Trouble(
        pattern=r"unable to decode config|unknown field|error converting YAML|invalid configuration"
        r"|failed to decode|strict decoding|failed to apply patch",
        cause="kind doesn't understand the configuration.",
        remedy="Mend your --kind-config; `kind create cluster --config FILE` says the same of it.",
    ),
    Trouble(
        pattern=r"no command specified|exec format error|executable file not found in \$PATH"
        r"|/kind/version: no such file",
        cause="The image isn't a node image, or is one for other processors.",
        remedy=f"Give one of kind's (kindest/node:vX.Y.Z), or build one by {NODE_IMAGE_STEP}.",
    ),
    Trouble(
        pattern=r"could not find a log line that matches|unable to apply caps"
        r"|OCI runtime create failed",
        cause="The node's container doesn't boot on this machine.",
        remedy="See the node's log in the evidence folder. kind's known issues name hosts that "
        "need settings: kind.sigs.k8s.io/docs/user/known-issues",
    ),
    Trouble(
        pattern=r"failed to init node with kubeadm|failed to join node with kubeadm",
        cause="kubeadm can't make a control plane in the node.",
        remedy="See the node's kubelet.log in the evidence folder; a busy machine needs longer: "
        "--timeout cluster=300.",
    ),
)
"""The first that fits tells the cause."""


def is_noise(line: str) -> bool:
    """Whether a line that kind printed says nothing to people."""
    return not line.strip() or _NOISE.search(line) is not None


def explained(what: str, output: str) -> ClusterError:
    """Returns the error for what a program printed.

    Args:
        what: What couldn't be done, for example "kind can't make the cluster"; no full stop.
        output: What the program printed.
    """
    text = _SECRET.sub("[redacted]", output)
    lines = [line.strip()[:_WIDTH] for line in text.splitlines() if not is_noise(line)]
    shown = "\n".join(lines[-_LINES:])
    for trouble in TROUBLES:
        if re.search(trouble.pattern, text, re.IGNORECASE):
            return ClusterError(f"{what}. {trouble.cause}\n{shown}", hint=trouble.remedy)
    return ClusterError(
        f"{what}:\n{shown}", hint="`harness doctor` looks at Docker and at what kind needs."
    )
