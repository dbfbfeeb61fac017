"""The parts of a control plane in its node: static pods of the kubelet, and services of systemd.

All are reached by `docker exec`: it works when the API server doesn't.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from harness.clusters.kind.troubles import explained
from harness.errors import ClusterError, CommandError

if TYPE_CHECKING:
    from harness.clusters.kind.calls import Calls

__all__ = ["SERVICES", "STATIC_PODS", "restart", "start", "states", "stop", "tail"]

STATIC_PODS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
"""The kubelet runs them from manifests in a folder."""

SERVICES = ("containerd", "kubelet")
"""systemd runs them."""

_MANIFESTS = "/etc/kubernetes/manifests"
_ASIDE = "/etc/kubernetes/harness-stopped"
_STEP_S = 90.0
_ASK_S = 20.0

# Each script gets the component's name as $1; what it is told more, as $2.
_STOP_POD = f"""
mkdir -p {_ASIDE}
[ ! -e {_MANIFESTS}/$1.yaml ] || mv {_MANIFESTS}/$1.yaml {_ASIDE}/
quiet=0
for _ in $(seq 400); do
  if pkill "-$2" -f "^([^ ]*/)?$1 "; then quiet=0; else quiet=$((quiet + 1)); fi
  [ "$quiet" -lt 10 ] || exit 0
  sleep 0.1
done
echo "$1 still runs" >&2; exit 1
"""
_START_POD = f"""
[ ! -e {_ASIDE}/$1.yaml ] || mv {_ASIDE}/$1.yaml {_MANIFESTS}/
for _ in $(seq 800); do
  ! pgrep -f "^([^ ]*/)?$1 " >/dev/null || exit 0
  sleep 0.1
done
echo "the kubelet doesn't start $1" >&2; exit 1
"""
# The kubelet starts a container anew that ended; the first time at once.
_RESTART_POD = """
old=$(pgrep -o -f "^([^ ]*/)?$1 ") || { echo "$1 doesn't run" >&2; exit 1; }
kill "-$2" "$old"
for _ in $(seq 800); do
  new=$(pgrep -o -f "^([^ ]*/)?$1 ") && [ "$new" != "$old" ] && exit 0
  sleep 0.1
done
echo "the kubelet doesn't start $1 again" >&2; exit 1
"""
_SERVICE = 'systemctl "$2" "$1"'
_KILL_SERVICE = 'systemctl kill --signal="$2" "$1" && systemctl stop "$1"'
_TAIL_POD = 'tail -q -n "$2" $(ls -t /var/log/pods/kube-system_$1-*/$1/*.log | head -n 1)'
_TAIL_SERVICE = 'journalctl --no-pager --output=cat --unit "$1" --lines "$2"'
_STATES = """
for pod in etcd kube-apiserver kube-controller-manager kube-scheduler; do
  if pgrep -f "^([^ ]*/)?$pod " >/dev/null; then echo "$pod running"; else echo "$pod stopped"; fi
done
for unit in containerd kubelet; do
  if systemctl is-active --quiet "$unit"; then echo "$unit running"; else echo "$unit stopped"; fi
done
"""


def stop(calls: Calls, node: str, name: str, *, sig: int = signal.SIGTERM) -> None:
    """Ends a component by a signal and keeps the node from starting it again.

    Raises:
        ClusterError: There is no such component, or it doesn't end.
    """
    number = signal.Signals(sig).name.removeprefix("SIG")
    if _known(name) in STATIC_PODS:
        _act(calls, node, "can't be stopped", _STOP_POD, name, number)
    elif sig == signal.SIGKILL:
        _act(calls, node, "can't be stopped", _KILL_SERVICE, name, number)
    else:
        _act(calls, node, "can't be stopped", _SERVICE, name, "stop")


def start(calls: Calls, node: str, name: str) -> None:
    """Lets the node run a component again, and waits until its process is there.

    Raises:
        ClusterError: There is no such component, or it doesn't start.
    """
    if _known(name) in STATIC_PODS:
        _act(calls, node, "doesn't start", _START_POD, name)
    else:
        _act(calls, node, "doesn't start", _SERVICE, name, "start")


def restart(calls: Calls, node: str, name: str) -> None:
    """Ends a static pod's process and waits until the kubelet has started another.

    Raises:
        ClusterError: There is no such component, or it doesn't come back.
    """
    if _known(name) not in STATIC_PODS:
        raise ClusterError(f"{name} is no static pod.")
    _act(calls, node, "doesn't start anew", _RESTART_POD, name, "TERM")


def tail(calls: Calls, node: str, name: str, lines: int) -> str:
    """Returns the last lines that a component printed.

    Raises:
        ClusterError: There is no such component, or no log.
    """
    script = _TAIL_POD if _known(name) in STATIC_PODS else _TAIL_SERVICE
    return _act(calls, node, "has no log", script, name, str(lines))


def states(calls: Calls, node: str) -> dict[str, str]:
    """Returns each component's name and whether it is "running" or "stopped".

    Raises:
        ClusterError: The node doesn't answer.
    """
    lines = _act(calls, node, "doesn't answer", _STATES, "node").splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


def _known(name: str) -> str:
    if name not in (*STATIC_PODS, *SERVICES):
        raise ClusterError(
            f"The cluster has no component {name!r}.",
            hint=f"It has: {', '.join((*STATIC_PODS, *SERVICES))}.",
        )
    return name


def _act(calls: Calls, node: str, failure: str, script: str, *words: str) -> str:
    seconds = _ASK_S if script in {_TAIL_POD, _TAIL_SERVICE, _STATES} else _STEP_S
    try:
        done = calls.engine("exec", node, "bash", "-c", script, "bash", *words, timeout=seconds)
    except CommandError as error:
        raise explained(f"{words[0]} of {node} {failure}", str(error)) from error
    return done.output
