#!/usr/bin/env bash
# Sees to the kind node image that needs no image registry, and prints its reference as the last
# line of standard output. usage: ci/steps/kind-node.sh [--reference]
#
# Takes the first that is there: the image in Docker; its archive in the cache
# ($XDG_CACHE_HOME/harness/kind-node); a build by ci/kind-node/build.sh (about 25 minutes on two cold
# cores, a few where the control plane has been built before). All three are named by a hash of what
# the image is made from. --reference only prints the name, and makes nothing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=ci/kind-node/names.sh
source "$here/../kind-node/names.sh"
cd "$project"

say() { printf 'kind-node: %4d s  %s\n' "$SECONDS" "$*" >&2; }
stop_with() {
  say "$*"
  exit 3
}

hash_of_inputs() {
  {
    uname -m
    echo "kubernetes $kubernetes etcd $etcd"
    find ci/kind-node -type f ! -name '*.md' ! -path '*__pycache__*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  } | sha256sum | cut -d' ' -f1
}

present() { timeout 60 docker image inspect "$image" >/dev/null 2>&1; }

install_mmdebstrap() {
  command -v mmdebstrap >/dev/null && return
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    stop_with "mmdebstrap is missing, which makes the node's file system. As root, on Debian: apt-get install mmdebstrap"
  fi
  say "installing mmdebstrap"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap; } >/dev/null 2>&1 ||
    stop_with "mmdebstrap could not be installed. Check the network and the package sources and try again."
}

load_archive() {
  say "loading $archive"
  timeout 600 docker load --input "$archive" >&2 && present && return
  say "that archive can't be loaded; it is made again"
  rm -f "$archive"
  return 1
}

save_archive() { # appears by one rename, complete
  say "keeping it in $archive"
  timeout 900 docker save "$image" | gzip -1 >"$work/archive"
  mv "$work/archive" "$archive"
  find "$cache" -name '*.tar.gz' -printf '%T@ %p\n' | sort -rn | tail -n +3 | cut -d' ' -f2- | xargs -r rm -f # two are kept
}

inputs=$(hash_of_inputs)
image=$domain/kind-node:v$kubernetes-${inputs:0:12}
if [ "${1:-}" = --reference ]; then
  echo "$image"
  exit
fi
"$here/docker.sh"
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/harness/kind-node
archive=$cache/kind-node-v$kubernetes-${inputs:0:12}.tar.gz
if ! present; then
  mkdir -p "$cache" || stop_with "$cache can't be written. Set XDG_CACHE_HOME to a folder of your own."
  exec 9>"$cache/.lock" # two at a time: the second waits, and finds it done
  flock --timeout 5400 9 || stop_with "another process has been making the node image for 90 minutes. End it and try again."
  if ! present && { [ ! -f "$archive" ] || ! load_archive; }; then
    "$here/environment.sh"
    install_mmdebstrap
    work=$cache/.draft-${inputs:0:12} # stays where a build is stopped, and the next one goes on
    find "$cache" -maxdepth 1 -name '.draft-*' ! -path "$work" -exec rm -rf {} +
    mkdir -p "$work"
    "$project/ci/kind-node/build.sh" "$image" "$inputs" "$work"
    save_archive
    rm -rf "$work"
  fi
fi
say "$image"
echo "$image"
