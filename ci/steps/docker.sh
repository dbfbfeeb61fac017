#!/usr/bin/env bash
# Sees to a Docker engine. Does nothing where one answers already.
# usage: ci/steps/docker.sh [start | stop | status]
#
# On a Debian host without one (a bare container or virtual machine, perhaps without an init), as
# root: installs docker.io and starts dockerd by hand, in a session of its own, so that it outlives
# whoever called. Where the kernel doesn't give this host CAP_SYS_RESOURCE, containers run by a
# runtime that asks for what there is (ci/steps/docker/runc-without-missing-caps).
#   log        /var/log/harness-docker.log
#   stop       ends the engine that `start` started (and only that one) with its containers
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
pid_file=/run/harness-docker.pid
log=/var/log/harness-docker.log
folder=/var/lib/harness-docker # daemon.json and the runtime; /run may be mounted noexec
ready_within=90                # seconds; a first start makes the storage and the bridge
cap_sys_resource=24

say() { printf 'docker: %s\n' "$*" >&2; }
stop_with() { # one paragraph, then out
  say "$*"
  exit 3
}

answers() { command -v docker >/dev/null && timeout 20 docker info >/dev/null 2>&1; }

ours() { # the process id of the engine that we started, if it lives
  local pid
  pid=$(cat "$pid_file" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] && echo "$pid"
}

has_capability() { # whether the bounding set holds capability number $1
  local set
  set=$(awk '/^CapBnd:/ {print $2}' /proc/self/status)
  ((16#$set >> $1 & 1))
}

check_host() {
  [ -n "${DOCKER_HOST:-}" ] &&
    stop_with "the engine that DOCKER_HOST names ($DOCKER_HOST) doesn't answer. Start it there, or unset DOCKER_HOST."
  [ "$(uname -s)" = Linux ] || stop_with "no Docker engine answers. Start Docker Desktop (or your own engine) and try again."
  if [ "$(id -u)" -ne 0 ]; then
    [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ] &&
      stop_with "/var/run/docker.sock may not be used by $(id -un). Add yourself to its group (sudo usermod -aG docker $(id -un)), log in again and try again."
    stop_with "no Docker engine answers, and only root may start one. Start it (sudo systemctl start docker) or run as root: sudo $0"
  fi
  grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || true
  [ -e /sys/fs/cgroup/cgroup.controllers ] || [ -d /sys/fs/cgroup/memory ] ||
    stop_with "no control groups are mounted below /sys/fs/cgroup, which an engine needs. Mount them (Debian: apt-get install cgroupfs-mount && cgroupfs-mount) and try again."
}

install_engine() {
  local missing=()
  command -v dockerd >/dev/null || missing+=(docker.io)
  command -v iptables >/dev/null || missing+=(iptables)
  command -v jq >/dev/null || missing+=(jq) # for the runtime
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null ||
    stop_with "no Docker engine is installed, and this host has no apt-get to install one. Install Docker and try again."
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log.apt" 2>&1; then
    tail -n 5 "$log.apt" >&2
    stop_with "${missing[*]} could not be installed ($log.apt). Check the network and the package sources and try again."
  fi
}

write_configuration() {
  mkdir -p "$folder"
  if has_capability "$cap_sys_resource"; then
    cat >"$folder/daemon.json" <<'JSON'
{"ip": "127.0.0.1", "log-opts": {"max-size": "20m"}}
JSON
    return
  fi
  say "this host lacks CAP_SYS_RESOURCE: containers run without it"
  install -m 0755 "$here/docker/runc-without-missing-caps" "$folder/runc"
  cat >"$folder/daemon.json" <<JSON
{
  "ip": "127.0.0.1",
  "log-opts": {"max-size": "20m"},
  "runtimes": {"without-missing-caps": {"path": "$folder/runc"}},
  "default-runtime": "without-missing-caps",
  "oom-score-adjust": 0
}
JSON
}

start_engine() {
  if [ -d /run/systemd/system ] && [ -z "$(ours)" ]; then
    say "starting the docker service"
    systemctl start docker || stop_with "the docker service didn't start. See: journalctl -u docker"
  elif [ -z "$(ours)" ]; then
    write_configuration
    say "starting dockerd (log: $log; to end it: $0 stop)"
    # a session of its own: a caller that is ended with its whole process group doesn't end it
    setsid --fork dockerd --config-file "$folder/daemon.json" --pidfile "$pid_file" \
      </dev/null >>"$log" 2>&1 9>&-
  fi
  local deadline=$((SECONDS + ready_within)) grace=$((SECONDS + 5))
  until answers; do
    if [ ! -d /run/systemd/system ] && [ -z "$(ours)" ] && ((SECONDS > grace)); then
      tail -n 5 "$log" >&2
      stop_with "dockerd ended while starting; the last lines of $log are above."
    fi
    ((SECONDS < deadline)) || stop_with "the Docker engine doesn't answer after $ready_within s. See $log."
    sleep 0.5
  done
  say "ready after $SECONDS s ($(timeout 20 docker info --format 'engine {{.ServerVersion}}, {{.Driver}}, cgroup v{{.CgroupVersion}}'))"
}

stop_engine() {
  local pid deadline=$((SECONDS + 60))
  pid=$(ours) || {
    say "nothing to end: no engine was started from here"
    return
  }
  kill "$pid"
  while [ -d "/proc/$pid" ]; do
    ((SECONDS < deadline)) || stop_with "dockerd (process $pid) didn't end within 60 s. See $log."
    sleep 0.2
  done
  rm -f "$pid_file"
  say "ended dockerd (process $pid)"
}

case ${1:-start} in
  start)
    answers && exit 0
    check_host
    exec 9<"$here/docker.sh" # two at a time: the second waits, and finds it done
    flock --timeout 300 9 || stop_with "another process has been starting Docker for 5 minutes. End it and try again."
    answers && exit 0
    install_engine
    start_engine
    ;;
  stop) stop_engine ;;
  status)
    answers || stop_with "no Docker engine answers"
    say "an engine answers ($(ours >/dev/null && echo "started from here, process $(ours)" || echo "not started from here"))"
    ;;
  *) stop_with "usage: ci/steps/docker.sh [start | stop | status]" ;;
esac
