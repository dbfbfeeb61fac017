#!/usr/bin/env bash
# Sees to Allure, which the tests of the reports render allure-results/ with; a run of the harness doesn't.
# Installs what ci/allure locks into the cache, once, and prints the path of its program.
set -euo pipefail
cd "$(dirname "$0")/../.."

stop() { # one paragraph, then out
  printf 'allure: %s\n' "$*" >&2
  exit 3
}

stamp=$(cat ci/allure/package.json ci/allure/package-lock.json | sha256sum | cut -c1-16)
home=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/harness/allure-$stamp
program=$home/node_modules/.bin/allure
if [ -x "$program" ]; then
  printf '%s\n' "$program"
  exit 0
fi

if ! command -v npm >/dev/null; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    stop "npm is missing. The tests of Allure's folder need it; as root, on Debian: apt-get install npm"
  fi
  echo "allure: installing npm" >&2
  export DEBIAN_FRONTEND=noninteractive
  if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends npm >/dev/null; }; then
    stop "npm could not be installed. Check the network and the package sources and try again."
  fi
fi

draft=$home.draft.$$
trap 'rm -rf "$draft"' EXIT
mkdir -p "$draft" || stop "$draft can't be written. Set XDG_CACHE_HOME to a folder of your own."
cp ci/allure/package.json ci/allure/package-lock.json "$draft"
echo "allure: installing ($(node --version))" >&2
timeout 600 npm ci --prefix "$draft" --omit=dev --ignore-scripts --no-audit --no-fund --silent >&2 ||
  stop "npm can't install what ci/allure/package-lock.json locks. Check the network and npm's settings and try again."
mv -T "$draft" "$home" 2>/dev/null || [ -x "$program" ] || stop "$home can't be written."
printf '%s\n' "$program"
